#ifndef HDLMM_CORE_PACK_KERNELS_HPP
#define HDLMM_CORE_PACK_KERNELS_HPP

#include <algorithm>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

#include "hdlmm/core/kernel_level.hpp"
#include "hdlmm/core/types.hpp"

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

inline void across_portable(const double* const* runs, Index n_runs, Index strips, Index,
                            double* out, Index strip_step) {
  for (Index s = 0; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      std::copy_n(runs[l] + 4 * s, 4, out + s * strip_step + 4 * l);
    }
  }
}

inline void along_portable(const double* const* runs, Index depth, Index, double* out) {
  const double *r0 = runs[0], *r1 = runs[1], *r2 = runs[2], *r3 = runs[3];
  for (Index l = 0; l < depth; ++l, out += 4) {
    out[0] = r0[l];
    out[1] = r1[l];
    out[2] = r2[l];
    out[3] = r3[l];
  }
}

#if defined(__x86_64__) && defined(__GNUC__)

[[gnu::target("avx2")]] inline void across_avx2(const double* const* runs, Index n_runs,
                                                Index strips, Index ahead, double* out,
                                                Index strip_step) {
  for (Index s = 0; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      const double* from = runs[l] + 4 * s;
      if (s % 2 == 0) __builtin_prefetch(from + ahead);
      _mm256_storeu_pd(out + s * strip_step + 4 * l, _mm256_loadu_pd(from));
    }
  }
}

/// 4 x 4 cells at a time, turned in registers.
[[gnu::target("avx2")]] inline void along_avx2(const double* const* runs, Index depth, Index ahead,
                                               double* out) {
  Index l = 0;
  for (; l + 4 <= depth; l += 4, out += 16) {
    if (l % kLine == 0) {
      for (int i = 0; i < 4; ++i) __builtin_prefetch(runs[i] + l + ahead);
    }
    const __m256d r0 = _mm256_loadu_pd(runs[0] + l), r1 = _mm256_loadu_pd(runs[1] + l),
                  r2 = _mm256_loadu_pd(runs[2] + l), r3 = _mm256_loadu_pd(runs[3] + l);
    const __m256d low01 = _mm256_unpacklo_pd(r0, r1), high01 = _mm256_unpackhi_pd(r0, r1),
                  low23 = _mm256_unpacklo_pd(r2, r3), high23 = _mm256_unpackhi_pd(r2, r3);
    _mm256_storeu_pd(out, _mm256_permute2f128_pd(low01, low23, 0x20));
    _mm256_storeu_pd(out + 4, _mm256_permute2f128_pd(high01, high23, 0x20));
    _mm256_storeu_pd(out + 8, _mm256_permute2f128_pd(low01, low23, 0x31));
    _mm256_storeu_pd(out + 12, _mm256_permute2f128_pd(high01, high23, 0x31));
  }
  for (; l < depth; ++l, out += 4) {
    for (int i = 0; i < 4; ++i) out[i] = runs[i][l];
  }
}

[[gnu::target("avx512f")]] inline void across_avx512(const double* const* runs, Index n_runs,
                                                     Index strips, Index ahead, double* out,
                                                     Index strip_step) {
  for (Index s = 0; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      const double* from = runs[l] + 8 * s;
      __builtin_prefetch(from + ahead);
      _mm512_storeu_pd(out + s * strip_step + 8 * l, _mm512_loadu_pd(from));
    }
  }
}

/// 8 x 8 cells at a time, turned in registers: pairs, then halves of four lanes twice. Masks of all
/// lanes: the shuffles without a mask begin from an undefined register, of which GCC warns.
[[gnu::target("avx512f")]] inline void along_avx512(const double* const* runs, Index depth,
                                                    Index ahead, double* out) {
  constexpr __mmask8 kAll = 0xff;
  Index l = 0;
  for (; l + 8 <= depth; l += 8, out += 64) {
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
      _mm512_storeu_pd(out + 8 * i, _mm512_maskz_shuffle_f64x2(kAll, fours[i], fours[i + 4], 0x88));
      _mm512_storeu_pd(out + 8 * (i + 4),
                       _mm512_maskz_shuffle_f64x2(kAll, fours[i], fours[i + 4], 0xdd));
    }
  }
  for (; l < depth; ++l, out += 8) {
    for (int i = 0; i < 8; ++i) out[i] = runs[i][l];
  }
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
