#include "hdlmm/simd/rank_two_kernels.hpp"

#include <type_traits>

#include "hdlmm/simd/vector_packs.hpp"

namespace hdlmm {

namespace {

using vector_packs::lane_sum;
using vector_packs::pack;
using vector_packs::Pack;
using vector_packs::unroll;

constexpr int kColumns = 4;  // for one pass over v, w, x and y

/// Columns c .. c + N - 1 where they meet the diagonal. dots: what they add to y there.
template <int N>
[[gnu::always_inline]] inline void pass_corner(const RankTwoPass& pass, Index c, double* dots) {
  double* corner = pass.cells + c * pass.stride + c;
  const double *v = pass.v + c, *w = pass.w + c, *x = pass.x + c;
  unroll<N>([&](auto j) __attribute__((always_inline)) { dots[j] = 0; });
  unroll<N>([&](auto j) __attribute__((always_inline)) {
    unroll<N>([&](auto i) __attribute__((always_inline)) {
      if constexpr (i() >= j()) {
        double& cell = corner[i + j * pass.stride];
        cell -= v[i] * w[j] + w[i] * v[j];
        dots[j] += cell * x[i];
        if constexpr (i() > j()) dots[i] += cell * x[j];
      }
    });
  });
}

/// from[s]: ones from lane s on.
template <int W>
struct LaneMasks {
  double from[W][W] = {};
  constexpr LaneMasks() {
    for (int s = 0; s < W; ++s) {
      for (int lane = s; lane < W; ++lane) from[s][lane] = 1;
    }
  }
};

template <int W>
constexpr LaneMasks<W> kLaneMasks{};

template <int W, int N>
[[gnu::always_inline]] inline void pass_columns(const RankTwoPass& pass, Index c) {
  using V = typename Pack<W>::type;
  double dots[N], v[N], w[N], x[N];
  pass_corner<N>(pass, c, dots);
  V sums[N];
  unroll<N>([&](auto j) __attribute__((always_inline)) {
    sums[j] = V{};
    v[j] = pass.v[c + j];
    w[j] = pass.w[c + j];
    x[j] = pass.x[c + j];
  });
  double* first = pass.cells + c * pass.stride;
  // packs that do not cross cache lines; in the first one rows above are masked
  Index i = (c + N) / W * W;
  const V below = pack<W>(kLaneMasks<W>.from[c + N - i]);
  const auto visit = [&](auto is_masked) __attribute__((always_inline)) {
    V vi = pack<W>(pass.v + i), wi = pack<W>(pass.w + i), xi = pack<W>(pass.x + i);
    if constexpr (is_masked()) {
      vi *= below;
      wi *= below;
      xi *= below;
    }
    V yi = pack<W>(pass.y + i);
    unroll<N>([&](auto j) __attribute__((always_inline)) {
      V& cell = pack<W>(first + j * pass.stride + i);
      const V k = cell - w[j] * vi - v[j] * wi;
      cell = k;
      if constexpr (is_masked()) {
        yi += below * (x[j] * k);
      } else {
        yi += x[j] * k;
      }
      sums[j] += k * xi;
    });
    pack<W>(pass.y + i) = yi;
    i += W;
  };
  if (i < c + N) visit(std::true_type());
  while (i < pass.n) visit(std::false_type());
  unroll<N>([&](auto j) __attribute__((always_inline)) {
    pass.y[c + j] += dots[j] + lane_sum<W>(sums[j]);
  });
}

template <int W>
[[gnu::always_inline]] inline void make_pass(const RankTwoPass& pass) {
  Index c = pass.first;
  for (; c + kColumns <= pass.n; c += kColumns) pass_columns<W, kColumns>(pass, c);
  for (; c < pass.n; ++c) pass_columns<W, 1>(pass, c);
}

inline void pass_portable(const RankTwoPass& pass) {
  make_pass<vector_packs::kPortableWidth>(pass);
}
#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] inline void pass_avx2(const RankTwoPass& pass) { make_pass<4>(pass); }
[[gnu::target("avx512f")]] inline void pass_avx512(const RankTwoPass& pass) { make_pass<8>(pass); }
#endif

}  // namespace

RankTwoKernel rank_two_kernel(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) return pass_avx512;
  if (usable(level) == KernelLevel::avx2) return pass_avx2;
#endif
  (void)level;
  return pass_portable;
}

}  // namespace hdlmm
