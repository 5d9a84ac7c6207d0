#include "hdlmm/simd/micro_kernel.hpp"

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

namespace hdlmm {

namespace {

#if defined(__GNUC__)

/// Two doubles: what every 64-bit processor has a register for.
typedef double Pair __attribute__((vector_size(16)));

inline Pair load_pair(const double* from) { return Pair{from[0], from[1]}; }

struct PairColumn {
  Pair top = {0, 0}, bottom = {0, 0};

  void add(const Pair& a_top, const Pair& a_bottom, double b) {
    const Pair factor = {b, b};
    top += a_top * factor;
    bottom += a_bottom * factor;
  }
  void add_to(double* c, double alpha) const {
    c[0] += alpha * top[0];
    c[1] += alpha * top[1];
    c[2] += alpha * bottom[0];
    c[3] += alpha * bottom[1];
  }
};

/// 4 x 4: eight accumulators, which leaves half of the sixteen registers of SSE2.
inline void add_tile_portable(Index k, const double* a, const double* b, double alpha, double* c,
                              Index ldc) {
  PairColumn c0, c1, c2, c3;
  for (Index l = 0; l < k; ++l, a += 4, b += 4) {
    const Pair top = load_pair(a), bottom = load_pair(a + 2);
    c0.add(top, bottom, b[0]);
    c1.add(top, bottom, b[1]);
    c2.add(top, bottom, b[2]);
    c3.add(top, bottom, b[3]);
  }
  c0.add_to(c, alpha);
  c1.add_to(c + ldc, alpha);
  c2.add_to(c + 2 * ldc, alpha);
  c3.add_to(c + 3 * ldc, alpha);
}

#else

inline void add_tile_portable(Index k, const double* a, const double* b, double alpha, double* c,
                              Index ldc) {
  double sum[4][4] = {};
  for (Index l = 0; l < k; ++l, a += 4, b += 4) {
    for (int j = 0; j < 4; ++j) {
      for (int i = 0; i < 4; ++i) sum[j][i] += a[i] * b[j];
    }
  }
  for (int j = 0; j < 4; ++j) {
    for (int i = 0; i < 4; ++i) c[i + j * ldc] += alpha * sum[j][i];
  }
}

#endif

#if defined(__x86_64__) && defined(__GNUC__)

/// One column of a tile: S strips of 4 rows in AVX2 registers.
template <int S>
struct Avx2Column {
  __m256d top, middle, bottom;

  [[gnu::target("avx2,fma"), gnu::always_inline]] inline void clear() {
    top = middle = bottom = _mm256_setzero_pd();
  }
  [[gnu::target("avx2,fma"), gnu::always_inline]] inline void add(__m256d a_top, __m256d a_middle,
                                                                  __m256d a_bottom,
                                                                  const double* b) {
    const __m256d factor = _mm256_broadcast_sd(b);
    top = _mm256_fmadd_pd(a_top, factor, top);
    if constexpr (S > 1) middle = _mm256_fmadd_pd(a_middle, factor, middle);
    if constexpr (S > 2) bottom = _mm256_fmadd_pd(a_bottom, factor, bottom);
  }
  [[gnu::target("avx2,fma"), gnu::always_inline]] inline void add_to(double* c,
                                                                     double alpha) const {
    const __m256d factor = _mm256_set1_pd(alpha);
    _mm256_storeu_pd(c, _mm256_fmadd_pd(factor, top, _mm256_loadu_pd(c)));
    if constexpr (S > 1) {
      _mm256_storeu_pd(c + 4, _mm256_fmadd_pd(factor, middle, _mm256_loadu_pd(c + 4)));
    }
    if constexpr (S > 2) {
      _mm256_storeu_pd(c + 8, _mm256_fmadd_pd(factor, bottom, _mm256_loadu_pd(c + 8)));
    }
  }
};

/// 4 S x 4: for S = 3 twelve accumulators, three registers of a and one of b fill the sixteen of
/// AVX2.
template <int S>
[[gnu::target("avx2,fma")]] void add_tile_avx2(Index k, const double* a, const double* b,
                                               double alpha, double* c, Index ldc) {
  const double *a_middle = a + (S > 1 ? 4 * k : 0), *a_bottom = a + (S > 2 ? 8 * k : 0);
  Avx2Column<S> c0, c1, c2, c3;
  c0.clear();
  c1.clear();
  c2.clear();
  c3.clear();
  for (Index j = 0; j < 4; ++j) {
    for (Index i = 0; i < S * 4; i += 8) __builtin_prefetch(c + j * ldc + i, 1);
    __builtin_prefetch(c + j * ldc + S * 4 - 1, 1);
  }
  for (Index l = 0; l < k; ++l) {
    const __m256d a0 = _mm256_load_pd(a + 4 * l),
                  a1 = S > 1 ? _mm256_load_pd(a_middle + 4 * l) : a0,
                  a2 = S > 2 ? _mm256_load_pd(a_bottom + 4 * l) : a0;
    c0.add(a0, a1, a2, b + 4 * l);
    c1.add(a0, a1, a2, b + 4 * l + 1);
    c2.add(a0, a1, a2, b + 4 * l + 2);
    c3.add(a0, a1, a2, b + 4 * l + 3);
  }
  c0.add_to(c, alpha);
  c1.add_to(c + ldc, alpha);
  c2.add_to(c + 2 * ldc, alpha);
  c3.add_to(c + 3 * ldc, alpha);
}

/// One column of a tile: S strips of 8 rows in AVX-512 registers.
template <int S>
struct Avx512Column {
  __m512d top, middle, bottom;

