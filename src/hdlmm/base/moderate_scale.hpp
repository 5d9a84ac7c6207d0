#ifndef HDLMM_BASE_MODERATE_SCALE_HPP
#define HDLMM_BASE_MODERATE_SCALE_HPP

namespace hdlmm {

/// One, or the power of two that brings `largest` to the order of one where sums of squares of
/// numbers of that size might leave the range of double.
double moderate_scale(double largest);

/// Sums of squares below this have lost digits; beside the entries of a matrix of moderate scale
/// such numbers are zero.
constexpr double kNegligibleSquare = 1e-280;

}  // namespace hdlmm

#endif  // HDLMM_BASE_MODERATE_SCALE_HPP
