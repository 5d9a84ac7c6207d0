#ifndef HDLMM_INFERENCE_VARIATIONAL_FULL_VARIATIONAL_HPP
#define HDLMM_INFERENCE_VARIATIONAL_FULL_VARIATIONAL_HPP

#include <vector>

#include "hdlmm/inference/variational/squarem.hpp"
#include "hdlmm/inference/variational/variational_model.hpp"
#include "hdlmm/marginal/spectral_system.hpp"

namespace hdlmm {

struct FullResult {
  std::vector<BoundPoint> trace;
  bool is_converged = false;
};

/// Fully variational Bayes with the means collapsed: a fixed point in two numbers, O(r c^2 + p) a
/// round, see iterate_squarem(). Starts from the precisions that the model has.
FullResult iterate_collapsed(const SpectralSystem& system, VariationalModel& model,
                             const FullOptions& options, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_FULL_VARIATIONAL_HPP
