#ifndef HDLMM_CORE_RANDOM_HPP
#define HDLMM_CORE_RANDOM_HPP

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace hdlmm {

/// splitmix64 (Steele, Lea & Flood 2014): turns any seed into well mixed words.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t state) : state_(state) {}

  std::uint64_t operator()() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

/// xoshiro256++ (Blackman & Vigna 2021): period 2^256 - 1. The state must not be all zero.
class Xoshiro256 {
 public:
  using State = std::array<std::uint64_t, 4>;

  explicit Xoshiro256(const State& state) : s_(state) {}

  std::uint64_t operator()() {
    const std::uint64_t result = rotate(s_[0] + s_[3], 23) + s_[0];
    const std::uint64_t t = s_[1] << 17;
    s_[2] ^= s_[0];
    s_[3] ^= s_[1];
    s_[1] ^= s_[2];
    s_[0] ^= s_[3];
    s_[2] ^= t;
    s_[3] = rotate(s_[3], 45);
    return result;
  }

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  State s_;
};

namespace random_detail {

/// Layers of equal area under exp(-x^2 / 2) on x > 0 (Marsaglia & Tsang 2000, J. Stat. Softw. 5).
struct Ziggurat {
  static constexpr int kLayers = 256;
  static constexpr double kTail = 3.6541528853610088;  ///< where the tail begins

  std::array<double, kLayers + 1> edge;    ///< of layer i; decreasing to 0
  std::array<double, kLayers + 1> height;  ///< exp(-edge^2 / 2)

  Ziggurat() {
    const double at_tail = std::exp(-0.5 * kTail * kTail);
    const double root_half_pi = 1.2533141373155002512;
    const double area = kTail * at_tail + root_half_pi * std::erfc(kTail * std::sqrt(0.5));
    edge[0] = area / at_tail;
    edge[1] = kTail;
    for (std::size_t i = 2; i < kLayers; ++i) {
      const double below = std::exp(-0.5 * edge[i - 1] * edge[i - 1]);
      edge[i] = std::sqrt(-2 * std::log(area / edge[i - 1] + below));
    }
    edge[kLayers] = 0;
    for (std::size_t i = 0; i <= kLayers; ++i) height[i] = std::exp(-0.5 * edge[i] * edge[i]);
  }
};

inline const Ziggurat& ziggurat() {
  static const Ziggurat table;
  return table;
}

}  // namespace random_detail

/// Random numbers that depend on (seed, stream) only: neither on the standard library nor, but for
/// the last digits of exp and log, on the platform. One object a thread.
class Random {
 public:
  /// Different pairs (seed, stream) start from different states: half of the state is an
  /// injective function of the seed, the other half of the stream once the seed is given.
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : bits_(initial_state(seed, stream)), ziggurat_(random_detail::ziggurat()) {}

  std::uint64_t bits() { return bits_(); }

  /// In the open interval (0, 1): the centres of 2^52 cells.
  double uniform() { return (static_cast<double>(bits_() >> 12) + 0.5) * 0x1p-52; }

  /// A whole number from 0 to n - 1, all equally likely; n > 0.
  std::uint64_t below(std::uint64_t n) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t limit = kMax - kMax % n;
    std::uint64_t x = bits_();
    while (x >= limit) x = bits_();
    return x % n;
  }

  /// Standard normal, by the ziggurat: one draw of 64 bits in 98.9 % of the calls. Layer, sign and
  /// position come from different bits (Doornik 2005 shows what happens otherwise).
  double normal() {
    for (;;) {
      const std::uint64_t word = bits_();
      const std::size_t layer = word & 255;
      const double sign = (word & 256) != 0 ? -1 : 1;
      const double x = (static_cast<double>(word >> 12) + 0.5) * 0x1p-52 * ziggurat_.edge[layer];
      if (x < ziggurat_.edge[layer + 1]) return sign * x;
      if (layer == 0) return sign * tail();
      const double low = ziggurat_.height[layer], high = ziggurat_.height[layer + 1];
      if (low + uniform() * (high - low) < std::exp(-0.5 * x * x)) return sign * x;
    }
  }

  /// Gamma with unit scale, shape > 0 (Marsaglia & Tsang 2000, ACM TOMS 26).
  double gamma(double shape) {
    if (shape < 1) return gamma(shape + 1) * std::pow(uniform(), 1 / shape);
    const double d = shape - 1.0 / 3, c = 1 / std::sqrt(9 * d);
    for (;;) {
      const double x = normal();
      const double root = 1 + c * x;
      if (root <= 0) continue;
      const double v = root * root * root, u = uniform();
      if (std::log(u) < 0.5 * x * x + d * (1 - v + std::log(v))) return d * v;
    }
  }

  /// Density proportional to x^(-shape - 1) exp(-scale / x).
  double inverse_gamma(double shape, double scale) { return scale / gamma(shape); }

  double chi_square(double df) { return 2 * gamma(0.5 * df); }

 private:
  static Xoshiro256::State initial_state(std::uint64_t seed, std::uint64_t stream) {
    SplitMix64 of_seed(seed), of_stream(stream);
    const std::uint64_t first = of_seed(), second = of_seed();
    SplitMix64 mixed(first ^ of_stream());
    const std::uint64_t third = mixed(), fourth = mixed();
    return {first, second, third, fourth};
  }

  /// Of a normal beyond the last edge (Marsaglia 1964).
  double tail() {
    for (;;) {
      const double x = -std::log(uniform()) / random_detail::Ziggurat::kTail;
      if (-2 * std::log(uniform()) > x * x) return random_detail::Ziggurat::kTail + x;
    }
  }

  Xoshiro256 bits_;
  const random_detail::Ziggurat& ziggurat_;
};

}  // namespace hdlmm

#endif  // HDLMM_CORE_RANDOM_HPP
