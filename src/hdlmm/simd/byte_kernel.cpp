#include "hdlmm/simd/byte_kernel.hpp"

#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace hdlmm {

namespace {

#if defined(__x86_64__) && defined(__GNUC__)

inline int load_quad(const std::uint8_t* from) {
  int quad;
  std::memcpy(&quad, from, sizeof quad);
  return quad;
}

/// One column of a tile: 16 rows, two 16-bit sums each.
struct Avx2Sums {
  __m256i top, bottom;

  [[gnu::target("avx2"), gnu::always_inline]] inline void clear() {
    top = bottom = _mm256_setzero_si256();
  }
  [[gnu::target("avx2"), gnu::always_inline]] inline void add(__m256i a_top, __m256i a_bottom,
                                                              const std::uint8_t* b) {
    const __m256i quad = _mm256_set1_epi32(load_quad(b));
    top = _mm256_add_epi16(top, _mm256_maddubs_epi16(quad, a_top));
    bottom = _mm256_add_epi16(bottom, _mm256_maddubs_epi16(quad, a_bottom));
  }
  [[gnu::target("avx2"), gnu::always_inline]] static inline void add_sums(__m256i pairs,
                                                                          double* c) {
    const __m256i sums = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    const __m256d low = _mm256_cvtepi32_pd(_mm256_castsi256_si128(sums));
    const __m256d high = _mm256_cvtepi32_pd(_mm256_extracti128_si256(sums, 1));
    _mm256_storeu_pd(c, _mm256_add_pd(_mm256_loadu_pd(c), low));
    _mm256_storeu_pd(c + 4, _mm256_add_pd(_mm256_loadu_pd(c + 4), high));
  }
  [[gnu::target("avx2"), gnu::always_inline]] inline void add_to(double* c) const {
    add_sums(top, c);
    add_sums(bottom, c + 8);
  }
};

[[gnu::target("avx2")]] inline void add_tile_avx2(Index quads, const std::uint8_t* a,
                                                  const std::uint8_t* b, double* c, Index ldc) {
  const std::uint8_t* bottom = a + 32 * quads;
  Avx2Sums c0, c1, c2, c3;
  c0.clear();
  c1.clear();
  c2.clear();
  c3.clear();
  for (Index q = 0; q < quads; ++q) {
    const __m256i a0 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a + 32 * q));
    const __m256i a1 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bottom + 32 * q));
    c0.add(a0, a1, b + 32 * q);
    c1.add(a0, a1, b + 32 * q + 4);
    c2.add(a0, a1, b + 32 * q + 8);
    c3.add(a0, a1, b + 32 * q + 12);
  }
  c0.add_to(c);
  c1.add_to(c + ldc);
  c2.add_to(c + 2 * ldc);
  c3.add_to(c + 3 * ldc);
}

/// One column of a tile: 32 rows, two 16-bit sums each.
struct Avx512Sums {
  __m512i top, bottom;

  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] inline void clear() {
    top = bottom = _mm512_setzero_si512();
  }
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] inline void add(__m512i a_top,
                                                                          __m512i a_bottom,
                                                                          const std::uint8_t* b) {
    const __m512i quad = _mm512_set1_epi32(load_quad(b));
    top = _mm512_add_epi16(top, _mm512_maddubs_epi16(quad, a_top));
    bottom = _mm512_add_epi16(bottom, _mm512_maddubs_epi16(quad, a_bottom));
  }
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] static inline void add_sums(__m512i pairs,
                                                                                      double* c) {
    const __m512i sums = _mm512_madd_epi16(pairs, _mm512_set1_epi16(1));
    // forms with a mask of ones: those without draw false warnings from GCC 12
    const __m256i first = _mm512_maskz_extracti64x4_epi64(0xff, sums, 0);
    const __m256i second = _mm512_maskz_extracti64x4_epi64(0xff, sums, 1);
    const __m512d low = _mm512_maskz_cvtepi32_pd(0xff, first);
    const __m512d high = _mm512_maskz_cvtepi32_pd(0xff, second);
    _mm512_storeu_pd(c, _mm512_add_pd(_mm512_loadu_pd(c), low));
    _mm512_storeu_pd(c + 8, _mm512_add_pd(_mm512_loadu_pd(c + 8), high));
  }
  [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] inline void add_to(double* c) const {
    add_sums(top, c);
    add_sums(bottom, c + 16);
  }
};

[[gnu::target("avx512f,avx512bw")]] inline void add_tile_avx512(Index quads, const std::uint8_t* a,
                                                                const std::uint8_t* b, double* c,
                                                                Index ldc) {
  const std::uint8_t* bottom = a + 64 * quads;
  Avx512Sums c0, c1, c2, c3, c4, c5, c6, c7;
  c0.clear();
  c1.clear();
  c2.clear();
  c3.clear();
  c4.clear();
  c5.clear();
  c6.clear();
  c7.clear();
  for (Index q = 0; q < quads; ++q) {
    const __m512i a0 = _mm512_loadu_si512(a + 64 * q), a1 = _mm512_loadu_si512(bottom + 64 * q);
    c0.add(a0, a1, b + 64 * q);
    c1.add(a0, a1, b + 64 * q + 4);
    c2.add(a0, a1, b + 64 * q + 8);
    c3.add(a0, a1, b + 64 * q + 12);
    c4.add(a0, a1, b + 64 * q + 16);
    c5.add(a0, a1, b + 64 * q + 20);
    c6.add(a0, a1, b + 64 * q + 24);
    c7.add(a0, a1, b + 64 * q + 28);
  }
  c0.add_to(c);
  c1.add_to(c + ldc);
  c2.add_to(c + 2 * ldc);
  c3.add_to(c + 3 * ldc);
  c4.add_to(c + 4 * ldc);
  c5.add_to(c + 5 * ldc);
  c6.add_to(c + 6 * ldc);
  c7.add_to(c + 7 * ldc);
}

#endif

}  // namespace

ByteKernel byte_kernel(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) {
    return {16, 32, 8, add_tile_avx512};
  }
  return {8, 16, 4, add_tile_avx2};
#else
  (void)level;
  return {0, 0, 0, nullptr};
#endif
}

}  // namespace hdlmm
