#include "hdlmm/simd/rotation_kernels.hpp"

#include <cstddef>

#include "hdlmm/simd/vector_packs.hpp"

namespace hdlmm {

namespace {

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

}  // namespace

RotationBatch::RotationBatch(Index limit, Index spare)
    : limit_(limit), rotations_(new Rotation[static_cast<std::size_t>(limit + spare)]) {}

void RotationBatch::clear() {
  size_ = 0;
  sweeps_.clear();
}

Rotation* RotationBatch::add_sweep(Index start, Index step, Index count) {
  sweeps_.push_back({start, step, size_, count});
  size_ += count;
  return rotations_.get() + size_ - count;
}

RotationKernel rotation_kernel(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) return turn_avx512;
  if (usable(level) == KernelLevel::avx2) return turn_avx2;
#endif
  (void)level;
  return turn_portable;
}

}  // namespace hdlmm
