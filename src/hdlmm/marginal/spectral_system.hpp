#ifndef HDLMM_MARGINAL_SPECTRAL_SYSTEM_HPP
#define HDLMM_MARGINAL_SPECTRAL_SYSTEM_HPP

#include <cmath>
#include <utility>

#include "hdlmm/core/products.hpp"
#include "hdlmm/core/sum_log.hpp"
#include "hdlmm/linalg/thin_factors.hpp"
#include "hdlmm/marginal/marginal_system.hpp"
#include "hdlmm/marginal/spectral_parts.hpp"

namespace hdlmm {

/// y and Q multiplied by V^-1/2 at one share, in spectral coordinates, and their QR factors.
///
/// With the columns that reach null(K) scaled by nu^1/2 every number stays finite at nu = 0. The
/// prior of the coefficients, if any, counts as rows of data: P is then V^-1 - V^-1 Q (Q'V^-1 Q +
/// tau^2 Lambda)^-1 Q'V^-1, and coefficients are posterior means.
struct WhitenedData {
  Share share;
  Vector s;                   ///< [r], eigenvalues of V along U
  Vector inverse;             ///< [r], of s
  Vector explained;           ///< [r], (h / kappa) d / s: share of each direction that K explains
  Vector noise;               ///< [r], nu / s = 1 - explained
  Matrix q_null;              ///< [rho x c], orthonormal basis, rows in null(K)
  Matrix q;                   ///< [r x c], the rows along U
  Matrix q_prior;             ///< [c or 0 x c], the rows of the prior
  Vector e_prior;             ///< [c or 0], whitened residual
  Vector e_null;              ///< [rho]
  Vector e;                   ///< [r]
  Vector delta;               ///< [c], coefficients in the turned basis
  Matrix inverse_factor;      ///< [c x c], F with (Q'V^-1 Q)^-1 = F F' in the turned basis
  double log_det_factor = 0;  ///< log|Q'V^-1 Q| + rho log(nu)
};

/// The marginal model of one random term after one spectral decomposition: O(r c^2) a share.
class SpectralSystem final : public MarginalSystem {
 public:
  SpectralSystem(SpectralParts parts, double kappa) : parts_(std::move(parts)) {
    n_rows_ = parts_.n;
    n_fixed_ = parts_.n_fixed();
    kappa_ = kappa;
    null_dimension_ = parts_.null_dimension();
    null_in_fixed_ = parts_.null_in_fixed();
    null_residual_ = parts_.null_residual;
    ml_null_dimension_ = null_dimension_;
    if (parts_.mean.is_present() && parts_.mean.rest2 > 0) --ml_null_dimension_;
    if (parts_.rank() > 0) {
      min_eigenvalue_ = parts_.d.minCoeff();
      max_eigenvalue_ = parts_.d.maxCoeff();
    }
  }

  const SpectralParts& parts() const { return parts_; }

  /// The same model for another response: y along U [r], nothing in the reach of the fixed effects
  /// within null(K), and a rest of the given length there. For simulation and the bootstrap.
  SpectralSystem with_response(Vector y, double null_residual) const {
    SpectralParts parts = parts_;
    parts.y = std::move(y);
    parts.null_residual = null_residual;
    parts.null_shift.setZero();
    parts.null_rest.resize(0);
    return SpectralSystem(std::move(parts), kappa_);
  }

  /// The same model under a normal prior of the coefficients; see SpectralParts::prior_rows.
  SpectralSystem with_prior_rows(Matrix rows) const {
    SpectralParts parts = parts_;
    parts.prior_rows = std::move(rows);
    return SpectralSystem(std::move(parts), kappa_);
  }

  WhitenedData whiten(const Share& share) const {
    const Index r = parts_.rank(), rho = parts_.null_in_fixed(), c = parts_.n_fixed();
    const double hk = share.h / kappa_;
    WhitenedData w;
    w.share = share;
    w.s = (hk * parts_.d).array() + share.nu;
    w.inverse = w.s.cwiseInverse();
    w.explained = hk * parts_.d.cwiseProduct(w.inverse);
    w.noise = share.nu * w.inverse;
    const Vector root = w.inverse.cwiseSqrt();
    w.e = parts_.y.cwiseProduct(root);
    w.e_null = Vector::Zero(rho);
    w.inverse_factor = Matrix::Identity(c, c);
    w.delta = Vector::Zero(c);
    w.q = Matrix::Zero(r, c);
    w.q_null = Matrix::Zero(rho, c);
    if (c > 0) fit_fixed_effects(w, root);
    return w;
  }

