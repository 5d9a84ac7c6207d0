#ifndef HDLMM_LINALG_TRIDIAGONAL_SPECTRUM_HPP
#define HDLMM_LINALG_TRIDIAGONAL_SPECTRUM_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Eigenvalues, ascending, and data in the basis of the eigenvectors.
struct RotatedSpectrum {
  Vector values;   ///< d [n]
  Matrix rotated;  ///< U' F [n x k]
};

/// Eigenvalues of the tridiagonal matrix T = U D U' and U' F, without U.
///
/// Implicit QL with every plane rotation applied to the rows of F (Golub & Welsch 1969, Math.
/// Comput. 23, who keep the first row alone), several shifts at a time. diagonal: [n]; subdiagonal:
/// [n - 1]; f_transposed: [k x n]. About 20 n^2 + 5 n^2 k flops. Throws std::runtime_error when it
/// does not converge. The result does not depend on the number of threads.
RotatedSpectrum tridiagonal_spectrum(const ConstVector& diagonal, const ConstVector& subdiagonal,
                                     const ConstMatrix& f_transposed, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_TRIDIAGONAL_SPECTRUM_HPP
