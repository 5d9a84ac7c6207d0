#ifndef HDLMM_DENSE_SMALL_DENSE_HPP
#define HDLMM_DENSE_SMALL_DENSE_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

// Factorisations of small matrices. The .cpp is the only code that includes a solver of Eigen,
// which takes compilers longer than all the rest of a file.

/// a^-1 b [n x k] for a positive definite a [n x n].
Matrix solve_positive(const ConstMatrix& a, const ConstMatrix& b);

/// The upper triangle R of a = R'R, [n x n], zero below. Of a positive definite a.
Matrix upper_root(const ConstMatrix& a);

/// log|a| of a positive definite a.
double log_determinant(const ConstMatrix& a);

/// Eigenvalues, ascending, and vectors of a symmetric a, of which the lower triangle is read.
struct SymmetricEigen {
  Vector values;
  Matrix vectors;
};
SymmetricEigen symmetric_eigen(const ConstMatrix& a);

/// By the host's solver, or Eigen's: see Context::eigensolver. Throws std::runtime_error.
Vector solve_symmetric(Matrix& a, bool vectors, const Context& context);

/// a = q r with k = min(m, c): q [m x k] with orthonormal columns, r [k x c] upper triangular.
/// Householder's.
struct ThinQr {
  Matrix q, r;
};
ThinQr thin_qr(const ConstMatrix& a);

/// The triangle alone.
Matrix triangle_of_qr(const ConstMatrix& a);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_SMALL_DENSE_HPP
