#ifndef HDLMM_INFERENCE_TERMS_CONDITIONAL_MOVES_HPP
#define HDLMM_INFERENCE_TERMS_CONDITIONAL_MOVES_HPP

#include <vector>

#include "hdlmm/base/slice_sampler.hpp"
#include "hdlmm/inference/terms/effect_draw.hpp"
#include "hdlmm/inference/terms/variance_posterior.hpp"

namespace hdlmm {

/// Moves of all variances given a draw of the effects, by slices along every absolute number of
/// VarianceCoordinates, so that any prior will do. First given beta, then given u, beta = (I (x)
/// D L) u, with the fixed effects integrated out: that moves a variance through zero and together
/// with its effects, where the first sticks (Yu & Meng 2011, J. Comput. Graph. Stat. 20).
class ConditionalMoves {
 public:
  explicit ConditionalMoves(const VariancePosterior& posterior);

  /// The next x after x, the variances that `effects` were drawn at.
  Vector step(const Vector& x, const EffectDraw& effects, Random& random, const Context& context);

  void freeze();

 private:
  Vector step_given_effects(Vector absolute, const EffectDraw& effects, Random& random);
  Vector step_given_deviates(Vector absolute, const EffectDraw& effects,
                             const std::vector<Matrix>& deviates, Random& random,
                             const Context& context);

  const VariancePosterior& posterior_;
  std::vector<SliceSampler> centred_, scaled_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_CONDITIONAL_MOVES_HPP
