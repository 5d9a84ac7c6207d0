#include "hdlmm/base/random.hpp"

#include <cmath>
#include <cstddef>
#include <limits>

namespace hdlmm {

namespace {

const Ziggurat& ziggurat() {
  static const Ziggurat table;
  return table;
}

}  // namespace

std::uint64_t SplitMix64::operator()() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::uint64_t Xoshiro256::operator()() {
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

Ziggurat::Ziggurat() {
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

Random::Random(std::uint64_t seed, std::uint64_t stream)
    : bits_(initial_state(seed, stream)), ziggurat_(ziggurat()) {}

std::uint64_t Random::below(std::uint64_t n) {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t limit = kMax - kMax % n;
  std::uint64_t x = bits_();
  while (x >= limit) x = bits_();
  return x % n;
}

double Random::normal() {
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

double Random::gamma(double shape) {
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

Xoshiro256::State Random::initial_state(std::uint64_t seed, std::uint64_t stream) {
  SplitMix64 of_seed(seed), of_stream(stream);
  const std::uint64_t first = of_seed(), second = of_seed();
  SplitMix64 mixed(first ^ of_stream());
  const std::uint64_t third = mixed(), fourth = mixed();
  return {first, second, third, fourth};
}

double Random::tail() {
  for (;;) {
    const double x = -std::log(uniform()) / Ziggurat::kTail;
    if (-2 * std::log(uniform()) > x * x) return Ziggurat::kTail + x;
  }
}

}  // namespace hdlmm
