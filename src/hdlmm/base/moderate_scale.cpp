#include "hdlmm/base/moderate_scale.hpp"

#include <algorithm>
#include <cmath>

namespace hdlmm {

double moderate_scale(double largest) {
  constexpr double kLow = 1e-100, kHigh = 1e100;
  if (!(largest > 0) || !std::isfinite(largest)) return 1;
  if (largest > kLow && largest < kHigh) return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0, std::clamp(-exponent, -1000, 1000));
}

}  // namespace hdlmm
