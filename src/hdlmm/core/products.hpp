#ifndef HDLMM_CORE_PRODUCTS_HPP
#define HDLMM_CORE_PRODUCTS_HPP

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

/// Lower triangle of a'a, [c x c], a: [m x c].
inline Matrix lower_gram(const ConstMatrix& a) {
  constexpr Index kNarrow = 4;  // up to here Eigen's packing costs more than it gains
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

}  // namespace hdlmm

#endif  // HDLMM_CORE_PRODUCTS_HPP
