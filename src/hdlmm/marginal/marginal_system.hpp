#ifndef HDLMM_MARGINAL_MARGINAL_SYSTEM_HPP
#define HDLMM_MARGINAL_MARGINAL_SYSTEM_HPP

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// Where on [0, 1] the variance is shared: V = (h / kappa) K + nu I with nu = 1 - h.
/// nu is kept beside h because 1 - h loses all digits near the boundary h = 1.
struct Share {
  double h = 0;
  double nu = 1;

  /// From phi = log(sigma_b^2 / sigma_e^2); kappa > 0.
  static Share from_log_ratio(double phi, double kappa);
};

/// Which fields of an Evaluation are asked for, besides rss and quad_*. Others are not to be read:
/// without `marginal`, log_det_v may be that of a centred K.
enum class Detail {
  marginal,    ///< of V, for ML and bounds: log_det_v, log_det_restricted, tr_v*
  restricted,  ///< of P, for REML: log_det_restricted, tr_p*
  all          ///< both, and delta and covariance*
};

/// Everything a likelihood, its derivatives and its information matrix need at one share.
///
/// P = V^-1 - V^-1 Q (Q'V^-1 Q)^-1 Q'V^-1 with Q [n x c] orthonormal, spanning the fixed effects.
/// Names: tr_pk = tr(P K), tr_pkpk = tr(P K P K), tr_vk = tr(V^-1 K), tr_vkvk = tr(V^-1 K V^-1 K),
/// quad_k = y'P K P y, quad_kk = y'P K P K P y; the suffix _noise has nu I in the place of K,
/// so that those stay finite at nu = 0.
struct Evaluation {
  Share share;
  double rss = 0;                 ///< y'P y
  double log_det_v = 0;           ///< log|V|
  double log_det_restricted = 0;  ///< log|V| + log|Q'V^-1 Q|, finite at nu = 0 when REML is
  double tr_vk = 0, tr_vkvk = 0, tr_v_noise = 0;
  double tr_pk = 0, tr_pkpk = 0, tr_p_noise = 0;
  double quad_k = 0, quad_kk = 0, quad_noise = 0;
  Vector delta;             ///< [c], generalised least squares of y on Q
  Matrix covariance;        ///< [c x c], (Q'V^-1 Q)^-1
  Matrix covariance_k;      ///< [c x c], derivative of `covariance` by the coefficient of K
  Matrix covariance_noise;  ///< [c x c], the same by the coefficient of I
};

/// The answers that inference needs from y ~ N(Q delta, tau^2 V), for any share.
class MarginalSystem {
 public:
  virtual ~MarginalSystem() = default;

  Index n_rows() const { return n_rows_; }
  Index n_fixed() const { return n_fixed_; }
  double kappa() const { return kappa_; }
  /// Smallest and largest nonzero eigenvalue of K, to a percent where none was made: the range of
  /// ratios that matters.
  double min_eigenvalue() const { return min_eigenvalue_; }
  double max_eigenvalue() const { return max_eigenvalue_; }
  /// Dimension of null(K), and how much of it the fixed effects take up.
  Index null_dimension() const { return null_dimension_; }
  Index null_in_fixed() const { return null_in_fixed_; }
  /// Length of the part of y in null(K) that the fixed effects cannot reach.
  double null_residual() const { return null_residual_; }
  /// Whether log|V| goes to -infinity as nu -> 0 with that part of y fitted exactly.
  bool is_ml_unbounded() const { return ml_null_dimension_ > 0 && null_residual_ == 0; }
  /// How many powers of nu^-1/2 the likelihood gains as nu -> 0 (of the user's uncentred K).
  Index ml_null_dimension() const { return ml_null_dimension_; }
  bool has_ml_limit_at_one() const { return ml_null_dimension_ == 0; }
  bool has_reml_limit_at_one() const;

  Evaluation evaluate(const Share& share, Detail detail = Detail::all) const;

 protected:
  Index n_rows_ = 0;
  Index n_fixed_ = 0;
  double kappa_ = 1;
  double min_eigenvalue_ = 0;
  double max_eigenvalue_ = 0;
  Index null_dimension_ = 0;
  Index null_in_fixed_ = 0;
  Index ml_null_dimension_ = 0;
  double null_residual_ = 0;

 private:
  virtual Evaluation do_evaluate(const Share& share, Detail detail) const = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_MARGINAL_SYSTEM_HPP
