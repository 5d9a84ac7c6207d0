#ifndef HDLMM_INFERENCE_EM_RESTRICTED_EM_HPP
#define HDLMM_INFERENCE_EM_RESTRICTED_EM_HPP

#include "hdlmm/inference/em/em_step.hpp"

namespace hdlmm {

/// EM for REML, with omega (flat prior) and beta as the missing data.
///
/// PX-EM with omega integrated out: Foulley & van Dyk (2000), Genet. Sel. Evol. 32, section 3.
/// With g = X beta and e the noise, alpha = 1 + E(g'e | y) / E(g'g | y). A mean shift is absorbed
/// by omega: EM is the same with it, and PX-EM is that of the centred columns, which is faster.
///
/// A step costs O(r c^2), for the leverages of Q.
class RestrictedEm final : public EmMap {
 public:
  RestrictedEm(const SpectralSystem& system, EmModel model);

 private:
  EmStep do_advance(const EmState& state) override;

  const SpectralSystem& system_;
  EmModel model_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_EM_RESTRICTED_EM_HPP
