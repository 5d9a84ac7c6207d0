#ifndef HDLMM_BASE_RANDOM_HPP
#define HDLMM_BASE_RANDOM_HPP

#include <array>
#include <cstdint>

namespace hdlmm {

/// splitmix64 (Steele, Lea & Flood 2014): turns any seed into well mixed words.
class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t state) : state_(state) {}

  std::uint64_t operator()();

 private:
  std::uint64_t state_;
};

/// xoshiro256++ (Blackman & Vigna 2021): period 2^256 - 1. The state must not be all zero.
class Xoshiro256 {
 public:
  using State = std::array<std::uint64_t, 4>;

  explicit Xoshiro256(const State& state) : s_(state) {}

  std::uint64_t operator()();

 private:
  static std::uint64_t rotate(std::uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

  State s_;
};

/// Layers of equal area under exp(-x^2 / 2) on x > 0 (Marsaglia & Tsang 2000, J. Stat. Softw. 5).
struct Ziggurat {
  static constexpr int kLayers = 256;
  static constexpr double kTail = 3.6541528853610088;  ///< where the tail begins

  std::array<double, kLayers + 1> edge;    ///< of layer i; decreasing to 0
  std::array<double, kLayers + 1> height;  ///< exp(-edge^2 / 2)

  Ziggurat();
};

/// Random numbers that depend on (seed, stream) only: neither on the standard library nor, but for
/// the last digits of exp and log, on the platform. One object a thread.
class Random {
 public:
  /// Different pairs (seed, stream) start from different states: half of the state is an
  /// injective function of the seed, the other half of the stream once the seed is given.
  explicit Random(std::uint64_t seed, std::uint64_t stream = 0);

  std::uint64_t bits() { return bits_(); }

  /// In the open interval (0, 1): the centres of 2^52 cells.
  double uniform() { return (static_cast<double>(bits_() >> 12) + 0.5) * 0x1p-52; }

  /// A whole number from 0 to n - 1, all equally likely; n > 0.
  std::uint64_t below(std::uint64_t n);

  /// Standard normal, by the ziggurat: one draw of 64 bits in 98.9 % of the calls. Layer, sign and
  /// position come from different bits (Doornik 2005 shows what happens otherwise).
  double normal();

  /// Gamma with unit scale, shape > 0 (Marsaglia & Tsang 2000, ACM TOMS 26).
  double gamma(double shape);

  /// Density proportional to x^(-shape - 1) exp(-scale / x).
  double inverse_gamma(double shape, double scale) { return scale / gamma(shape); }

  double chi_square(double df) { return 2 * gamma(0.5 * df); }

 private:
  static Xoshiro256::State initial_state(std::uint64_t seed, std::uint64_t stream);

  /// Of a normal beyond the last edge (Marsaglia 1964).
  double tail();

  Xoshiro256 bits_;
  const Ziggurat& ziggurat_;
};

}  // namespace hdlmm

#endif  // HDLMM_BASE_RANDOM_HPP
