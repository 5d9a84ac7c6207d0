#ifndef HDLMM_CORE_PRODUCTS_HPP
#define HDLMM_CORE_PRODUCTS_HPP

#include <algorithm>

#include "hdlmm/core/context.hpp"
#include "hdlmm/core/types.hpp"

namespace hdlmm {

// Small products. Matrix times vector where the matrix may be empty: Eigen's kernel then binds
// references to null pointers, which is harmless but undefined, and sanitizers stop at it.

/// a x, [m], a: [m x k].
inline Vector times(const ConstMatrix& a, const ConstVector& x) {
  if (a.size() == 0) return Vector::Zero(a.rows());
  return a * x;
}

/// a' x, [k], a: [m x k].
inline Vector transpose_times(const ConstMatrix& a, const ConstVector& x) {
  if (a.size() == 0) return Vector::Zero(a.cols());
  return a.transpose() * x;
}

/// a b for large a and b, by blocks of columns of b, polled between them.
template <typename Factor>
Matrix polled_product(const Factor& a, const ConstMatrix& b, const Context& context) {
  constexpr double kFlopsBetweenPolls = 2e8;  // tens of milliseconds
  const double flops = 2.0 * static_cast<double>(a.size());
  if (flops * static_cast<double>(b.cols()) <= kFlopsBetweenPolls) return a * b;
  const auto width = static_cast<Index>(std::max(16.0, kFlopsBetweenPolls / flops));
  Matrix out(a.rows(), b.cols());
  for (Index first = 0; first < b.cols(); first += width) {
    context.poll();
    const Index size = std::min(width, b.cols() - first);
    out.middleCols(first, size).noalias() = a * b.middleCols(first, size);
  }
  return out;
}

/// Columns up to which Eigen's packing costs more than it gains.
constexpr Index kNarrow = 4;

/// a'b, [c x k], a: [m x c], b: [m x k].
inline Matrix transpose_product(const ConstMatrix& a, const ConstMatrix& b) {
  if (a.cols() > kNarrow) return a.transpose() * b;
  Matrix out(a.cols(), b.cols());
  for (Index j = 0; j < b.cols(); ++j) {
    for (Index i = 0; i < a.cols(); ++i) out(i, j) = a.col(i).dot(b.col(j));
  }
  return out;
}

/// Lower triangle of a'a, [c x c], a: [m x c].
inline Matrix lower_gram(const ConstMatrix& a) {
  const Index c = a.cols();
  Matrix out = Matrix::Zero(c, c);
  if (c > kNarrow) {
    out.selfadjointView<Eigen::Lower>().rankUpdate(a.transpose());
    return out;
  }
  for (Index j = 0; j < c; ++j) {
    for (Index i = j; i < c; ++i) out(i, j) = a.col(i).dot(a.col(j));
  }
  return out;
}

/// a' diag(weight) a with weight [m] >= 0, [c x c], by half of the products.
inline Matrix weighted_gram(const ConstMatrix& a, const ConstVector& weight) {
  const Index c = a.cols();
  if (c > kNarrow) {
    return lower_gram(weight.cwiseSqrt().asDiagonal() * a).selfadjointView<Eigen::Lower>();
  }
  Matrix out(c, c);
  for (Index j = 0; j < c; ++j) {
    for (Index i = j; i < c; ++i) {
      out(i, j) = out(j, i) = a.col(i).dot(a.col(j).cwiseProduct(weight));
    }
  }
  return out;
}

/// a <- a r^-1, r [c x c] upper triangular, a: [m x c].
inline void divide_by_upper(const ConstMatrix& r, MatrixView a) {
  const Index c = a.cols();
  if (c > kNarrow) {
    r.triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(a);
    return;
  }
  for (Index j = 0; j < c; ++j) {
    for (Index i = 0; i < j; ++i) a.col(j) -= r(i, j) * a.col(i);
    a.col(j) /= r(j, j);
  }
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_PRODUCTS_HPP
