#ifndef HDLMM_INFERENCE_TERMS_THETA_POINT_HPP
#define HDLMM_INFERENCE_TERMS_THETA_POINT_HPP

#include "hdlmm/inference/terms/term_units.hpp"
#include "hdlmm/inference/terms/trust_region.hpp"
#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

/// Sigma_k and sigma_e^2 per some unit of variance: x = (theta of the Sigma_k in `units`, log of
/// sigma_e^2), [m + 1].
struct ThetaPoint {
  TermUnits units;
  Vector x;

  Index parameters() const { return x.size() - 1; }
  double noise() const;
  Covariances factors() const;

  /// See TermUnits::turn().
  void turn(Index but = -1);
};

/// -2 log-likelihood, sigma_e^2 one of its variables.
class PointLikelihood {
 public:
  /// unit: of variances.
  PointLikelihood(const TermsSystem& system, Criterion criterion, double unit,
                  const Context& context)
      : system_(system), criterion_(criterion), unit_(unit), context_(context) {}

  double unit() const { return unit_; }

  /// held: a contrast. The value is NaN where V is not positive definite to rounding.
  TermsEvaluation evaluate(const ThetaPoint& at, TermsHeld held = TermsHeld()) const;

  /// Its gradient in x, exact, and the Hessian by the average information and the exact curvature
  /// of the coordinates, [m + 1].
  QuadraticModel model(const ThetaPoint& at, const TermsEvaluation& e) const;

 private:
  const TermsSystem& system_;
  Criterion criterion_;
  double unit_;
  const Context& context_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_THETA_POINT_HPP
