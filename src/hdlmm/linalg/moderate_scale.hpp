#ifndef HDLMM_LINALG_MODERATE_SCALE_HPP
#define HDLMM_LINALG_MODERATE_SCALE_HPP

#include <algorithm>
#include <cmath>

#include "hdlmm/core/types.hpp"

namespace hdlmm {

/// One, or the power of two that brings `largest` to the order of one where sums of squares of
/// numbers of that size might leave the range of double.
inline double moderate_scale(double largest) {
  constexpr double kLow = 1e-100, kHigh = 1e100;
  if (!(largest > 0) || !std::isfinite(largest)) return 1;
  if (largest > kLow && largest < kHigh) return 1;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::ldexp(1.0, std::clamp(-exponent, -1000, 1000));
}

/// Sums of squares below this have lost digits; beside the entries of a matrix of moderate scale
/// such numbers are zero.
constexpr double kNegligibleSquare = 1e-280;

/// Largest absolute entry, 0 of nothing.
inline double largest_entry(const ConstMatrix& a) {
  return a.size() == 0 ? 0 : a.cwiseAbs().maxCoeff();
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_MODERATE_SCALE_HPP
