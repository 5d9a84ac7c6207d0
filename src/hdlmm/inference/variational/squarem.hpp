#ifndef HDLMM_INFERENCE_VARIATIONAL_SQUAREM_HPP
#define HDLMM_INFERENCE_VARIATIONAL_SQUAREM_HPP

#include <functional>

#include "hdlmm/base/context.hpp"

namespace hdlmm {

struct FullOptions {
  double tol = 1e-10;    ///< of the step in the logarithms of expected precisions
  int max_iter = 10000;  ///< rounds of updates
};

/// Updates of a model that do not lower an objective, as a map of its state.
struct FixedPoint {
  std::function<Vector()> state;
  std::function<double(const Vector&)> update;  ///< from a state: the objective after it
  std::function<void(double)> record;           ///< of the present state and its objective
  std::function<void()> keep, back;             ///< remembers the model; puts that one back
};

/// The fixed point, extrapolated by SQUAREM (Varadhan & Roland 2008, Scand. J. Stat. 35, scheme S3)
/// where that does not lower the objective. Returns whether it converged.
bool iterate_squarem(const FixedPoint& map, const FullOptions& options, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_SQUAREM_HPP
