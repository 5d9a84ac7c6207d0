#ifndef HDLMM_INFERENCE_SEARCH_PROFILE_LIMITS_HPP
#define HDLMM_INFERENCE_SEARCH_PROFILE_LIMITS_HPP

#include <vector>

#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

/// A share interval, ends included.
struct ShareLimits {
  double lower = 0;
  double upper = 1;
};

/// Where the criterion falls below `floor`, left and right of every mode: the hull of what is not
/// below it.
///
/// known: points of the search and the modes inside, in any order, the whole curve's modes among
/// them. has_mode_at_zero: whether h = 0 is one; if not, the criterion rises from there to the
/// first point.
ShareLimits profile_limits(const ShareObjective& f, std::vector<ProfilePoint> known, double floor,
                           bool has_mode_at_zero);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_PROFILE_LIMITS_HPP
