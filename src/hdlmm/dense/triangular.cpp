#include "hdlmm/dense/triangular.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/rank_update.hpp"

namespace hdlmm {

namespace {

constexpr Index kUnblocked = 64;

/// The first part of n, in whole blocks.
Index half(Index n) { return round_up(n / 2, kUnblocked); }

/// Vectors from which on the inverse of a block on the diagonal earns what it costs.
constexpr Index kManyVectors = 32;

void solve_lower_column(const ConstMatrix& l, Eigen::Ref<Vector> x) {
  for (Index j = 0; j < l.cols(); ++j) {
    const Index below = l.cols() - j - 1;
    x[j] /= l(j, j);
    x.tail(below) -= x[j] * l.col(j).tail(below);
  }
}

void solve_lower_transposed_column(const ConstMatrix& l, Eigen::Ref<Vector> x) {
  for (Index j = l.cols() - 1; j >= 0; --j) {
    const Index below = l.cols() - j - 1;
    x[j] = (x[j] - l.col(j).tail(below).dot(x.tail(below))) / l(j, j);
  }
}

void divide_by_lower_transposed(const ConstMatrix& l, MatrixView b) {
  for (Index j = 0; j < l.cols(); ++j) {
    for (Index i = 0; i < j; ++i) b.col(j) -= l(j, i) * b.col(i);
    b.col(j) /= l(j, j);
  }
}

/// l <- l^-1 of a small l, below its diagonal.
void invert_by_columns(MatrixView l) {
  const Index n = l.rows();
  for (Index j = 0; j < n; ++j) {
    const Index below = n - j - 1;
    Vector column = -l.col(j).tail(below) / l(j, j);
    l(j, j) = 1 / l(j, j);
    // the rest of the triangle is not inverted yet
    for (Index i = 0; i < below; ++i) {
      column[i] /= l(j + 1 + i, j + 1 + i);
      column.tail(below - i - 1) -= column[i] * l.col(j + 1 + i).tail(below - i - 1);
    }
    l.col(j).tail(below) = column;
  }
}

Matrix whole_lower(const ConstMatrix& l) { return l.triangularView<Eigen::Lower>(); }

/// Of a block on the diagonal: with its inverse the vectors are solved for by products, which are
/// ten times faster than substitution (as GPUs do, Tomov, Nath, Ltaief & Dongarra 2010).
Matrix inverse_of_block(const ConstMatrix& l) {
  Matrix out = whole_lower(l);
  invert_by_columns(out);
  return out;
}

/// b <- op(t) b.
void multiply_from_left(const ConstMatrix& t, Op op, MatrixView b, const Context& context) {
  Matrix out = Matrix::Zero(b.rows(), b.cols());
  add_product(1, t, op, b, Op::none, out, context);
  b = out;
}

/// b <- b op(t).
void multiply_from_right(const ConstMatrix& t, Op op, MatrixView b, const Context& context) {
  Matrix out = Matrix::Zero(b.rows(), b.cols());
  add_product(1, b, Op::none, t, op, out, context);
  b = out;
}

/// b [m x n] <- b l. n^2 m flops.
void times_lower_on_right(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) return multiply_from_right(whole_lower(l), Op::none, b, context);
  const Index left = half(n), right = n - left;
  times_lower_on_right(l.topLeftCorner(left, left), b.leftCols(left), context);
  add_product(1, b.rightCols(right), Op::none, l.bottomLeftCorner(right, left), Op::none,
              b.leftCols(left), context);
  times_lower_on_right(l.bottomRightCorner(right, right), b.rightCols(right), context);
}

/// b [n x m] <- l'b. n^2 m flops.
void times_lower_transposed(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) return multiply_from_left(whole_lower(l), Op::transpose, b, context);
  const Index top = half(n), bottom = n - top;
  times_lower_transposed(l.topLeftCorner(top, top), b.topRows(top), context);
  add_product(1, l.bottomLeftCorner(bottom, top), Op::transpose, b.bottomRows(bottom), Op::none,
              b.topRows(top), context);
  times_lower_transposed(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
}

bool cholesky_by_columns(MatrixView a) {
  const Index n = a.rows();
  for (Index j = 0; j < n; ++j) {
    auto column = a.col(j).tail(n - j);
    for (Index k = 0; k < j; ++k) column -= a(j, k) * a.col(k).tail(n - j);
    if (!(column[0] > 0) || !std::isfinite(column[0])) return false;
    column /= std::sqrt(column[0]);
  }
  return true;
}

/// l <- l^-1, below the diagonal. n^3 / 3 flops.
void invert_root(MatrixView l, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) return invert_by_columns(l);
  const Index top = half(n), bottom = n - top;
  auto corner = l.bottomLeftCorner(bottom, top);
  solve_lower(l.bottomRightCorner(bottom, bottom), corner, context);
  invert_root(l.topLeftCorner(top, top), context);
  invert_root(l.bottomRightCorner(bottom, bottom), context);
  times_lower_on_right(l.topLeftCorner(top, top), corner, context);
  corner *= -1;
}

