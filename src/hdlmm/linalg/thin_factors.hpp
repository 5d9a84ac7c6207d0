#ifndef HDLMM_LINALG_THIN_FACTORS_HPP
#define HDLMM_LINALG_THIN_FACTORS_HPP

#include <utility>

#include "hdlmm/core/products.hpp"

namespace hdlmm {

/// a = q r: q [m x c] with orthonormal columns, r [c x c] upper triangular of either sign.
struct ThinFactors {
  Matrix q;
  Matrix r;
};

namespace thin_detail {

/// One pass of Cholesky's QR: a [m x c] becomes q, r [c x c] the upper factor of a'a. False, with a
/// as it was, when some column has less than `least` of its squared length outside of those before.
inline bool cholesky_pass(Matrix& a, Matrix& r, double least) {
  Matrix gram = lower_gram(a);
  const Vector length2 = gram.diagonal();
  const Eigen::LLT<Eigen::Ref<Matrix>> factor(gram);  // in place
  if (factor.info() != Eigen::Success) return false;
  if (!(gram.diagonal().cwiseAbs2().cwiseQuotient(length2).minCoeff() > least)) return false;
  r = gram.triangularView<Eigen::Lower>().transpose();
  divide_by_upper(r, a);
  return true;
}

}  // namespace thin_detail

/// Thin QR of a matrix of full column rank with rows >= columns > 0.
///
/// Cholesky's QR where columns are far from dependent, all of it in matrix products: 2 m c^2 flops,
/// orthonormal to rounding / kSafe whatever the lengths of the columns (Yamamoto, Nakatsukasa,
/// Yanagisawa & Fukaya 2015, Electron. Trans. Numer. Anal. 44). Householder's otherwise, 4 m c^2.
inline ThinFactors thin_factors(Matrix a) {
  constexpr double kSafe = 0.05;
  ThinFactors out;
  if (thin_detail::cholesky_pass(a, out.r, kSafe)) {
    out.q = std::move(a);
    return out;
  }
  const Index m = a.rows(), c = a.cols();
  const Eigen::HouseholderQR<Matrix> qr(a);
  out.q = qr.householderQ() * Matrix::Identity(m, c);
  out.r = qr.matrixQR().topRows(c).template triangularView<Eigen::Upper>();
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_THIN_FACTORS_HPP
