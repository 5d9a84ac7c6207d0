#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

ProfilePoint ShareObjective::at(double phi) const {
  ProfilePoint point = at_share(Share::from_log_ratio(phi, system_.kappa()));
  point.phi = phi;
  return point;
}

}  // namespace hdlmm