  [[gnu::target("avx512f"), gnu::always_inline]] inline void clear() {
    top = middle = bottom = _mm512_setzero_pd();
  }
  [[gnu::target("avx512f"), gnu::always_inline]] inline void add(__m512d a_top, __m512d a_middle,
                                                                 __m512d a_bottom,
                                                                 const double* b) {
    const __m512d factor = _mm512_set1_pd(*b);
    top = _mm512_fmadd_pd(a_top, factor, top);
    if constexpr (S > 1) middle = _mm512_fmadd_pd(a_middle, factor, middle);
    if constexpr (S > 2) bottom = _mm512_fmadd_pd(a_bottom, factor, bottom);
  }
  [[gnu::target("avx512f"), gnu::always_inline]] inline void add_to(double* c, double alpha) const {
    const __m512d factor = _mm512_set1_pd(alpha);
    _mm512_storeu_pd(c, _mm512_fmadd_pd(factor, top, _mm512_loadu_pd(c)));
    if constexpr (S > 1) {
      _mm512_storeu_pd(c + 8, _mm512_fmadd_pd(factor, middle, _mm512_loadu_pd(c + 8)));
    }
    if constexpr (S > 2) {
      _mm512_storeu_pd(c + 16, _mm512_fmadd_pd(factor, bottom, _mm512_loadu_pd(c + 16)));
    }
  }
};

/// 8 S x 8: for S = 3 24 accumulators of the 32 registers.
template <int S>
[[gnu::target("avx512f")]] void add_tile_avx512(Index k, const double* a, const double* b,
                                                double alpha, double* c, Index ldc) {
  const double *a_middle = a + (S > 1 ? 8 * k : 0), *a_bottom = a + (S > 2 ? 16 * k : 0);
  Avx512Column<S> c0, c1, c2, c3, c4, c5, c6, c7;
  c0.clear();
  c1.clear();
  c2.clear();
  c3.clear();
  c4.clear();
  c5.clear();
  c6.clear();
  c7.clear();
  for (Index j = 0; j < 8; ++j) {
    for (Index i = 0; i < S * 8; i += 8) __builtin_prefetch(c + j * ldc + i, 1);
    __builtin_prefetch(c + j * ldc + S * 8 - 1, 1);
  }
  for (Index l = 0; l < k; ++l) {
    const __m512d a0 = _mm512_load_pd(a + 8 * l),
                  a1 = S > 1 ? _mm512_load_pd(a_middle + 8 * l) : a0,
                  a2 = S > 2 ? _mm512_load_pd(a_bottom + 8 * l) : a0;
    c0.add(a0, a1, a2, b + 8 * l);
    c1.add(a0, a1, a2, b + 8 * l + 1);
    c2.add(a0, a1, a2, b + 8 * l + 2);
    c3.add(a0, a1, a2, b + 8 * l + 3);
    c4.add(a0, a1, a2, b + 8 * l + 4);
    c5.add(a0, a1, a2, b + 8 * l + 5);
    c6.add(a0, a1, a2, b + 8 * l + 6);
    c7.add(a0, a1, a2, b + 8 * l + 7);
  }
  c0.add_to(c, alpha);
  c1.add_to(c + ldc, alpha);
  c2.add_to(c + 2 * ldc, alpha);
  c3.add_to(c + 3 * ldc, alpha);
  c4.add_to(c + 4 * ldc, alpha);
  c5.add_to(c + 5 * ldc, alpha);
  c6.add_to(c + 6 * ldc, alpha);
  c7.add_to(c + 7 * ldc, alpha);
}

#endif

}  // namespace

MicroKernel micro_kernel(KernelLevel level) {
  const PackKernels pack = pack_kernels(level);
  switch (usable(level)) {
#if defined(__x86_64__) && defined(__GNUC__)
    case KernelLevel::avx512:
      return {8, 3, {add_tile_avx512<1>, add_tile_avx512<2>, add_tile_avx512<3>}, pack};
    case KernelLevel::avx2:
      return {4, 3, {add_tile_avx2<1>, add_tile_avx2<2>, add_tile_avx2<3>}, pack};
#endif
    default:
      return {4, 1, {add_tile_portable}, pack};
  }
}

}  // namespace hdlmm
