#ifndef HDLMM_LINALG_ROTATION_KERNELS_HPP
#define HDLMM_LINALG_ROTATION_KERNELS_HPP

#include <cstddef>
#include <memory>
#include <vector>

#include "hdlmm/core/context.hpp"
#include "hdlmm/core/vector_packs.hpp"

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
  RotationBatch(Index limit, Index spare)
      : limit_(limit), rotations_(new Rotation[static_cast<std::size_t>(limit + spare)]) {}

  const std::vector<RotationSweep>& sweeps() const { return sweeps_; }
  const Rotation* rotations() const { return rotations_.get(); }
  bool is_full() const { return size_ >= limit_; }

  void clear() {
    size_ = 0;
    sweeps_.clear();
  }

  /// Where the rotations of a new sweep are to be written.
  Rotation* add_sweep(Index start, Index step, Index count) {
    sweeps_.push_back({start, step, size_, count});
    size_ += count;
    return rotations_.get() + size_ - count;
  }

 private:
  Index limit_, size_ = 0;
  std::unique_ptr<Rotation[]> rotations_;  // not a vector: nothing is to be set to zero first
  std::vector<RotationSweep> sweeps_;
};

constexpr Index kRotationRows = 8;  ///< rows of F' that one task turns

namespace rotation_detail {

/// A sweep carries its far columns in registers: one load and one store of kRotationRows a
/// rotation.
template <int W>
[[gnu::always_inline]] inline void turn(const RotationBatch& batch, double* f, Index stride) {
  using vector_packs::pack;
  using vector_packs::unroll;
  using V = typename vector_packs::Pack<W>::type;
  constexpr int kPacks = kRotationRows / W;
  for (const RotationSweep& sweep : batch.sweeps()) {
    const Rotation* rotation = batch.rotations() + sweep.first;
    const Index move = -sweep.step * stride;
    double* far = f + sweep.start * stride;
    V carried[kPacks];
    unroll<kPacks>([&](auto r)
                       __attribute__((always_inline)) { carried[r] = pack<W>(far + r * W); });
    for (Index i = 0; i < sweep.count; ++i) {
      const double c = rotation[i].cosine, s = rotation[i].sine;
      const double* near = far + move;
      unroll<kPacks>([&](auto r) __attribute__((always_inline)) {
        const V next = pack<W>(near + r * W);
        pack<W>(far + r * W) = s * next + c * carried[r];
        const V lost = s * carried[r];
        carried[r] = c * next - lost;
      });
      far += move;
    }
    unroll<kPacks>([&](auto r)
                       __attribute__((always_inline)) { pack<W>(far + r * W) = carried[r]; });
  }
}

inline void turn_portable(const RotationBatch& batch, double* f, Index stride) {
  turn<vector_packs::kPortableWidth>(batch, f, stride);
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] inline void turn_avx2(const RotationBatch& batch, double* f,
                                                  Index stride) {
  turn<4>(batch, f, stride);
}
[[gnu::target("avx512f")]] inline void turn_avx512(const RotationBatch& batch, double* f,
                                                   Index stride) {
  turn<8>(batch, f, stride);
}
#endif

}  // namespace rotation_detail

using RotationKernel = void (*)(const RotationBatch&, double* f, Index stride);

/// Applies a batch to kRotationRows rows of F' [k x n], f pointing at the first of them in column
/// 0 and `stride` leading from column to column.
inline RotationKernel rotation_kernel(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) return rotation_detail::turn_avx512;
  if (usable(level) == KernelLevel::avx2) return rotation_detail::turn_avx2;
#endif
  (void)level;
  return rotation_detail::turn_portable;
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_ROTATION_KERNELS_HPP
