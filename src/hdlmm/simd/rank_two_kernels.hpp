#ifndef HDLMM_SIMD_RANK_TWO_KERNELS_HPP
#define HDLMM_SIMD_RANK_TWO_KERNELS_HPP

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

/// K -= v w' + w v', then y += K x, in one pass over the lower triangle of K [n x n] from row and
/// column `first` on.
///
/// Columns of K and all four vectors begin at a cache line, or at least at a multiple of the widest
/// pack; they go on for kRankTwoPad cells beyond their n, which are zero and remain so. Cells above
/// the diagonal are numbers and stay as they are.
struct RankTwoPass {
  Index first;
  Index n;
  double* cells;  ///< K(0, 0)
  Index stride;   ///< from column to column
  const double *v, *w, *x;
  double* y;
};

constexpr Index kRankTwoPad = 7;  ///< the widest pack less one

using RankTwoKernel = void (*)(const RankTwoPass&);

/// 4 n^2 flops.
RankTwoKernel rank_two_kernel(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_RANK_TWO_KERNELS_HPP
