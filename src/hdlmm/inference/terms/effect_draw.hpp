#ifndef HDLMM_INFERENCE_TERMS_EFFECT_DRAW_HPP
#define HDLMM_INFERENCE_TERMS_EFFECT_DRAW_HPP

#include <vector>

#include "hdlmm/base/random.hpp"
#include "hdlmm/objective/terms_marginal.hpp"

namespace hdlmm {

/// mean + L z, L L' = covariance.
Vector draw_normal(const FixedPosterior& posterior, Random& random);

/// A joint draw of the fixed and the random effects given all variances.
struct EffectDraw {
  Vector delta;
  std::vector<Vector> beta;
  Vector residual;     ///< y - Q delta - X beta, [n]
  double missing = 0;  ///< what of its square rounding leaves between the two
};

/// delta from its own posterior, and beta given delta by Matheron's rule (Hoffman & Ribak 1991):
/// effects and noise from their prior, moved by what y less the response drawn says of them,
///   beta = beta* + (I (x) S) X'V^-1 gap, e = e* + V^-1 gap, gap = y - Q delta - X beta* - e*,
/// one solve with V, and more where that leaves a gap beside e. factor: V at `at`. All priors of
/// coefficients must be independent.
EffectDraw draw_effects(const TermsModel& model, const TermsFactor& factor, const Covariances& at,
                        const FixedPosterior& fixed, double sigma2, Random& random,
                        const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_EFFECT_DRAW_HPP
