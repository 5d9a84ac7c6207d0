#include "hdlmm/simd/column_moments.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "hdlmm/simd/vector_packs.hpp"

namespace hdlmm {

namespace {

using vector_packs::kLarger;
using vector_packs::kSum;
using vector_packs::pack;
using vector_packs::Pack;
using vector_packs::unroll;

/// Sums run in lanes, which are added at the end: one order whatever the storage and the width of
/// the packs.
constexpr int kLanes = 16;

template <typename T, int W>
struct Stored {
  typedef T type __attribute__((vector_size(W * sizeof(T)), aligned(alignof(T)), may_alias));
};

template <int W, typename T>
[[gnu::always_inline]] inline void load(const T* x, typename Pack<W>::type& to) {
  to = __builtin_convertvector(*reinterpret_cast<const typename Stored<T, W>::type*>(x),
                               typename Pack<W>::type);
}

template <int W>
struct Lanes {
  static constexpr int kPacks = kLanes / W;
  typename Pack<W>::type packs[kPacks] = {};

  template <typename Join>
  [[gnu::always_inline]] inline double join(const Join& both) const {
    return vector_packs::join_halves<kLanes>(
        [&](auto l) __attribute__((always_inline)) { return packs[l() / W][l() % W]; }, both);
  }
};

/// Two passes while the column is in the cache; the mean is corrected by the residual sum (Chan,
/// Golub & LeVeque 1983, Amer. Statist. 37).
template <int W, typename T>
[[gnu::always_inline]] inline bool moments(const T* x, Index n, double factor, ColumnMoments& out) {
  using V = typename Pack<W>::type;
  constexpr int kPacks = Lanes<W>::kPacks;
  const Index whole = n / kLanes * kLanes;
  Lanes<W> sums, tops;
  for (Index i = 0; i < whole; i += kLanes) {
    unroll<kPacks>([&](auto c) __attribute__((always_inline)) {
      V cells;
      load<W>(x + i + c * W, cells);
      sums.packs[c] += cells;
      const V opposite = -cells, size = cells > opposite ? cells : opposite;
      tops.packs[c] = size > tops.packs[c] ? size : tops.packs[c];
    });
  }
  double sum = sums.join(kSum);
  out.largest = tops.join(kLarger);
  for (Index i = whole; i < n; ++i) {
    const double cell = static_cast<double>(x[i]);
    sum += cell;
    out.largest = std::max(out.largest, std::abs(cell));
  }
  // of integers only the missing one is so large
  constexpr double kMissing = -static_cast<double>(std::numeric_limits<int>::min());
  if (std::is_integral<T>::value && out.largest >= kMissing) return false;
  out.mean = factor * sum / static_cast<double>(n);
  if (!std::isfinite(sum) || !std::isfinite(out.mean)) return false;

  Lanes<W> rests, squares;
  for (Index i = 0; i < whole; i += kLanes) {
    unroll<kPacks>([&](auto c) __attribute__((always_inline)) {
      V cells;
      load<W>(x + i + c * W, cells);
      const V deviation = factor * cells - out.mean;
      rests.packs[c] += deviation;
      squares.packs[c] += deviation * deviation;
    });
  }
  double rest = rests.join(kSum), square = squares.join(kSum);
  for (Index i = whole; i < n; ++i) {
    const double deviation = factor * static_cast<double>(x[i]) - out.mean;
    rest += deviation;
    square += deviation * deviation;
  }
  out.mean += rest / static_cast<double>(n);
  out.squares = std::max(0.0, square - rest * rest / static_cast<double>(n));
  return true;
}

template <typename T>
bool moments_portable(const T* x, Index n, double factor, ColumnMoments& out) {
  return moments<vector_packs::kPortableWidth>(x, n, factor, out);
}

#if defined(__x86_64__) && defined(__GNUC__)
template <typename T>
[[gnu::target("avx2,fma")]] bool moments_avx2(const T* x, Index n, double factor,
                                              ColumnMoments& out) {
  return moments<4>(x, n, factor, out);
}
template <typename T>
[[gnu::target("avx512f")]] bool moments_avx512(const T* x, Index n, double factor,
                                               ColumnMoments& out) {
  return moments<8>(x, n, factor, out);
}
#endif

}  // namespace

template <typename T>
MomentKernel<T> moment_kernel(KernelLevel level) {
#if defined(__x86_64__) && defined(__GNUC__)
  if (usable(level) == KernelLevel::avx512) return moments_avx512<T>;
  if (usable(level) == KernelLevel::avx2) return moments_avx2<T>;
#endif
  (void)level;
  return moments_portable<T>;
}

template MomentKernel<double> moment_kernel<double>(KernelLevel);

template MomentKernel<int> moment_kernel<int>(KernelLevel);

template MomentKernel<std::uint8_t> moment_kernel<std::uint8_t>(KernelLevel);

}  // namespace hdlmm
