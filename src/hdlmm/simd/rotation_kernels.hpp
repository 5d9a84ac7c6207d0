#ifndef HDLMM_SIMD_ROTATION_KERNELS_HPP
#define HDLMM_SIMD_ROTATION_KERNELS_HPP

#include <memory>
#include <vector>

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

struct Rotation {
  double cosine, sine;
};

/// Rotations of adjacent pairs of columns, one after the other: the first of them turns columns
/// (start, start - step), the next (start - step, start - 2 step), ... with step = 1 or -1.
///
/// Each maps (near, far), the far column being the one met first, to (c near - s far,
/// s near + c far).
struct RotationSweep {
  Index start;
  Index step;
  Index first;  ///< among the rotations of the batch
  Index count;
};

/// Sweeps until there are `limit` rotations or more; room for `spare` beyond.
class RotationBatch {
 public:
  RotationBatch(Index limit, Index spare);

  const std::vector<RotationSweep>& sweeps() const { return sweeps_; }
  const Rotation* rotations() const { return rotations_.get(); }
  bool is_full() const { return size_ >= limit_; }

  void clear();

  /// Where the rotations of a new sweep are to be written.
  Rotation* add_sweep(Index start, Index step, Index count);

 private:
  Index limit_, size_ = 0;
  std::unique_ptr<Rotation[]> rotations_;  // not a vector: nothing is to be set to zero first
  std::vector<RotationSweep> sweeps_;
};

constexpr Index kRotationRows = 8;  ///< rows of F' that one task turns

using RotationKernel = void (*)(const RotationBatch&, double* f, Index stride);

/// Applies a batch to kRotationRows rows of F' [k x n], f pointing at the first of them in column
/// 0 and `stride` leading from column to column.
RotationKernel rotation_kernel(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_ROTATION_KERNELS_HPP
