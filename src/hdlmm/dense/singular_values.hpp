#ifndef HDLMM_DENSE_SINGULAR_VALUES_HPP
#define HDLMM_DENSE_SINGULAR_VALUES_HPP

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// a = u diag(values) v', a [k x c] with k <= c: u [k x k], v [c x c].
struct SingularValues {
  Matrix u, v;
  Vector values;  ///< [k], descending; right to rounding of the largest
};

/// By rotations that make 2 x 2 blocks diagonal on both sides (Kogbetliantz 1955, Q. Appl. Math.
/// 13). A large matrix is brought near to that by the eigenvectors of a'a first, whose rounding is
/// that of squares: rotations are left where it matters. O(c^3).
///
/// Eigen's JacobiSVD makes the same rotations and BDCSVD is faster beyond some hundred columns, but
/// compilers need a minute and 1.4 GB for the two.
SingularValues singular_values(const ConstMatrix& a);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_SINGULAR_VALUES_HPP
