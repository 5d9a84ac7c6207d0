#include "hdlmm/inference/search/profile_limits.hpp"

#include <algorithm>
#include <stdexcept>

#include "hdlmm/inference/search/crossing.hpp"

namespace hdlmm {

ShareLimits profile_limits(const ShareObjective& f, std::vector<ProfilePoint> known, double floor,
                           bool has_mode_at_zero) {
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
