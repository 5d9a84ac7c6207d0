#include "hdlmm/dense/products.hpp"

#include <algorithm>

#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/rank_update.hpp"

namespace hdlmm {

namespace {

/// Columns of b that are multiplied between two polls for a with `size` cells: all of them where
/// that takes tens of milliseconds.
Index polled_width(Index size, Index cols) {
  constexpr double kFlopsBetweenPolls = 2e8;
  const double flops = 2.0 * static_cast<double>(size);
  if (flops * static_cast<double>(cols) <= kFlopsBetweenPolls) return cols;
  return static_cast<Index>(std::max(16.0, kFlopsBetweenPolls / flops));
}

/// Products below this many flops, or with a side this narrow, are not worth their packing.
bool is_small(Index rows, Index cols, Index depth) {
  constexpr Index kFewFlops = 1 << 15;
  return rows <= kNarrow || cols <= kNarrow || 2 * rows * cols * depth <= kFewFlops;
}

/// c += alpha a b, or alpha a b' when `turned`.
void add_times(double alpha, const ConstMatrix& a, const ConstMatrix& b, bool turned,
               MatrixView c) {
  const Index depth = a.cols();
  if (!is_small(c.rows(), c.cols(), depth)) {
    return add_product(alpha, a, Op::none, b, turned ? Op::transpose : Op::none, c, Context());
  }
  for (Index j = 0; j < c.cols(); ++j) {
    for (Index k = 0; k < depth; ++k) {
      c.col(j) += (alpha * (turned ? b(j, k) : b(k, j))) * a.col(k);
    }
  }
}

/// c += alpha a' b.
void add_transpose_times(double alpha, const ConstMatrix& a, const ConstMatrix& b, MatrixView c) {
  if (!is_small(c.rows(), c.cols(), a.rows())) {
    return add_product(alpha, a, Op::transpose, b, Op::none, c, Context());
  }
  for (Index j = 0; j < c.cols(); ++j) {
    for (Index i = 0; i < c.rows(); ++i) c(i, j) += alpha * a.col(i).dot(b.col(j));
  }
}

}  // namespace

Vector times(const ConstMatrix& a, const ConstVector& x) {
  if (a.size() == 0) return Vector::Zero(a.rows());
  return a * x;
}

Vector transpose_times(const ConstMatrix& a, const ConstVector& x) {
  if (a.size() == 0) return Vector::Zero(a.cols());
  return a.transpose() * x;
}

Matrix product(const ConstMatrix& a, const ConstMatrix& b) {
  Matrix out = Matrix::Zero(a.rows(), b.cols());
  add_times(1, a, b, false, out);
  return out;
}

Matrix product_transpose(const ConstMatrix& a, const ConstMatrix& b) {
  Matrix out = Matrix::Zero(a.rows(), b.rows());
  add_times(1, a, b, true, out);
  return out;
}

Matrix transpose_product(const ConstMatrix& a, const ConstMatrix& b) {
  Matrix out = Matrix::Zero(a.cols(), b.cols());
  add_transpose_times(1, a, b, out);
  return out;
}

Matrix sandwich(const ConstMatrix& a, const ConstMatrix& b) {
  return transpose_product(a, product(b, a));
}

Matrix congruent(const ConstMatrix& a, const ConstMatrix& b) {
  return product_transpose(product(a, b), a);
}

void subtract_product(const ConstMatrix& a, const ConstMatrix& b, MatrixView c) {
  add_times(-1, a, b, false, c);
}

void subtract_transpose_product(const ConstMatrix& a, const ConstMatrix& b, MatrixView c) {
  add_transpose_times(-1, a, b, c);
}

void subtract_product_transpose(const ConstMatrix& a, const ConstMatrix& b, MatrixView c) {
  add_times(-1, a, b, true, c);
}

Matrix symmetric_part(const ConstMatrix& a) { return (a + a.transpose()) / 2; }

void add_outer(double alpha, const ConstVector& x, const ConstVector& y, MatrixView c) {
  for (Index j = 0; j < c.cols(); ++j) c.col(j) += (alpha * y(j)) * x;
}

Matrix polled_product(const ConstMatrix& a, const ConstMatrix& b, const Context& context) {
  const Index width = polled_width(a.size(), b.cols());
  if (width >= b.cols()) return product(a, b);
  Matrix out(a.rows(), b.cols());
  for (Index first = 0; first < b.cols(); first += width) {
    context.poll();
    const Index size = std::min(width, b.cols() - first);
    out.middleCols(first, size) = product(a, b.middleCols(first, size));
  }
  return out;
}

Matrix polled_transpose_product(const ConstMatrix& a, const ConstMatrix& b,
                                const Context& context) {
  const Index width = polled_width(a.size(), b.cols());
  if (width >= b.cols()) return transpose_product(a, b);
  Matrix out(a.cols(), b.cols());
  for (Index first = 0; first < b.cols(); first += width) {
    context.poll();
    const Index size = std::min(width, b.cols() - first);
    out.middleCols(first, size) = transpose_product(a, b.middleCols(first, size));
  }
  return out;
}

Matrix lower_gram(const ConstMatrix& a) {
  const Index c = a.cols();
  Matrix out = Matrix::Zero(c, c);
  if (!is_small(c, c, a.rows())) {
    add_inner_gram(a, out, Context());
    return out;
  }
  for (Index j = 0; j < c; ++j) {
    for (Index i = j; i < c; ++i) out(i, j) = a.col(i).dot(a.col(j));
  }
  return out;
}

Matrix weighted_gram(const ConstMatrix& a, const ConstVector& weight) {
  const Index c = a.cols();
  Matrix out = lower_gram(weight.cwiseSqrt().asDiagonal() * a);
  for (Index j = 0; j < c; ++j) {
    for (Index i = j + 1; i < c; ++i) out(j, i) = out(i, j);
  }
  return out;
}

void solve_upper(const ConstMatrix& r, MatrixView b) {
  for (Index k = 0; k < b.cols(); ++k) {
    for (Index j = r.cols() - 1; j >= 0; --j) {
      b(j, k) /= r(j, j);
      b.col(k).head(j) -= b(j, k) * r.col(j).head(j);
    }
  }
}

void solve_upper_transposed(const ConstMatrix& r, MatrixView b) {
  for (Index k = 0; k < b.cols(); ++k) {
    for (Index j = 0; j < r.cols(); ++j) {
      b(j, k) = (b(j, k) - r.col(j).head(j).dot(b.col(k).head(j))) / r(j, j);
    }
  }
}

}  // namespace hdlmm
