#ifndef HDLMM_DENSE_SYMMETRIC_ROOT_HPP
#define HDLMM_DENSE_SYMMETRIC_ROOT_HPP

#include <optional>

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// R [n x rank] with R R' = A, of a symmetric A [n x n] of which the lower triangle is read: by the
/// Cholesky factor where A is positive definite, by one with pivots where it is singular (Higham
/// 1990). None where A is not positive semidefinite but for rounding. n^2 rank flops.
std::optional<Matrix> symmetric_root(const ConstMatrix& a, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_SYMMETRIC_ROOT_HPP
