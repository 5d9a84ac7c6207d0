// The random generator: published values, moments and distribution functions.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/random.hpp"

namespace hdlmm_test {
namespace {

using Source = hdlmm::Random;  // support.hpp has a Random of its own

constexpr int kDraws = 200000;

std::vector<double> draw(int n, const std::function<double()>& next) {
  std::vector<double> out(static_cast<std::size_t>(n));
  for (double& x : out) x = next();
  return out;
}

/// sqrt(n) times the largest distance of the empirical from the given distribution function.
double kolmogorov(std::vector<double> x, const std::function<double(double)>& cdf) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double largest = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double at = cdf(x[i]), below = static_cast<double>(i) / n;
    largest = std::max({largest, at - below, below + 1 / n - at});
  }
  return std::sqrt(n) * largest;
}

// Kolmogorov's limit law exceeds 2.2 with probability 1.3e-4.
constexpr double kKolmogorovBound = 2.2;

double normal_cdf(double x) { return 0.5 * std::erfc(-x * std::sqrt(0.5)); }

/// Regularised lower incomplete gamma function, by its power series (Abramowitz & Stegun 6.5.29).
double gamma_cdf(double shape, double x) {
  double term = std::exp(shape * std::log(x) - x - std::lgamma(shape + 1)), sum = term;
  for (int k = 1; k < 1000; ++k) {
    term *= x / (shape + k);
    sum += term;
  }
  return sum;
}

/// How many standard errors the mean of f(x) is from its expectation.
double mean_error(const std::vector<double>& x, const std::function<double(double)>& f,
                  double expected) {
  double sum = 0, sum2 = 0;
  for (const double at : x) {
    sum += f(at);
    sum2 += f(at) * f(at);
  }
  const double n = static_cast<double>(x.size()), mean = sum / n;
  return std::abs(mean - expected) / std::sqrt((sum2 / n - mean * mean) / n);
}

// Outputs of the published algorithm (Blackman & Vigna 2021), from another implementation of it.
TEST(RandomGenerator, IsXoshiro256PlusPlus) {
  hdlmm::Xoshiro256 next({1, 2, 3, 4});
  const std::vector<std::uint64_t> expected = {
      41943041u,           58720359u, 3588806011781223u, 3591011842654386u, 9228616714210784205u,
      9973669472204895162u};
  for (const std::uint64_t value : expected) EXPECT_EQ(next(), value);
}

TEST(RandomGenerator, IsSeededBySplitMix64) {
  hdlmm::SplitMix64 next(1234567);
  EXPECT_EQ(next(), 6457827717110365317u);
  EXPECT_EQ(next(), 3203168211198807973u);
  EXPECT_EQ(hdlmm::SplitMix64(0)(), 0xe220a8397b1dcdafu);
}

// From an implementation in another language; exact in double precision.
TEST(RandomGenerator, GivesTheSameNumbersForTheSameSeedAndStream) {
  Source random(7, 3);
  EXPECT_EQ(random.uniform(), 0.6240629729218866);
  EXPECT_EQ(random.uniform(), 0.6544028064673671);
  EXPECT_EQ(random.uniform(), 0.7065768315764079);
}

TEST(RandomGenerator, HasStreamsThatDifferAndAreUncorrelated) {
  std::set<std::uint64_t> first;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    for (std::uint64_t stream = 0; stream < 40; ++stream) {
      first.insert(Source(seed, stream).bits());
    }
  }
  EXPECT_EQ(first.size(), 1600u);
  Source a(5, 0), b(5, 1), c(6, 0);
  double ab = 0, ac = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double x = a.normal();
    ab += x * b.normal();
    ac += x * c.normal();
  }
  // a product of independent standard normals has mean 0 and variance 1: four standard errors
  EXPECT_LT(std::abs(ab), 4 * std::sqrt(kDraws));
  EXPECT_LT(std::abs(ac), 4 * std::sqrt(kDraws));
}

