#ifndef HDLMM_CORE_PACK_KERNELS_HPP
#define HDLMM_CORE_PACK_KERNELS_HPP

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "hdlmm/core/kernel_level.hpp"
#include "hdlmm/core/types.hpp"
#include "hdlmm/core/vector_packs.hpp"

namespace hdlmm {

/// Copies of doubles into strips as a MicroKernel of the same level reads them, whole strips only.
/// What lies `ahead` of each run, in doubles, is asked for from memory meanwhile: it is packed
/// next.
struct PackKernels {
  /// out[s * strip_step + l * width + i] = runs[l][s * width + i], s < strips, l < n_runs.
  void (*across)(const double* const* runs, Index n_runs, Index strips, Index ahead, double* out,
                 Index strip_step);
  /// out[l * width + i] = runs[i][l], l < depth, of `width` runs.
  void (*along)(const double* const* runs, Index depth, Index ahead, double* out);
};

namespace pack_detail {

constexpr Index kLine = 8;  // doubles that come from memory together

template <int W>
[[gnu::always_inline]] inline void across(const double* const* runs, Index n_runs, Index strips,
                                          Index ahead, double* out, Index strip_step) {
  using vector_packs::pack;
  for (Index s = 0; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      const double* from = runs[l] + W * s;
      if (W * s % kLine == 0) __builtin_prefetch(from + ahead);
      pack<W>(out + s * strip_step + W * l) = pack<W>(from);
    }
  }
}

/// Cells first .. depth - 1 of W runs, one by one.
template <int W>
[[gnu::always_inline]] inline void along_from(Index first, const double* const* runs, Index depth,
                                              double* out) {
  const double* from[W];
  for (int i = 0; i < W; ++i) from[i] = runs[i];
  for (Index l = first; l < depth; ++l) {
    for (int i = 0; i < W; ++i) out[l * W + i] = from[i][l];
  }
}

inline void across_portable(const double* const* runs, Index n_runs, Index strips, Index ahead,
                            double* out, Index strip_step) {
  across<4>(runs, n_runs, strips, ahead, out, strip_step);
}

inline void along_portable(const double* const* runs, Index depth, Index, double* out) {
  along_from<4>(0, runs, depth, out);
}

#if defined(__x86_64__) && defined(__GNUC__)

[[gnu::target("avx2")]] inline void across_avx2(const double* const* runs, Index n_runs,
                                                Index strips, Index ahead, double* out,
                                                Index strip_step) {
  across<4>(runs, n_runs, strips, ahead, out, strip_step);
}

/// 4 x 4 cells at a time, turned in registers.
[[gnu::target("avx2")]] inline void along_avx2(const double* const* runs, Index depth, Index ahead,
                                               double* out) {
  Index l = 0;
  for (; l + 4 <= depth; l += 4) {
    double* to = out + 4 * l;
    if (l % kLine == 0) {
      for (int i = 0; i < 4; ++i) __builtin_prefetch(runs[i] + l + ahead);
    }
    const __m256d r0 = _mm256_loadu_pd(runs[0] + l), r1 = _mm256_loadu_pd(runs[1] + l),
                  r2 = _mm256_loadu_pd(runs[2] + l), r3 = _mm256_loadu_pd(runs[3] + l);
    const __m256d low01 = _mm256_unpacklo_pd(r0, r1), high01 = _mm256_unpackhi_pd(r0, r1),
                  low23 = _mm256_unpacklo_pd(r2, r3), high23 = _mm256_unpackhi_pd(r2, r3);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(low01, low23, 0x20));
    _mm256_storeu_pd(to + 4, _mm256_permute2f128_pd(high01, high23, 0x20));
    _mm256_storeu_pd(to + 8, _mm256_permute2f128_pd(low01, low23, 0x31));
    _mm256_storeu_pd(to + 12, _mm256_permute2f128_pd(high01, high23, 0x31));
  }
  along_from<4>(l, runs, depth, out);
}

[[gnu::target("avx512f")]] inline void across_avx512(const double* const* runs, Index n_runs,
                                                     Index strips, Index ahead, double* out,
                                                     Index strip_step) {
  across<8>(runs, n_runs, strips, ahead, out, strip_step);
}

/// 8 x 8 cells at a time, turned in registers: pairs, then halves of four lanes twice. Masks of all
/// lanes: the shuffles without a mask begin from an undefined register, of which GCC warns.
[[gnu::target("avx512f")]] inline void along_avx512(const double* const* runs, Index depth,
                                                    Index ahead, double* out) {
  constexpr __mmask8 kAll = 0xff;
  Index l = 0;
  for (; l + 8 <= depth; l += 8) {
    double* to = out + 8 * l;
    __m512d pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
      __builtin_prefetch(runs[i] + l + ahead);
      __builtin_prefetch(runs[i + 1] + l + ahead);
      const __m512d even = _mm512_loadu_pd(runs[i] + l), odd = _mm512_loadu_pd(runs[i + 1] + l);
      pairs[i] = _mm512_maskz_unpacklo_pd(kAll, even, odd);      // l, l + 2, l + 4, l + 6
      pairs[i + 1] = _mm512_maskz_unpackhi_pd(kAll, even, odd);  // l + 1, l + 3, ...
    }
    for (int i = 0; i < 2; ++i) {
      fours[i] =
          _mm512_maskz_shuffle_f64x2(kAll, pairs[i], pairs[i + 2], 0x88);  // l + i, l + 4 + i
      fours[i + 2] =
          _mm512_maskz_shuffle_f64x2(kAll, pairs[i], pairs[i + 2], 0xdd);  // l + 2 + i, l + 6 + i
      fours[i + 4] = _mm512_maskz_shuffle_f64x2(kAll, pairs[i + 4], pairs[i + 6], 0x88);
      fours[i + 6] = _mm512_maskz_shuffle_f64x2(kAll, pairs[i + 4], pairs[i + 6], 0xdd);
    }
    for (int i = 0; i < 4; ++i) {
      _mm512_storeu_pd(to + 8 * i, _mm512_maskz_shuffle_f64x2(kAll, fours[i], fours[i + 4], 0x88));
      _mm512_storeu_pd(to + 8 * (i + 4),
                       _mm512_maskz_shuffle_f64x2(kAll, fours[i], fours[i + 4], 0xdd));
    }
  }
  along_from<8>(l, runs, depth, out);
}

#endif

}  // namespace pack_detail

/// The copies for the kernel of a level, or of the highest level below it that this processor runs.
inline PackKernels pack_kernels(KernelLevel level) {
  switch (std::min(level, best_kernel_level())) {
#if defined(__x86_64__) && defined(__GNUC__)
    case KernelLevel::avx512:
      return {pack_detail::across_avx512, pack_detail::along_avx512};
    case KernelLevel::avx2:
      return {pack_detail::across_avx2, pack_detail::along_avx2};
#endif
    default:
      return {pack_detail::across_portable, pack_detail::along_portable};
  }
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_PACK_KERNELS_HPP
