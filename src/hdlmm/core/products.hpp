#ifndef HDLMM_CORE_PRODUCTS_HPP
#define HDLMM_CORE_PRODUCTS_HPP

#include "hdlmm/core/types.hpp"

namespace hdlmm {

// Matrix times vector where the matrix may be empty: Eigen's kernel then binds references to null
// pointers, which is harmless but undefined, and sanitizers stop at it.

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

}  // namespace hdlmm

#endif  // HDLMM_CORE_PRODUCTS_HPP