TEST(RandomGenerator, UniformNumbersAreUniformInTheOpenInterval) {
  Source random(11);
  const std::vector<double> x = draw(kDraws, [&] { return random.uniform(); });
  EXPECT_GT(*std::min_element(x.begin(), x.end()), 0);
  EXPECT_LT(*std::max_element(x.begin(), x.end()), 1);
  EXPECT_LT(kolmogorov(x, [](double at) { return at; }), kKolmogorovBound);
}

TEST(RandomGenerator, WholeNumbersBelowABoundAreEquallyLikely) {
  Source random(12);
  std::vector<int> count(7, 0);
  for (int i = 0; i < 70000; ++i) ++count[static_cast<std::size_t>(random.below(7))];
  double chi2 = 0;
  for (const int k : count) chi2 += (k - 10000.0) * (k - 10000.0) / 10000;
  EXPECT_LT(chi2, 26);  // chi-square, 6 degrees of freedom: exceeded with probability 2e-4
  EXPECT_EQ(random.below(1), 0u);
}

TEST(RandomGenerator, NormalNumbersHaveTheNormalDistribution) {
  Source random(13);
  const std::vector<double> x = draw(kDraws, [&] { return random.normal(); });
  EXPECT_LT(kolmogorov(x, normal_cdf), kKolmogorovBound);
  for (int power = 1; power <= 8; ++power) {
    const double expected = power % 2 == 1 ? 0
                            : power == 2   ? 1
                            : power == 4   ? 3
                            : power == 6   ? 15
                                           : 105;
    EXPECT_LT(mean_error(
                  x, [power](double at) { return std::pow(at, power); }, expected),
              4)
        << power;
  }
}

// The wedges and the tail are each less than a percent of the draws: looked at by themselves.
TEST(RandomGenerator, NormalTailsAreRight) {
  Source random(14);
  for (const double from : {2.5, hdlmm::Ziggurat::kTail - 0.3, hdlmm::Ziggurat::kTail}) {
    std::vector<double> beyond;
    const int n = 4000000;
    for (int i = 0; i < n; ++i) {
      const double x = random.normal();
      if (std::abs(x) > from) beyond.push_back(std::abs(x));
    }
    const double mass = 2 * normal_cdf(-from);
    const double count = static_cast<double>(beyond.size());
    EXPECT_LT(std::abs(count - n * mass), 4 * std::sqrt(n * mass)) << from;
    const auto cdf = [&](double x) { return 1 - 2 * normal_cdf(-x) / mass; };
    EXPECT_LT(kolmogorov(beyond, cdf), kKolmogorovBound) << from;
  }
}

TEST(RandomGenerator, GammaNumbersHaveTheGammaDistribution) {
  for (const double shape : {0.05, 0.5, 1.0, 1.7, 30.0}) {
    Source random(15, static_cast<std::uint64_t>(100 * shape));
    const std::vector<double> x = draw(kDraws, [&] { return random.gamma(shape); });
    EXPECT_LT(kolmogorov(x, [shape](double at) { return gamma_cdf(shape, at); }), kKolmogorovBound)
        << shape;
    EXPECT_LT(mean_error(
                  x, [](double at) { return at; }, shape),
              4)
        << shape;
    EXPECT_LT(mean_error(
                  x, [](double at) { return at * at; }, shape * (shape + 1)),
              4)
        << shape;
  }
}

TEST(RandomGenerator, ChiSquareAndInverseGammaAreMadeOfGammas) {
  Source random(16);
  const std::vector<double> chi2 = draw(kDraws, [&] { return random.chi_square(3); });
  EXPECT_LT(kolmogorov(chi2, [](double at) { return gamma_cdf(1.5, 0.5 * at); }), kKolmogorovBound);
  const std::vector<double> inverse = draw(kDraws, [&] { return random.inverse_gamma(4, 6); });
  EXPECT_LT(kolmogorov(inverse, [](double at) { return 1 - gamma_cdf(4, 6 / at); }),
            kKolmogorovBound);
  EXPECT_LT(mean_error(
                inverse, [](double at) { return at; }, 2),
            4);  // scale / (shape - 1)
}

}  // namespace
}  // namespace hdlmm_test