 private:
  /// QR of the whitened rows of Q (null, along U, prior), and the residual of y on them.
  void fit_fixed_effects(WhitenedData& w, const Vector& root) const {
    const Index r = parts_.rank(), rho = parts_.null_in_fixed(), c = parts_.n_fixed();
    const Index extra = parts_.prior_rows.rows();
    const double root_nu = std::sqrt(w.share.nu);
    Matrix rows = Matrix::Zero(rho + r + extra, c);
    rows.topLeftCorner(rho, rho) = parts_.null_scale.asDiagonal();
    rows.middleRows(rho, r) = root.asDiagonal() * parts_.z;
    if (extra > 0) rows.bottomRows(extra) = parts_.prior_rows;
    rows.bottomLeftCorner(r + extra, rho) *= root_nu;
    const ThinFactors thin = thin_factors(std::move(rows));
    w.q_null = thin.q.topRows(rho);
    w.q = thin.q.middleRows(rho, r);
    w.q_prior = thin.q.bottomRows(extra);
    w.e_prior = Vector::Zero(extra);
    if (extra > 0) w.e_prior -= times(parts_.prior_rows.leftCols(rho), parts_.null_shift);
    w.log_det_factor = 2 * thin.r.diagonal().array().abs().log().sum();
    w.inverse_factor = thin.r.template triangularView<Eigen::Upper>().solve(Matrix::Identity(c, c));
    w.inverse_factor.topRows(rho) *= root_nu;
    for (int pass = 0; pass < 2; ++pass) {  // twice is enough (Giraud et al. 2005)
      const Vector along = transpose_times(w.q, w.e) + transpose_times(w.q_null, w.e_null) +
                           transpose_times(w.q_prior, w.e_prior);
      w.e -= times(w.q, along);
      w.e_null -= times(w.q_null, along);
      w.e_prior -= times(w.q_prior, along);
      w.delta += w.inverse_factor * along;
    }
  }

  Evaluation do_evaluate(const Share& share, Detail detail) const override {
    const WhitenedData w = whiten(share);
    const Index rho = parts_.null_in_fixed(), m = parts_.null_dimension();
    const Vector k = parts_.d.cwiseProduct(w.inverse);
    const Vector e2 = w.e.cwiseAbs2();
    Evaluation out;
    out.share = share;
    const double rest2 =
        parts_.null_residual > 0 ? parts_.null_residual * parts_.null_residual / share.nu : 0;
    const double null_quad = w.e_null.squaredNorm() + rest2;
    out.rss = e2.sum() + null_quad + w.e_prior.squaredNorm();
    const double log_s = sum_log(w.s);
    out.log_det_v = log_s + (m > 0 ? m * std::log(share.nu) : 0);
    out.log_det_restricted =
        log_s + w.log_det_factor + (m > rho ? (m - rho) * std::log(share.nu) : 0);
    out.tr_vk = k.sum();
    out.tr_vkvk = k.squaredNorm();
    out.tr_v_noise = w.noise.sum() + m;
    out.quad_k = k.dot(e2);
    out.quad_kk = k.cwiseAbs2().dot(e2) - transpose_times(w.q, k.cwiseProduct(w.e)).squaredNorm();
    out.quad_noise = w.noise.dot(e2) + null_quad;
    if (parts_.mean.is_present()) shift_determinant(w, k, log_s, out);
    if (detail == Detail::quadratics) return out;

    Matrix qkq;
    add_traces(w, k, qkq, out);
    if (detail == Detail::coefficients && parts_.n_fixed() > 0) add_coefficients(w, k, qkq, out);
    return out;
  }

