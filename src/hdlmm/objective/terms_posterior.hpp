#ifndef HDLMM_OBJECTIVE_TERMS_POSTERIOR_HPP
#define HDLMM_OBJECTIVE_TERMS_POSTERIOR_HPP

#include <vector>

#include "hdlmm/model/terms_prior.hpp"
#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

/// q(t) along the eigenvectors of R A^-1 R', A = Q'V^-1 Q: rss exp(-t) + sum b2 / (1 + exp(t) d).
struct RestCurve {
  double rss = 0;
  Vector b2, spread;

  double value(double t) const;
  double slope(double t) const;
  double bend(double t) const;

  /// Beyond the logarithm of this over n, n t + q(t) rises.
  double total() const;
};

/// The same at a given scale: -2 times the value has this gradient and this Hessian (the
/// information for that of the likelihood) by (half vectors of all S_k, t).
struct ScaledPosterior {
  double value = 0;
  Vector gradient;
  Matrix hessian;
};

/// Log-likelihood plus log prior of all covariances (by the measure on which each prior is stated)
/// plus the normal log prior of the coefficients of Q, maximised over the coefficients and over
/// t = log sigma_e^2, Sigma_k = sigma_e^2 S_k: -1/2 [n log 2 pi + n t + log|V| + q(t)] + log p with
///   q(t) = min_delta |y - Q delta|^2_(V^-1) exp(-t) + delta'Lambda delta.
/// In an evaluation `rss` is |y - Q delta|^2_(V^-1) there, `covariance` Var(delta) per unit
/// sigma_e^2, and `information` has the curvature of the prior.
class TermsPosterior final : public TermsObjective {
 public:
  /// precision: Lambda [c x c], or empty for a flat prior. prior: of Sigma_k for the columns that
  /// whoever made the system speaks of; see terms_coordinates.hpp.
  TermsPosterior(const TermsSystem& system, TermsPrior prior, Matrix precision);

  bool is_ml() const override { return true; }
  double count() const override { return static_cast<double>(system().model().rows()); }
  TermsEvaluation begin(const Covariances& at, const Context& context,
                        TermsCompletion& complete) const override;

  /// Log prior of Sigma_k = sigma_e^2 S_k inside, with derivatives by those; and of delta, without
  /// constants.
  TermsLogPrior log_prior(const Covariances& at, double sigma2, bool has_curvature) const;
  double log_prior(const Vector& delta) const;

  /// The fixed effects at given sigma_e^2; see above.
  TermsFixed fixed_at(const TermsFactor& factor, double sigma2) const;

  const TermsPrior& prior() const { return prior_; }

  /// At given sigma_e^2, less the density of half t blocks; see TermsPrior::is_row_block().
  ScaledPosterior at_scale(const Covariances& at, double sigma2, const Context& context) const;

  /// An evaluation there, where these blocks have the log density `row_prior`, which is not
  /// counted into derivatives.
  TermsEvaluation evaluate_by_rows(const Covariances& at, double sigma2, double row_prior,
                                   const Context& context) const;

 private:
  /// -1/2 [n log 2 pi + n t + log|V| + q(t)] + log p.
  double value_at(const Covariances& at, const RestCurve& rest, double log_det_v, double t) const;
  /// log sigma_e^2 at the maximum over it.
  double settled_scale(const Covariances& at, const RestCurve& rest, double log_det_v) const;
  ScaleDrift settle_fixed(const Matrix& gram, const RestCurve& rest, TermsEvaluation& out) const;
  /// All derivatives but what a scale that is maximised out takes from the Hessian, which is
  /// returned as that by t, and by t and half vectors.
  struct ScaleCurvature {
    double own = 0, slope = 0;
    Vector cross;
  };
  /// Value, fixed effects and derivatives at given sigma_e^2, less the density of half t blocks.
  TermsEvaluation evaluate_at_scale(const Covariances& at, double sigma2, const Context& context,
                                    ScaleCurvature& scale) const;
  /// Value and fixed effects; sigma2 0: at the maximum over it.
  TermsEvaluation begin_at(const TermsFactor& factor, const Covariances& at, double sigma2,
                           RestCurve& rest, ScaleDrift& drift) const;
  ScaleCurvature add_derivatives_at(const TermsFactor& factor, const Covariances& at,
                                    const RestCurve& rest, const ScaleDrift& drift,
                                    TermsEvaluation& out) const;

  TermsPrior prior_;
  Matrix precision_, root_;  ///< Lambda, and R with R'R = Lambda
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERMS_POSTERIOR_HPP
