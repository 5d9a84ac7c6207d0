#ifndef HDLMM_INFERENCE_PROFILE_LIMITS_HPP
#define HDLMM_INFERENCE_PROFILE_LIMITS_HPP

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "hdlmm/inference/crossing.hpp"
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
inline ShareLimits profile_limits(const ShareObjective& f, std::vector<ProfilePoint> known,
                                  double floor, bool has_mode_at_zero) {
  if (known.empty()) throw std::invalid_argument("no points in profile_limits");
  const auto above = [&](const ProfilePoint& point) {
    return Height{point.phi, point.value - floor, point.slope};
  };
  const auto share = [&](double phi) { return Share::from_log_ratio(phi, f.system().kappa()).h; };
  std::stable_sort(known.begin(), known.end(),
                   [](const ProfilePoint& a, const ProfilePoint& b) { return a.phi < b.phi; });
  std::vector<Height> heights;
  for (const ProfilePoint& point : known) heights.push_back(above(point));
  const auto is_inside = [](const Height& height) { return height.is_inside(); };
  const auto first = std::find_if(heights.begin(), heights.end(), is_inside);
  const auto last = std::find_if(heights.rbegin(), heights.rend(), is_inside);
  const auto curve = [&](double phi) { return above(f.at(phi)); };

  ShareLimits out;
  const Height& front = heights.front();
  const bool rises = !has_mode_at_zero && front.value < 0 && front.slope > 0;
  if (rises || !above(f.at_share({0, 1})).is_inside()) {
    const bool is_bracketed = first != heights.begin() && first != heights.end();
    out.lower = share(is_bracketed ? crossing(curve, *(first - 1), *first) : front.x);
  }
  if (!heights.back().is_inside()) {
    const bool is_bracketed = last != heights.rend();
    out.upper = share(is_bracketed ? crossing(curve, *last, *(last - 1)) : heights.back().x);
  }
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_PROFILE_LIMITS_HPP
