#ifndef HDLMM_SIMD_COLUMN_MOMENTS_HPP
#define HDLMM_SIMD_COLUMN_MOMENTS_HPP

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

/// Of the cells x of a column the largest |x|, and of factor * x the mean and the centred sum of
/// squares.
struct ColumnMoments {
  double largest = 0;
  double mean = 0;
  double squares = 0;
};

/// Moments of n > 0 cells; false where one of them is missing or infinite.
template <typename T>
using MomentKernel = bool (*)(const T* x, Index n, double factor, ColumnMoments& out);

template <typename T>
MomentKernel<T> moment_kernel(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_COLUMN_MOMENTS_HPP
