#ifndef HDLMM_SIMD_VECTOR_PACKS_HPP
#define HDLMM_SIMD_VECTOR_PACKS_HPP

#include <cstddef>
#include <type_traits>
#include <utility>

#include "hdlmm/base/index.hpp"

namespace hdlmm {

/// Loops written once for every instruction set.
///
/// GCC and clang lower vectors of any width to what the function they end up in may use. All here
/// and in the kernels built on it is forced inline into entry points that differ in their target
/// attribute alone, so the loops become AVX-512, AVX2 or the processor's least.
namespace vector_packs {

/// W doubles, at any address of a double.
template <int W>
struct Pack {
  typedef double type __attribute__((vector_size(W * sizeof(double)), aligned(8), may_alias));
};

constexpr int kPortableWidth = 2;

template <typename Body, std::size_t... I>
[[gnu::always_inline]] inline void unroll(Body&& body, std::index_sequence<I...>) {
  (body(std::integral_constant<int, static_cast<int>(I)>()), ...);
}

/// body(0), ..., body(N - 1), written out.
template <int N, typename Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  unroll(body, std::make_index_sequence<static_cast<std::size_t>(N)>());
}

template <int W>
[[gnu::always_inline]] inline typename Pack<W>::type& pack(double* x) {
  return *reinterpret_cast<typename Pack<W>::type*>(x);
}

template <int W>
[[gnu::always_inline]] inline const typename Pack<W>::type& pack(const double* x) {
  return *reinterpret_cast<const typename Pack<W>::type*>(x);
}

/// Numbers lane(kFirst), ..., lane(kFirst + N - 1) by a binary operation, halves with halves: no
/// long chain, and one order however they are held.
template <int N, int kFirst = 0, typename Lane, typename Join>
[[gnu::always_inline]] inline double join_halves(const Lane& lane, const Join& both) {
  if constexpr (N == 1) {
    return lane(std::integral_constant<int, kFirst>());
  } else {
    return both(join_halves<N / 2, kFirst>(lane, both),
                join_halves<N / 2, kFirst + N / 2>(lane, both));
  }
}

constexpr auto kSum = [](double a, double b) { return a + b; };
constexpr auto kLarger = [](double a, double b) { return a > b ? a : b; };

template <int W>
[[gnu::always_inline]] inline double lane_sum(const typename Pack<W>::type& x) {
  return join_halves<W>(
      [&](auto l) __attribute__((always_inline)) { return x[l()]; }, kSum);
}

template <int W>
[[gnu::always_inline]] inline double dot(const double* x, const double* y, Index n) {
  using V = typename Pack<W>::type;
  V sum{};
  for (Index i = 0; i < n; i += W) sum += pack<W>(x + i) * pack<W>(y + i);
  return lane_sum<W>(sum);
}

}  // namespace vector_packs

}  // namespace hdlmm

#endif  // HDLMM_SIMD_VECTOR_PACKS_HPP