  /// Traces of P; qkq [c x c] becomes q'diag(k)q.
  void add_traces(const WhitenedData& w, const Vector& k, Matrix& qkq, Evaluation& out) const {
    const Index rho = parts_.null_in_fixed(), m = parts_.null_dimension();
    const bool has_fixed = parts_.n_fixed() > 0;
    Vector leverage = Vector::Zero(parts_.rank());
    if (has_fixed) {
      leverage = w.q.rowwise().squaredNorm();
      qkq = weighted_gram(w.q, k);
    }
    const Vector free = 1 - leverage.array();
    out.tr_pk = k.dot(free);
    out.tr_pkpk = k.cwiseAbs2().dot(free - leverage) + qkq.squaredNorm();
    out.tr_p_noise = w.noise.dot(free) + (rho - w.q_null.squaredNorm()) + (m - rho);
  }

  void add_coefficients(const WhitenedData& w, const Vector& k, const Matrix& qkq,
                        Evaluation& out) const {
    const Index rho = parts_.null_in_fixed();
    const Matrix f = parts_.turn * w.inverse_factor;
    const Matrix qnq = weighted_gram(w.q, w.noise) + w.q_null.transpose() * w.q_null;
    out.delta = w.delta;
    out.delta.head(rho) += parts_.null_shift;
    out.delta = times(parts_.turn, out.delta);
    out.covariance = f * f.transpose();
    out.covariance_k = f * qkq * f.transpose();
    out.covariance_noise = f * qnq * f.transpose();
    if (parts_.mean.is_present()) shift_coefficients(w, k, f, out);
  }

  /// From the centred K to the user's: closed forms of rank one, without cancellation.
  ///
  /// With X = X_c + o m' and o in the span of Q, P and y'P y are those of X_c. The determinant
  /// gains the factor 1 + (o'o / nu) m'G m, G = (X_c'X_c / nu + kappa I / h)^-1.
  void shift_determinant(const WhitenedData& w, const Vector& k, double log_s,
                         Evaluation& out) const {
    const MeanShift& mean = parts_.mean;
    const double nu = w.share.nu, hk = w.share.h / kappa_, o2 = mean.constant_norm2;
    const Vector a2 = mean.coordinates.cwiseAbs2();
    const Vector noise2 = w.noise.cwiseAbs2();
    const double first = o2 * (mean.rest2 + a2.dot(noise2));
    const double denominator = nu + o2 * hk * (mean.rest2 + a2.dot(w.noise));
    const double ratio = first / denominator;
    const Index left = parts_.null_dimension() - 1;  // o itself is a null vector of X_c'
    out.log_det_v = log_s + std::log(denominator) + (left != 0 ? left * std::log(nu) : 0);
    out.tr_vk += ratio;
    out.tr_vkvk += ratio * ratio + 2 * o2 * a2.cwiseProduct(noise2).dot(k) / denominator;
    out.tr_v_noise -= hk * ratio;
  }

  /// The coefficients of o are those of X_c less m'beta. The operator of the fixed effects on
  /// whitened rows is O = F q' - constant (hk f'P), f = X_c m.
  void shift_coefficients(const WhitenedData& w, const Vector& k, const Matrix& f,
                          Evaluation& out) const {
    const MeanShift& mean = parts_.mean;
    const double hk = w.share.h / kappa_;
    const Vector f_white =
        mean.coordinates.cwiseProduct(parts_.d.cwiseSqrt()).cwiseQuotient(w.s.cwiseSqrt());
    const Vector along = transpose_times(w.q, f_white);
    const Vector pf = f_white - times(w.q, along);
    const Vector pf_null = -times(w.q_null, along);
    const Vector& a = mean.constant;
    const Matrix o_rows = f * w.q.transpose() - hk * a * pf.transpose();
    const Matrix o_null = f * w.q_null.transpose() - hk * a * pf_null.transpose();
    const Vector of = times(o_rows, f_white);
    const double m2 = mean.coordinates.squaredNorm() + mean.rest2;
    out.covariance_k = o_rows * k.asDiagonal() * o_rows.transpose() + of * a.transpose() +
                       a * of.transpose() + m2 * a * a.transpose();
    out.covariance_noise =
        o_rows * w.noise.asDiagonal() * o_rows.transpose() + o_null * o_null.transpose();
    out.covariance = hk * out.covariance_k + out.covariance_noise;
    out.delta -= a * (hk * f_white.dot(w.e));
  }

  SpectralParts parts_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_SPECTRAL_SYSTEM_HPP
