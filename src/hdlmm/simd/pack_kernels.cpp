#include "hdlmm/simd/pack_kernels.hpp"

#include "hdlmm/simd/vector_packs.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace hdlmm {

namespace {

constexpr Index kLine = 8;  // doubles that come from memory together

inline const double* cells_of(const double* run) { return run; }
inline const double* cells_of(const ScaledRun<double>& run) { return run.cells; }

/// Cells at .. at + W - 1 of a run.
template <int W, typename V>
[[gnu::always_inline]] inline void read(const double* run, Index at, V& out) {
  out = vector_packs::pack<W>(run + at);
}
template <int W, typename V>
[[gnu::always_inline]] inline void read(const ScaledRun<double>& run, Index at, V& out) {
  out = (vector_packs::pack<W>(run.cells + at) - run.shift) * run.scale;
}

template <int W, typename Run>
[[gnu::always_inline]] inline void across(const Run* runs, Index n_runs, Index strips, Index ahead,
                                          double* out, Index strip_step) {
  typedef double Lanes __attribute__((vector_size(W * sizeof(double))));
  for (Index s = 0; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      if (W * s % kLine == 0) __builtin_prefetch(cells_of(runs[l]) + W * s + ahead);
      Lanes cells;
      read<W>(runs[l], W * s, cells);
      vector_packs::pack<W>(out + s * strip_step + W * l) = cells;
    }
  }
}

/// Cells first .. depth - 1 of W runs, one by one.
template <int W, typename Run>
[[gnu::always_inline]] inline void along_from(Index first, const Run* runs, Index depth,
                                              double* out) {
  Run from[W];
  for (int i = 0; i < W; ++i) from[i] = runs[i];
  for (Index l = first; l < depth; ++l) {
    for (int i = 0; i < W; ++i) out[l * W + i] = from[i][l];
  }
}

template <typename Run>
inline void across_portable(const Run* runs, Index n_runs, Index strips, Index ahead, double* out,
                            Index strip_step) {
  across<4>(runs, n_runs, strips, ahead, out, strip_step);
}

template <typename Run>
inline void along_portable(const Run* runs, Index depth, Index, double* out) {
  along_from<4>(0, runs, depth, out);
}

#if defined(__x86_64__) && defined(__GNUC__)

template <typename Run>
[[gnu::target("avx2")]] inline void across_avx2(const Run* runs, Index n_runs, Index strips,
                                                Index ahead, double* out, Index strip_step) {
  across<4>(runs, n_runs, strips, ahead, out, strip_step);
}

/// 4 x 4 cells at a time, turned in registers.
template <typename Run>
[[gnu::target("avx2")]] inline void along_avx2(const Run* runs, Index depth, Index ahead,
                                               double* out) {
  Index l = 0;
  for (; l + 4 <= depth; l += 4) {
    double* to = out + 4 * l;
    __m256d r[4];
    for (int i = 0; i < 4; ++i) {
      if (l % kLine == 0) __builtin_prefetch(cells_of(runs[i]) + l + ahead);
      read<4>(runs[i], l, r[i]);
    }
    const __m256d low01 = _mm256_unpacklo_pd(r[0], r[1]), high01 = _mm256_unpackhi_pd(r[0], r[1]),
                  low23 = _mm256_unpacklo_pd(r[2], r[3]), high23 = _mm256_unpackhi_pd(r[2], r[3]);
    _mm256_storeu_pd(to, _mm256_permute2f128_pd(low01, low23, 0x20));
    _mm256_storeu_pd(to + 4, _mm256_permute2f128_pd(high01, high23, 0x20));
    _mm256_storeu_pd(to + 8, _mm256_permute2f128_pd(low01, low23, 0x31));
    _mm256_storeu_pd(to + 12, _mm256_permute2f128_pd(high01, high23, 0x31));
  }
  along_from<4>(l, runs, depth, out);
}

template <typename Run>
[[gnu::target("avx512f")]] inline void across_avx512(const Run* runs, Index n_runs, Index strips,
                                                     Index ahead, double* out, Index strip_step) {
  across<8>(runs, n_runs, strips, ahead, out, strip_step);
}

/// 8 x 8 cells at a time, turned in registers: pairs, then halves of four lanes twice. Masks of all
/// lanes: the shuffles without a mask begin from an undefined register, of which GCC warns.
template <typename Run>
[[gnu::target("avx512f")]] inline void along_avx512(const Run* runs, Index depth, Index ahead,
                                                    double* out) {
  constexpr __mmask8 kAll = 0xff;
  Index l = 0;
  for (; l + 8 <= depth; l += 8) {
    double* to = out + 8 * l;
    __m512d pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
      __builtin_prefetch(cells_of(runs[i]) + l + ahead);
      __builtin_prefetch(cells_of(runs[i + 1]) + l + ahead);
      __m512d even, odd;
      read<8>(runs[i], l, even);
      read<8>(runs[i + 1], l, odd);
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

template <typename Run>
RunKernels<Run> run_kernels(KernelLevel level) {
  switch (usable(level)) {
#if defined(__x86_64__) && defined(__GNUC__)
    case KernelLevel::avx512:
      return {across_avx512<Run>, along_avx512<Run>};
    case KernelLevel::avx2:
      return {across_avx2<Run>, along_avx2<Run>};
#endif
    default:
      return {across_portable<Run>, along_portable<Run>};
  }
}

}  // namespace

PackKernels pack_kernels(KernelLevel level) {
  return {run_kernels<const double*>(level), run_kernels<ScaledRun<double>>(level)};
}

}  // namespace hdlmm
