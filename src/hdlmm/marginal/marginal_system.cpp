#include "hdlmm/marginal/marginal_system.hpp"

#include <cmath>

namespace hdlmm {

Share Share::from_log_ratio(double phi, double kappa) {
  const double x = phi + std::log(kappa);
  return {1 / (1 + std::exp(-x)), 1 / (1 + std::exp(x))};
}

bool MarginalSystem::has_reml_limit_at_one() const {
  return null_dimension_ == null_in_fixed_ && null_residual_ == 0;
}

Evaluation MarginalSystem::evaluate(const Share& share, Detail detail) const {
  return do_evaluate(share, detail);
}

}  // namespace hdlmm
