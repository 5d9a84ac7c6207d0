#ifndef HDLMM_SIMD_MICRO_KERNEL_HPP
#define HDLMM_SIMD_MICRO_KERNEL_HPP

#include "hdlmm/simd/pack_kernels.hpp"

namespace hdlmm {

// A packed operand is cut into strips of `width` vectors. Within a strip the cells that meet in one
// step of the product lie side by side: cell l of vector i is at l * width + i. The left operand
// and the right one are packed alike, so that a Gram matrix needs one copy of its factor.

/// Strips in a tile of any kernel, at most.
constexpr Index kTileStrips = 3;

/// The innermost product: c [s * width x width] += alpha a b' by add_tile[s - 1], where a is
/// s <= strips adjacent strips, b one strip, all of depth k, and c has leading dimension ldc. Fewer
/// strips, for edges, are slower a cell.
struct MicroKernel {
  using AddTile = void (*)(Index k, const double* a, const double* b, double alpha, double* c,
                           Index ldc);

  Index width;
  Index strips;
  AddTile add_tile[kTileStrips];
  PackKernels pack;

  Index rows() const { return strips * width; }
};

/// The kernel of a level, or of the highest level below it that this processor runs.
MicroKernel micro_kernel(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_MICRO_KERNEL_HPP
