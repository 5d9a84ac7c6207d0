#ifndef HDLMM_INFERENCE_PROFILE_LIMITS_HPP
#define HDLMM_INFERENCE_PROFILE_LIMITS_HPP

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

/// A share interval, ends included.
struct ShareLimits {
  double lower = 0;
  double upper = 1;
};

namespace profile_limits_detail {

/// A criterion above some floor.
struct Height {
  double phi = 0;
  double value = 0;
  double slope = 0;

  bool is_inside() const { return value >= 0; }  // not where it is no number
};

/// Where the cubic of the inverse function through both ends passes 0.
inline double inverse_cubic(const Height& a, const Height& b) {
  const double width = b.value - a.value, t = -a.value / width;
  return a.phi + t * t * (3 - 2 * t) * (b.phi - a.phi) +
         t * (1 - t) * width * ((1 - t) / a.slope - t / b.slope);
}

/// Where a curve crosses 0 between a and b, one of which is inside: Newton's method kept within the
/// bracket.
template <typename Curve>
double crossing(const Curve& curve, const Height& a, const Height& b) {
  constexpr int kSteps = 200;
  constexpr double kNear = 1e-6, kTight = 1e-9;
  double left = a.phi, right = b.phi, x = inverse_cubic(a, b);
  for (int step = 0; step < kSteps; ++step) {
    if (!(x > left && x < right)) x = (left + right) / 2;
    const Height at = curve(x);
    (at.is_inside() == a.is_inside() ? left : right) = x;
    const double newton = x - at.value / at.slope;
    if (std::abs(newton - x) <= kNear && newton >= left && newton <= right) return newton;
    if (right - left <= kTight) break;
    x = newton;
  }
  return (left + right) / 2;
}

}  // namespace profile_limits_detail

/// Where the criterion falls below `floor`, left and right of every mode: the hull of what is not
/// below it.
///
/// known: points of the search and the modes inside, in any order, the whole curve's modes among
/// them. has_mode_at_zero: whether h = 0 is one; if not, the criterion rises from there to the
/// first point.
inline ShareLimits profile_limits(const ShareObjective& f, std::vector<ProfilePoint> known,
                                  double floor, bool has_mode_at_zero) {
  using profile_limits_detail::Height;
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
    out.lower = share(is_bracketed ? profile_limits_detail::crossing(curve, *(first - 1), *first)
                                   : front.phi);
  }
  if (!heights.back().is_inside()) {
    const bool is_bracketed = last != heights.rend();
    out.upper = share(is_bracketed ? profile_limits_detail::crossing(curve, *last, *(last - 1))
                                   : heights.back().phi);
  }
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_PROFILE_LIMITS_HPP
