#ifndef HDLMM_MARGINAL_DECOMPOSE_HPP
#define HDLMM_MARGINAL_DECOMPOSE_HPP

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// Which side of the design was decomposed.
enum class Side {
  row,      ///< X S X' = U diag(d) U', vectors = U [n x r]
  column,   ///< X'X = W diag(d) W', vectors = W [p x r], U = X W diag(d)^-1/2
  diagonal  ///< X'X = diag(d) already: no vectors, U = X diag(d)^-1/2
};

/// Eigenvalues and vectors of K = X S X' that are not zero.
struct Spectrum {
  Side side = Side::row;
  Vector d;                 ///< [r], ascending, positive
  Matrix vectors;           ///< see Side
  double min_computed = 0;  ///< smallest computed eigenvalue
  double zero_bound = 0;    ///< see zero_bound(): K is no covariance if that lies below minus this
};

/// Eigenvalues below this share of the largest are rounding of the decomposition, and are taken as
/// exactly zero: the unbounded likelihood and the limit nu -> 0 depend on it (mathematics of
/// section 2).
double zero_eigenvalue_share(Index n);

/// Eigenvalues of size up to this count as zero, whatever their sign. d: ascending, of a Gram
/// matrix of a design with n rows.
double zero_bound(const Vector& d, Index n, const Rounding& rounding);

/// How many of the ascending eigenvalues are not above the bound.
Index count_zero_eigenvalues(const Vector& d, double bound);

/// The side whose Gram matrix is decomposed where it is not diagonal.
Side smaller_side(const DesignOperator& x);

/// Gram matrix on the smaller side, then its eigendecomposition.
/// O(n p min(n, p)) + about 9 min(n, p)^3 flops; peak memory two square matrices of that side.
Spectrum decompose(const DesignOperator& x, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_DECOMPOSE_HPP
