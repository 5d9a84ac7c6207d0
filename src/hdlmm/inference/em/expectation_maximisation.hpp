#ifndef HDLMM_INFERENCE_EM_EXPECTATION_MAXIMISATION_HPP
#define HDLMM_INFERENCE_EM_EXPECTATION_MAXIMISATION_HPP

#include <vector>

#include "hdlmm/inference/em/em_step.hpp"

namespace hdlmm {

struct EmOptions {
  double tol = 1e-10;  ///< stop when both log variances have less than sqrt(tol) / 10 to go
  int max_iter = 10000;
  bool accelerate = false;  ///< SQUAREM: Varadhan & Roland (2008), Scand. J. Stat. 35, scheme S3
};

enum class EmStatus { converged, iteration_limit, boundary_random, boundary_residual, unbounded };

struct EmPoint {
  double value = 0;
  Share share;
  double tau2 = 0;
};

struct EmResult {
  std::vector<EmPoint> trace;  ///< the start, then every iterate that was accepted
  EmState state;               ///< where it ended
  EmStatus status = EmStatus::iteration_limit;
  int iterations = 0;  ///< applications of the map
};

/// A root of the precision of delta in the turned basis, [c x c], or without rows.
Matrix prior_root(const SpectralParts& parts, const Matrix& precision);

/// Half of the variance to each part, delta by least squares.
EmState start_em(const SpectralSystem& system);

/// Iterate the map from `start`. `profile`: the same objective on the same scale with all but the
/// share maximised out. It finds limits on the boundary and confirms convergence.
EmResult iterate_em(EmMap& map, const ShareObjective& profile, const EmState& start,
                    const EmOptions& options, const Context& context);

/// EM for the model from `start`; see EmModel. For REML, and on the boundary, delta is that of
/// generalised least squares (posterior mean) there.
EmResult fit_em(const SpectralSystem& system, const EmModel& model, const EmState& start,
                const EmOptions& options, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_EM_EXPECTATION_MAXIMISATION_HPP
