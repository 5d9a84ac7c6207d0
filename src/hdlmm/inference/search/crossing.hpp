#ifndef HDLMM_INFERENCE_SEARCH_CROSSING_HPP
#define HDLMM_INFERENCE_SEARCH_CROSSING_HPP

#include <cmath>
#include <limits>

namespace hdlmm {

/// A curve above some floor.
struct Height {
  double x = 0;
  double value = 0;
  double slope = 0;

  bool is_inside() const { return value >= 0; }  // not where it is no number
};

/// Where the cubic of the inverse function through both ends passes 0.
double inverse_cubic(const Height& a, const Height& b);

/// Where a curve crosses 0 between a and b, one of which is inside: Newton's method kept within the
/// bracket.
template <typename Curve>
double crossing(const Curve& curve, const Height& a, const Height& b) {
  constexpr int kSteps = 200;
  constexpr double kNear = 1e-6, kTight = 1e-9;
  const bool is_left_inside = (a.x < b.x ? a : b).is_inside();
  double left = a.x < b.x ? a.x : b.x, right = a.x < b.x ? b.x : a.x, x = inverse_cubic(a, b);
  for (int step = 0; step < kSteps; ++step) {
    if (!(x > left && x < right)) x = (left + right) / 2;
    const Height at = curve(x);
    (at.is_inside() == is_left_inside ? left : right) = x;
    const double newton = x - at.value / at.slope;
    if (std::abs(newton - x) <= kNear && newton >= left && newton <= right) return newton;
    if (right - left <= kTight) break;
    x = newton;
  }
  return (left + right) / 2;
}

/// Where a curve falls below 0 beyond `start` in a direction (1 or -1), bracketed by doubling
/// steps: NaN where `start` is not inside, infinite where nothing is known to be outside.
template <typename Curve>
double outward_crossing(const Curve& curve, double start, int direction) {
  constexpr int kDoublings = 60;
  constexpr double kFirstStep = 0.25;
  Height inside = curve(start);
  if (!inside.is_inside()) return std::numeric_limits<double>::quiet_NaN();
  double step = kFirstStep;
  for (int i = 0; i < kDoublings; ++i, step *= 2) {
    const Height next = curve(inside.x + direction * step);
    if (std::isnan(next.value)) break;
    if (!next.is_inside()) return crossing(curve, inside, next);
    inside = next;
  }
  return direction * std::numeric_limits<double>::infinity();
}

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_CROSSING_HPP
