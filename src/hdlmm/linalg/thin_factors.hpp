#ifndef HDLMM_LINALG_THIN_FACTORS_HPP
#define HDLMM_LINALG_THIN_FACTORS_HPP

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// a = q r: q [m x c] with orthonormal columns, r [c x c] upper triangular of either sign.
struct ThinFactors {
  Matrix q;
  Matrix r;
};

/// Thin QR of a matrix of full column rank with rows >= columns > 0.
///
/// Cholesky's QR where columns are far from dependent, all of it in matrix products: 2 m c^2 flops,
/// orthonormal to rounding / kSafe whatever the lengths of the columns (Yamamoto, Nakatsukasa,
/// Yanagisawa & Fukaya 2015, Electron. Trans. Numer. Anal. 44). Householder's otherwise, 4 m c^2.
ThinFactors thin_factors(Matrix a);

/// r^-1 of an upper triangle [c x c]. c^3 flops.
Matrix inverse_of_upper(const Matrix& r);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_THIN_FACTORS_HPP
