#include "hdlmm/simd/panel_kernels.hpp"

#include <algorithm>

#include "hdlmm/simd/vector_packs.hpp"

namespace hdlmm {

namespace {

using vector_packs::lane_sum;
using vector_packs::pack;
using vector_packs::Pack;
using vector_packs::unroll;

constexpr int kTile = 4;      // columns of a and of b that meet in registers
constexpr Index kRows = 512;  // of all columns at a time: they stay in the second-level cache

template <int W, int A, int B>
[[gnu::always_inline]] inline void add_inner_tile(Index n, const Columns<const double>& a,
                                                  const Columns<const double>& b,
                                                  const Columns<double>& out) {
  using V = typename Pack<W>::type;
  V sums[A][B];
  unroll<A>([&](auto i) __attribute__((always_inline)) {
    unroll<B>([&](auto j) __attribute__((always_inline)) { sums[i][j] = V{}; });
  });
  Index l = 0;
  for (; l + W <= n; l += W) {
    V from_b[B];
    unroll<B>([&](auto j) __attribute__((always_inline)) {
      from_b[j] = pack<W>(b.cells + j * b.stride + l);
    });
    unroll<A>([&](auto i) __attribute__((always_inline)) {
      const V from_a = pack<W>(a.cells + i * a.stride + l);
      unroll<B>([&](auto j) __attribute__((always_inline)) { sums[i][j] += from_a * from_b[j]; });
    });
  }
  unroll<A>([&](auto i) __attribute__((always_inline)) {
    unroll<B>([&](auto j) __attribute__((always_inline)) {
      double sum = lane_sum<W>(sums[i][j]);
      for (Index r = l; r < n; ++r) sum += a.cells[i * a.stride + r] * b.cells[j * b.stride + r];
      out.cells[i + j * out.stride] += sum;
    });
  });
}

/// A columns of a with all of b.
template <int W, int A>
[[gnu::always_inline]] inline void add_inner_strip(Index n, const Columns<const double>& a,
                                                   const Columns<const double>& b,
                                                   const Columns<double>& out) {
  Index j = 0;
  for (; j + kTile <= b.count; j += kTile) {
    add_inner_tile<W, A, kTile>(n, a, b.from(j), out.from(j));
  }
  for (; j < b.count; ++j) add_inner_tile<W, A, 1>(n, a, b.from(j), out.from(j));
}

template <int W>
[[gnu::always_inline]] inline void inner(Index n, const Columns<const double>& a,
                                         const Columns<const double>& b,
                                         const Columns<double>& out) {
  for (Index first = 0; first < n; first += kRows) {
    const Index rows = std::min(kRows, n - first);
    const Columns<const double> left = a.below(first), right = b.below(first);
    Index i = 0;
    for (; i + kTile <= a.count; i += kTile) {
      add_inner_strip<W, kTile>(rows, left.from(i), right, out.below(i));
    }
    for (; i < a.count; ++i) add_inner_strip<W, 1>(rows, left.from(i), right, out.below(i));
  }
}

template <int W, int N>
[[gnu::always_inline]] inline void subtract_from(Index n, const double* v, const double* factors,
                                                 const Columns<double>& x) {
  Index i = 0;
  for (; i + W <= n; i += W) {
    const auto vi = pack<W>(v + i);
    unroll<N>([&](auto c) __attribute__((always_inline)) {
      pack<W>(x.cells + c * x.stride + i) -= factors[c] * vi;
    });
  }
  unroll<N>([&](auto c) __attribute__((always_inline)) {
    for (Index l = i; l < n; ++l) x.cells[c * x.stride + l] -= factors[c] * v[l];
  });
}

template <int W>
[[gnu::always_inline]] inline void subtract(Index n, const double* v, const double* factors,
                                            const Columns<double>& x) {
  Index c = 0;
  for (; c + kTile <= x.count; c += kTile) {
    subtract_from<W, kTile>(n, v, factors + c, x.from(c));
  }
  for (; c < x.count; ++c) subtract_from<W, 1>(n, v, factors + c, x.from(c));
}

inline void inner_portable(Index n, const Columns<const double>& a, const Columns<const double>& b,
                           const Columns<double>& out) {
  inner<vector_packs::kPortableWidth>(n, a, b, out);
}
inline void subtract_portable(Index n, const double* v, const double* factors,
                              const Columns<double>& x) {
  subtract<vector_packs::kPortableWidth>(n, v, factors, x);
}

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] inline void inner_avx2(Index n, const Columns<const double>& a,
                                                   const Columns<const double>& b,
                                                   const Columns<double>& out) {
  inner<4>(n, a, b, out);
}
[[gnu::target("avx2,fma")]] inline void subtract_avx2(Index n, const double* v,
                                                      const double* factors,
                                                      const Columns<double>& x) {
  subtract<4>(n, v, factors, x);
}
[[gnu::target("avx512f")]] inline void inner_avx512(Index n, const Columns<const double>& a,
                                                    const Columns<const double>& b,
                                                    const Columns<double>& out) {
  inner<8>(n, a, b, out);
}
[[gnu::target("avx512f")]] inline void subtract_avx512(Index n, const double* v,
                                                       const double* factors,
                                                       const Columns<double>& x) {
  subtract<8>(n, v, factors, x);
}
#endif

}  // namespace

PanelKernels panel_kernels(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) {
    return {inner_avx512, subtract_avx512};
  }
  if (usable(level) == KernelLevel::avx2) return {inner_avx2, subtract_avx2};
#endif
  (void)level;
  return {inner_portable, subtract_portable};
}

}  // namespace hdlmm
