#include "hdlmm/marginal/fixed_fit.hpp"

#include <cmath>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/linalg/thin_factors.hpp"

namespace hdlmm {

SystemOfParts::SystemOfParts(SpectralParts parts, double kappa) : parts_(std::move(parts)) {
  n_rows_ = parts_.n;
  n_fixed_ = parts_.n_fixed();
  kappa_ = kappa;
  null_dimension_ = parts_.null_dimension();
  null_in_fixed_ = parts_.null_in_fixed();
  null_residual_ = parts_.null_residual;
  ml_null_dimension_ = null_dimension_;
  if (parts_.mean.is_present() && parts_.mean.rest2 > 0) --ml_null_dimension_;
  min_eigenvalue_ = parts_.smallest();
  max_eigenvalue_ = parts_.largest();
}

ResponseForms::ResponseForms(const Vector& null_quadratics)
    : rss(null_quadratics), quad_k(rss), quad_kk(rss), quad_noise(rss) {}

Evaluation ResponseForms::within(Evaluation of_system, Index k) const {
  of_system.rss = rss[k];
  of_system.quad_k = quad_k[k];
  of_system.quad_kk = quad_kk[k];
  of_system.quad_noise = quad_noise[k];
  return of_system;
}

ResponseForms SystemOfParts::response_forms(const Share& share, const ConstMatrix& y,
                                            const ConstVector& null_residual) const {
  check_input(y.rows() == parts_.rank() && null_residual.size() == y.cols(), "responses: shapes");
  check_input(!parts_.has_prior(), "responses: a prior of the fixed effects");
  Vector null_quadratics = null_residual.cwiseAbs2();
  if (share.nu > 0) null_quadratics /= share.nu;
  return do_response_forms(share, y, null_quadratics);
}

void project_responses(const FixedFit& fit, MatrixView white_y, MatrixView null_y) {
  for (int pass = 0; pass < 2; ++pass) {  // as in fit_fixed_effects()
    const Matrix along = transpose_product(fit.q, white_y) + transpose_product(fit.q_null, null_y);
    subtract_product(fit.q, along, white_y);
    subtract_product(fit.q_null, along, null_y);
  }
}

void fit_fixed_effects(const SpectralParts& parts, double nu, const ConstMatrix& white_z,
                       Vector white_y, FixedFit& out) {
  const Index r = parts.rank(), rho = parts.null_in_fixed(), c = parts.n_fixed();
  const Index extra = parts.prior_rows.rows();
  out.e = std::move(white_y);
  out.e_null = Vector::Zero(rho);
  out.e_prior = Vector::Zero(extra);
  out.delta = Vector::Zero(c);
  if (c == 0) {
    out.q.resize(r, 0);
    out.q_null.resize(rho, 0);
    out.q_prior.resize(extra, 0);
    out.inverse_factor.resize(0, 0);
    return;
  }
  const double root_nu = std::sqrt(nu);
  Matrix rows = Matrix::Zero(rho + r + extra, c);
  rows.topLeftCorner(rho, rho) = parts.null_scale.asDiagonal();
  rows.middleRows(rho, r) = white_z;
  if (extra > 0) rows.bottomRows(extra) = parts.prior_rows;
  rows.bottomLeftCorner(r + extra, rho) *= root_nu;
  const ThinFactors thin = thin_factors(std::move(rows));
  out.q_null = thin.q.topRows(rho);
  out.q = thin.q.middleRows(rho, r);
  out.q_prior = thin.q.bottomRows(extra);
  if (extra > 0) out.e_prior -= times(parts.prior_rows.leftCols(rho), parts.null_shift);
  out.log_det_factor = 2 * thin.r.diagonal().array().abs().log().sum();
  out.inverse_factor = inverse_of_upper(thin.r);
  out.inverse_factor.topRows(rho) *= root_nu;
  for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Giraud et al. 2005)
    const Vector along = transpose_times(out.q, out.e) + transpose_times(out.q_null, out.e_null) +
                         transpose_times(out.q_prior, out.e_prior);
    out.e -= times(out.q, along);
    out.e_null -= times(out.q_null, along);
    out.e_prior -= times(out.q_prior, along);
    out.delta += times(out.inverse_factor, along);
  }
}

double null_quadratic(const SpectralParts& parts, const FixedFit& fit, double nu) {
  const double rest = parts.null_residual;
  return fit.e_null.squaredNorm() + (rest > 0 ? rest * rest / nu : 0);
}

void set_determinants(const SpectralParts& parts, const FixedFit& fit, double log_s,
                      Evaluation& out) {
  const Index rho = parts.null_in_fixed(), m = parts.null_dimension();
  const double nu = out.share.nu;
  out.log_det_v = log_s + (m > 0 ? m * std::log(nu) : 0);
  out.log_det_restricted = log_s + fit.log_det_factor + (m > rho ? (m - rho) * std::log(nu) : 0);
}

void set_coefficients(const SpectralParts& parts, const FixedFit& fit, const Matrix& qkq,
                      const Matrix& qnq, Evaluation& out) {
  const Matrix f = product(parts.turn, fit.inverse_factor);
  out.delta = fit.delta;
  out.delta.head(parts.null_in_fixed()) += parts.null_shift;
  out.delta = times(parts.turn, out.delta);
  out.covariance = product_transpose(f, f);
  out.covariance_k = product_transpose(product(f, qkq), f);
  out.covariance_noise = product_transpose(product(f, qnq), f);
}

void shift_determinant(const SpectralParts& parts, double hk, double log_s, double within,
                       double within2, double within2_k, Evaluation& out) {
  const MeanShift& mean = parts.mean;
  const double nu = out.share.nu, o2 = mean.constant_norm2;
  const double denominator = nu + o2 * hk * (mean.rest2 + within);
  const double ratio = o2 * (mean.rest2 + within2) / denominator;
  const Index left = parts.null_dimension() - 1;  // o itself is a null vector of X_c'
  out.log_det_v = log_s + std::log(denominator) + (left != 0 ? left * std::log(nu) : 0);
  out.tr_vk += ratio;
  out.tr_vkvk += ratio * ratio + 2 * o2 * within2_k / denominator;
  out.tr_v_noise -= hk * ratio;
}

ShiftedOperator::ShiftedOperator(const SpectralParts& parts, const FixedFit& fit,
                                 const Vector& f_white, double hk) {
  const Matrix f = product(parts.turn, fit.inverse_factor);
  const Vector along = transpose_times(fit.q, f_white);
  const Vector pf = f_white - times(fit.q, along);
  const Vector pf_null = -times(fit.q_null, along);
  const Vector& a = parts.mean.constant;
  rows = product_transpose(f, fit.q);
  add_outer(-hk, a, pf, rows);
  null = product_transpose(f, fit.q_null);
  add_outer(-hk, a, pf_null, null);
}

void shift_coefficients(const SpectralParts& parts, const FixedFit& fit, const ShiftedOperator& o,
                        const Vector& f_white, double hk, const Matrix& oko, const Matrix& ono,
                        Evaluation& out) {
  const Vector& a = parts.mean.constant;
  out.covariance_k = oko;
  add_outer(parts.mean.rest2, a, a, out.covariance_k);
  out.covariance_noise = ono + product_transpose(o.null, o.null);
  out.covariance = hk * out.covariance_k + out.covariance_noise;
  out.delta -= a * (hk * f_white.dot(fit.e));
}

}  // namespace hdlmm
