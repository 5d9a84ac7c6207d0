#ifndef HDLMM_MARGINAL_FIXED_FIT_HPP
#define HDLMM_MARGINAL_FIXED_FIT_HPP

#include <cmath>
#include <utility>

#include "hdlmm/core/products.hpp"
#include "hdlmm/linalg/thin_factors.hpp"
#include "hdlmm/marginal/marginal_system.hpp"
#include "hdlmm/marginal/spectral_parts.hpp"

namespace hdlmm {

/// A marginal system in coordinates of K: what it knows of null(K) and of the spectrum.
class SystemOfParts : public MarginalSystem {
 public:
  const SpectralParts& parts() const { return parts_; }

 protected:
  SystemOfParts(SpectralParts parts, double kappa) : parts_(std::move(parts)) {
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

  SpectralParts parts_;
};

/// Least squares of y on Q, both multiplied by V^-1/2 at one share, by QR.
///
/// With the columns that reach null(K) scaled by nu^1/2 every number stays finite at nu = 0. The
/// prior of the coefficients, if any, counts as rows of data: P is then V^-1 - V^-1 Q (Q'V^-1 Q +
/// tau^2 Lambda)^-1 Q'V^-1, and coefficients are posterior means.
struct FixedFit {
  Matrix q_null;              ///< [rho x c], orthonormal basis, rows in null(K)
  Matrix q;                   ///< [r x c], the rows along the coordinates of K
  Matrix q_prior;             ///< [c or 0 x c], the rows of the prior
  Vector e_prior;             ///< [c or 0], whitened residual
  Vector e_null;              ///< [rho]
  Vector e;                   ///< [r]
  Vector delta;               ///< [c], coefficients in the turned basis
  Matrix inverse_factor;      ///< [c x c], F with (Q'V^-1 Q)^-1 = F F' in the turned basis
  double log_det_factor = 0;  ///< log|Q'V^-1 Q| + rho log(nu)
};

/// white_z [r x c], white_y [r]: V^-1/2 times the rows of Q and y along the coordinates of K.
template <typename WhiteZ>
void fit_fixed_effects(const SpectralParts& parts, double nu, const WhiteZ& white_z, Vector white_y,
                       FixedFit& out) {
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
    out.delta += out.inverse_factor * along;
  }
}

/// y'P y of what lies in null(K).
inline double null_quadratic(const SpectralParts& parts, const FixedFit& fit, double nu) {
  const double rest = parts.null_residual;
  return fit.e_null.squaredNorm() + (rest > 0 ? rest * rest / nu : 0);
}

/// log|V| and log|V| + log|Q'V^-1 Q| from log|S|, V along the coordinates of K.
inline void set_determinants(const SpectralParts& parts, const FixedFit& fit, double log_s,
                             Evaluation& out) {
  const Index rho = parts.null_in_fixed(), m = parts.null_dimension();
  const double nu = out.share.nu;
  out.log_det_v = log_s + (m > 0 ? m * std::log(nu) : 0);
  out.log_det_restricted = log_s + fit.log_det_factor + (m > rho ? (m - rho) * std::log(nu) : 0);
}

/// qkq, qnq [c x c]: q'K q and nu q'q with K and the basis q whitened, the null rows of q included
/// in the latter.
inline void set_coefficients(const SpectralParts& parts, const FixedFit& fit, const Matrix& qkq,
                             const Matrix& qnq, Evaluation& out) {
  const Matrix f = parts.turn * fit.inverse_factor;
  out.delta = fit.delta;
  out.delta.head(parts.null_in_fixed()) += parts.null_shift;
  out.delta = times(parts.turn, out.delta);
  out.covariance = f * f.transpose();
  out.covariance_k = f * qkq * f.transpose();
  out.covariance_noise = f * qnq * f.transpose();
}

/// From the centred K to the user's: closed forms of rank one, without cancellation.
///
/// With X = X_c + o m' and o in the span of Q, P and y'P y are those of X_c. The determinant
/// gains the factor 1 + (o'o / nu) m'G m, G = (X_c'X_c / nu + kappa I / h)^-1. within: the sum of
/// a_i^2 N_i, a the coordinates of m along the right singular vectors of X_c and N = nu / s;
/// within2: of a_i^2 N_i^2; within2_k: of a_i^2 N_i^2 d_i / s_i.
inline void shift_determinant(const SpectralParts& parts, double hk, double log_s, double within,
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

/// The coefficients of o are those of X_c less m'beta: the operator of the fixed effects on
/// whitened rows is O = F q' - constant (hk f'P), f = X_c m.
struct ShiftedOperator {
  Matrix rows;  ///< [c x r]
  Matrix null;  ///< [c x rho]

  /// f_white: [r], V^-1/2 X_c m.
  ShiftedOperator(const SpectralParts& parts, const FixedFit& fit, const Vector& f_white,
                  double hk) {
    const Matrix f = parts.turn * fit.inverse_factor;
    const Vector along = transpose_times(fit.q, f_white);
    const Vector pf = f_white - times(fit.q, along);
    const Vector pf_null = -times(fit.q_null, along);
    const Vector& a = parts.mean.constant;
    rows = f * fit.q.transpose() - hk * a * pf.transpose();
    null = f * fit.q_null.transpose() - hk * a * pf_null.transpose();
  }
};

/// oko, ono [c x c]: forms of K and nu I in the rows of the shifted operator, its null rows left
/// out.
inline void shift_coefficients(const SpectralParts& parts, const FixedFit& fit,
                               const ShiftedOperator& o, const Vector& f_white, double hk,
                               const Matrix& oko, const Matrix& ono, Evaluation& out) {
  const Vector& a = parts.mean.constant;
  const Vector of = times(o.rows, f_white);
  out.covariance_k =
      oko + of * a.transpose() + a * of.transpose() + parts.mean.norm2 * a * a.transpose();
  out.covariance_noise = ono + o.null * o.null.transpose();
  out.covariance = hk * out.covariance_k + out.covariance_noise;
  out.delta -= a * (hk * f_white.dot(fit.e));
}

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_FIXED_FIT_HPP
