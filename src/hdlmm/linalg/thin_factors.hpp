#ifndef HDLMM_LINALG_THIN_FACTORS_HPP
#define HDLMM_LINALG_THIN_FACTORS_HPP

#include <utility>

#include "hdlmm/core/products.hpp"
#include "hdlmm/core/rank_update.hpp"
#include "hdlmm/core/triangular.hpp"

namespace hdlmm {

/// a = q r: q [m x c] with orthonormal columns, r [c x c] upper triangular of either sign.
struct ThinFactors {
  Matrix q;
  Matrix r;
};

namespace thin_detail {

/// Columns from which packed products are worth their packing.
constexpr Index kWide = 64;

/// The pass below where there are many columns.
inline bool wide_cholesky_pass(Matrix& a, Matrix& r, double least) {
  const Context context;
  Matrix gram = Matrix::Zero(a.cols(), a.cols());
  add_inner_gram(a, gram, context);
  const Vector length2 = gram.diagonal();
  if (!cholesky_in_place(gram, context)) return false;
  if (!(gram.diagonal().cwiseAbs2().cwiseQuotient(length2).minCoeff() > least)) return false;
  r = gram.triangularView<Eigen::Lower>().transpose();
  solve_lower_transposed_on_right(gram, a, context);
  return true;
}

/// One pass of Cholesky's QR: a [m x c] becomes q, r [c x c] the upper factor of a'a. False, with a
/// as it was, when some column has less than `least` of its squared length outside of those before.
inline bool cholesky_pass(Matrix& a, Matrix& r, double least) {
  if (a.cols() >= kWide) return wide_cholesky_pass(a, r, least);
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

/// r^-1 of an upper triangle [c x c]. c^3 flops.
inline Matrix inverse_of_upper(const Matrix& r) {
  Matrix out = Matrix::Identity(r.rows(), r.cols());
  if (r.cols() < thin_detail::kWide) {
    r.triangularView<Eigen::Upper>().solveInPlace(out);
  } else {
    solve_lower_transposed(r.transpose(), out, Context());
  }
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_THIN_FACTORS_HPP
