#ifndef HDLMM_LINALG_FIXED_BASIS_HPP
#define HDLMM_LINALG_FIXED_BASIS_HPP

#include <vector>

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Z = Q R on the columns that are not aliased with earlier ones.
struct FixedBasis {
  Matrix q;                 ///< [n x c], orthonormal columns
  Matrix r;                 ///< [c x c], upper triangular
  std::vector<Index> kept;  ///< [c], indices of the columns of Z, ascending
};

/// Householder QR that keeps columns in order and leaves out each that lies in the span of those
/// before it, up to `tolerance` relative to its own length (as lm() does, with a tighter bound).
/// Columns must be of moderate size: scale them first. O(n c^2), by panels in matrix products.
FixedBasis build_fixed_basis(const ConstMatrix& z, double tolerance,
                             const Context& context = Context());

struct LeastSquares {
  Vector omega;     ///< [c]
  Vector residual;  ///< [n]
};

/// Least squares of y on the kept columns of z, refined with residuals of twice the precision.
///
/// Bjorck (1967), BIT 7: iterate on the augmented system, which corrects omega and the residual
/// together and so also helps when the residual is large. Ends when a step is below rounding. O(n
/// c) an iteration. Throws InvalidInput.
LeastSquares solve_least_squares(const FixedBasis& basis, const ConstMatrix& z,
                                 const ConstVector& y, const Context& context = Context());

}  // namespace hdlmm

#endif  // HDLMM_LINALG_FIXED_BASIS_HPP