/// l <- the lower triangle of l'l. n^3 / 3 flops.
void square_in_place(MatrixView l, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) {
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) l(i, j) = l.col(i).tail(n - i).dot(l.col(j).tail(n - i));
    }
    return;
  }
  const Index top = half(n), bottom = n - top;
  auto corner = l.bottomLeftCorner(bottom, top);
  square_in_place(l.topLeftCorner(top, top), context);
  add_inner_gram(corner, l.topLeftCorner(top, top), context);
  times_lower_transposed(l.bottomRightCorner(bottom, bottom), corner, context);
  square_in_place(l.bottomRightCorner(bottom, bottom), context);
}

}  // namespace

void solve_lower(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    if (m >= kManyVectors) return multiply_from_left(inverse_of_block(l), Op::none, b, context);
    for (Index k = 0; k < m; ++k) solve_lower_column(l, b.col(k));
    return;
  }
  const Index top = half(n), bottom = n - top;
  solve_lower(l.topLeftCorner(top, top), b.topRows(top), context);
  add_product(-1, l.bottomLeftCorner(bottom, top), Op::none, b.topRows(top), Op::none,
              b.bottomRows(bottom), context);
  solve_lower(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
}

void solve_lower_transposed(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    if (m >= kManyVectors) {
      return multiply_from_left(inverse_of_block(l), Op::transpose, b, context);
    }
    for (Index k = 0; k < m; ++k) solve_lower_transposed_column(l, b.col(k));
    return;
  }
  const Index top = half(n), bottom = n - top;
  solve_lower_transposed(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
  add_product(-1, l.bottomLeftCorner(bottom, top), Op::transpose, b.bottomRows(bottom), Op::none,
              b.topRows(top), context);
  solve_lower_transposed(l.topLeftCorner(top, top), b.topRows(top), context);
}

void solve_lower_transposed_on_right(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.rows();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    if (m >= kManyVectors) {
      return multiply_from_right(inverse_of_block(l), Op::transpose, b, context);
    }
    return divide_by_lower_transposed(l, b);
  }
  const Index left = half(n), right = n - left;
  solve_lower_transposed_on_right(l.topLeftCorner(left, left), b.leftCols(left), context);
  add_product(-1, b.leftCols(left), Op::none, l.bottomLeftCorner(right, left), Op::transpose,
              b.rightCols(right), context);
  solve_lower_transposed_on_right(l.bottomRightCorner(right, right), b.rightCols(right), context);
}

bool cholesky_in_place(MatrixView a, const Context& context) {
  const Index n = a.rows();
  if (n == 0) return true;
  if (n <= kUnblocked) return cholesky_by_columns(a);
  const Index top = half(n), bottom = n - top;
  if (!cholesky_in_place(a.topLeftCorner(top, top), context)) return false;
  solve_lower_transposed_on_right(a.topLeftCorner(top, top), a.bottomLeftCorner(bottom, top),
                                  context);
  const ConstMatrix below = a.bottomLeftCorner(bottom, top);
  add_lower_product(-1, below, below, a.bottomRightCorner(bottom, bottom), context);
  return cholesky_in_place(a.bottomRightCorner(bottom, bottom), context);
}

void inverse_of_root_in_place(MatrixView l, const Context& context) {
  if (l.rows() == 0) return;
  invert_root(l, context);
  square_in_place(l, context);
}

Matrix inverse_of_root(Matrix l, const Context& context) {
  inverse_of_root_in_place(l, context);
  mirror_lower(l);
  return l;
}

}  // namespace hdlmm
