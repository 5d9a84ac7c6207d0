#include "hdlmm/dense/triangular.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"

namespace hdlmm {

namespace {

constexpr Index kUnblocked = 64;

constexpr Index kVectors = 128;  ///< of the right-hand side in one task

/// The first part of n, in whole blocks.
Index half(Index n) { return round_up(n / 2, kUnblocked); }

/// solve(first, count) for slices of m vectors.
template <typename Solve>
void for_slices(Index n, Index m, const Context& context, Solve&& solve) {
  const Context chosen = context_for(4.0 * n * n * m, context);
  parallel_for(chosen, divide_up(m, kVectors), [&](Index task) {
    const Index first = task * kVectors;
    solve(first, std::min(kVectors, m - first));
  });
}

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

/// L <- L^-1, below the diagonal.
void invert_root(MatrixView l, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) {
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
    return;
  }
  const Index top = half(n), bottom = n - top;
  auto corner = l.bottomLeftCorner(bottom, top);
  solve_lower(l.bottomRightCorner(bottom, bottom), corner, context);
  invert_root(l.topLeftCorner(top, top), context);
  invert_root(l.bottomRightCorner(bottom, bottom), context);
  Matrix turned = Matrix::Zero(bottom, top);
  const Matrix inverted = l.topLeftCorner(top, top).triangularView<Eigen::Lower>();
  add_product(-1, corner, Op::none, inverted, Op::none, turned, context);
  corner = turned;
}

/// Lower triangle of c += L'L.
void add_square(const ConstMatrix& l, MatrixView c, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) {
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) c(i, j) += l.col(i).tail(n - i).dot(l.col(j).tail(n - i));
    }
    return;
  }
  const Index top = half(n), bottom = n - top;
  const ConstMatrix corner = l.bottomLeftCorner(bottom, top);
  add_square(l.topLeftCorner(top, top), c.topLeftCorner(top, top), context);
  const Matrix across = corner.transpose();
  add_lower_product(1, across, across, c.topLeftCorner(top, top), context);
  const Matrix lower = l.bottomRightCorner(bottom, bottom).triangularView<Eigen::Lower>();
  add_product(1, lower, Op::transpose, corner, Op::none, c.bottomLeftCorner(bottom, top), context);
  add_square(l.bottomRightCorner(bottom, bottom), c.bottomRightCorner(bottom, bottom), context);
}

}  // namespace

void solve_lower(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    for_slices(n, m, context, [&](Index first, Index count) {
      for (Index k = first; k < first + count; ++k) solve_lower_column(l, b.col(k));
    });
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
    for_slices(n, m, context, [&](Index first, Index count) {
      for (Index k = first; k < first + count; ++k) solve_lower_transposed_column(l, b.col(k));
    });
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
    for_slices(n, m, context, [&](Index first, Index count) {
      divide_by_lower_transposed(l, b.middleRows(first, count));
    });
    return;
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

Matrix inverse_of_root(const ConstMatrix& l, const Context& context) {
  const Index n = l.rows();
  Matrix root = l, out = Matrix::Zero(n, n);
  if (n == 0) return out;
  invert_root(root, context);
  add_square(root, out, context);
  mirror_lower(out);
  return out;
}

}  // namespace hdlmm
