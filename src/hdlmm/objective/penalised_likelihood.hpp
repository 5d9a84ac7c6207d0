#ifndef HDLMM_OBJECTIVE_PENALISED_LIKELIHOOD_HPP
#define HDLMM_OBJECTIVE_PENALISED_LIKELIHOOD_HPP

#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/model/variance_prior.hpp"
#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

/// Log-likelihood plus log prior of both variances (by the measure on which each prior is stated)
/// plus the normal log prior of the coefficients of Q, maximised over the coefficients and tau^2.
///
/// With t = log tau^2: f = -1/2 [n log 2 pi + n t + log|V| + G(t)] + log p, where G = y'P y / tau^2
/// under a flat prior of the coefficients. A normal one, N(0, Lambda^-1), adds
/// delta'(tau^2 C + Lambda^-1)^-1 delta with delta, C those of generalised least squares.
class PenalisedLikelihood final : public ShareObjective {
 public:
  /// prior_root: [c x c] Lambda^1/2 in the turned basis, or without rows for a flat prior.
  PenalisedLikelihood(const SpectralSystem& system, const VariancePrior& prior, Matrix prior_root);

  ProfilePoint at_share(const Share& share) const override;

  /// By the ratio, at a fixed total variance; infinite where the density vanishes or explodes.
  double slope_at_zero() const override;

  /// As nu -> 0 the likelihood grows like nu^(-m/2), m the null directions that are fitted exactly.
  /// Where they are not, sigma_e^2 stays and tau^2 grows like 1 / nu: the likelihood falls like
  /// nu^(r/2), r the rank of K, which a flat prior of tau^2 leaves to that of the share to outrun.
  bool is_unbounded() const override;

  bool has_limit_at_one() const override;

 private:
  static constexpr double kLog2Pi = 1.8378770664093454836;

  double degrees() const { return static_cast<double>(system().n_rows()); }

  SpectralSystem at_total(double tau2) const;

  LogPrior prior_at(const Share& share, double t) const;

  /// nu^exponent is how the prior goes as nu -> 0.
  double exponent_at_one() const;

  double prior_slope_at_zero() const;

  /// What depends on t = log tau^2 at one share: -1/2 [n t + rss / tau^2 + sum b2 / (1 + tau^2
  /// spread)], the sum over the eigenvectors of Lambda^1/2 C Lambda^1/2'.
  struct TotalCurve {
    Share share;
    double rss = 0;
    Vector b2, spread;  ///< [c], or empty for a flat prior of the coefficients
  };

  TotalCurve total_curve(const Share& share) const;

  /// Value and slope of the curve with the priors.
  PriorCurve on_log_total(const TotalCurve& curve, double t) const;

  /// The maximum over t = log tau^2. A normal prior far from the data makes two: small residuals
  /// at coefficients that are improbable, or probable ones with large residuals. The likelihood
  /// falls beyond y'V^-1 y = rss + sum b2 / spread, so a scan up to there meets them all.
  double best_log_total(const Share& share) const;

  /// Where a curve that rises at low and not at high turns, by bisection.
  template <typename Rises>
  static double turning_point(const Rises& rises, double low, double high);

  /// The log prior by t at a fixed share, boundaries included.
  PriorCurve total_prior(const Share& share, double t) const;

  const SpectralSystem& spectral_;
  VariancePrior prior_;
  Matrix prior_root_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_PENALISED_LIKELIHOOD_HPP
