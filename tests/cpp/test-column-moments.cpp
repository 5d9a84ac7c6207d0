// Moments of a column: at every level of instructions they are the numbers that define them, the
// same to the last bit however the cells are stored, and there are none of a column with a cell
// that is missing or infinite.

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/simd/column_moments.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::ColumnMoments;
using hdlmm::KernelLevel;

class ColumnMomentsAt : public ::testing::TestWithParam<KernelLevel> {
 protected:
  void SetUp() override {
    if (GetParam() > hdlmm::best_kernel_level()) GTEST_SKIP() << "not on this processor";
  }

  template <typename T>
  bool moments(const std::vector<T>& x, double factor, ColumnMoments& out) const {
    return hdlmm::moment_kernel<T>(GetParam())(x.data(), static_cast<Index>(x.size()), factor, out);
  }
};

const std::vector<Index> kSizes = {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 100, 1000};

std::vector<double> random_cells(Index n, double shift, double scale) {
  const Vector x = shift + scale * Vector::Random(n).array();
  return {x.data(), x.data() + n};
}

TEST_P(ColumnMomentsAt, AreTheSumsThatDefineThem) {
  for (const Index n : kSizes) {
    for (const double shift : {0.0, 1.0, -1e6}) {
      const std::vector<double> x = random_cells(n, shift, 3);
      constexpr double kFactor = 0.125;
      long double mean = 0, squares = 0, largest = 0;
      for (const double cell : x) {
        mean += kFactor * cell / n;
        largest = std::max<long double>(largest, std::abs(cell));
      }
      for (const double cell : x) squares += (kFactor * cell - mean) * (kFactor * cell - mean);
      ColumnMoments got;
      ASSERT_TRUE(moments(x, kFactor, got));
      EXPECT_EQ(got.largest, static_cast<double>(largest));
      EXPECT_NEAR(got.mean, static_cast<double>(mean), 4e-16 * kFactor * got.largest);
      // as exact as a mean that is far from zero allows
      const double rounding = 1e-16 * kFactor * got.largest;
      const double spread = std::sqrt(static_cast<double>(squares));
      EXPECT_NEAR(got.squares, static_cast<double>(squares),
                  1e-14 * spread * spread + 8 * std::sqrt(n) * rounding * spread +
                      8 * n * rounding * rounding);
    }
  }
}

TEST_P(ColumnMomentsAt, DoNotDependOnHowCellsAreStored) {
  for (const Index n : kSizes) {
    std::vector<std::uint8_t> bytes;
    for (Index i = 0; i < n; ++i) bytes.push_back(static_cast<std::uint8_t>((7 * i * i + i) % 251));
    const std::vector<int> integers(bytes.begin(), bytes.end());
    const std::vector<double> doubles(bytes.begin(), bytes.end());
    ColumnMoments one, two, three;
    ASSERT_TRUE(moments(bytes, 0.3, one) && moments(integers, 0.3, two) &&
                moments(doubles, 0.3, three));
    for (const ColumnMoments& other : {two, three}) {
      EXPECT_EQ(one.largest, other.largest);
      EXPECT_EQ(one.mean, other.mean);
      EXPECT_EQ(one.squares, other.squares);
    }
  }
}

TEST_P(ColumnMomentsAt, OfAConstantAreExact) {
  for (const Index n : kSizes) {
    ColumnMoments got;
    ASSERT_TRUE(moments(std::vector<int>(n, -3), 0.25, got));
    EXPECT_EQ(got.largest, 3);
    EXPECT_EQ(got.mean, -0.75);
    EXPECT_EQ(got.squares, 0);
  }
}

TEST_P(ColumnMomentsAt, AreRefusedWhereACellIsMissingOrInfinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const Index n : kSizes) {
    for (const Index at : {Index{0}, n / 2, n - 1}) {
      ColumnMoments got;
      for (const double bad : {kInfinity, -kInfinity, std::nan("")}) {
        std::vector<double> x = random_cells(n, 0, 1);
        x[static_cast<std::size_t>(at)] = bad;
        EXPECT_FALSE(moments(x, 1, got)) << n << ", " << at << ", " << bad;
      }
      std::vector<int> integers(static_cast<std::size_t>(n), 4);
      integers[static_cast<std::size_t>(at)] = std::numeric_limits<int>::min();
      EXPECT_FALSE(moments(integers, 1, got)) << n << ", " << at;
      integers[static_cast<std::size_t>(at)] = -std::numeric_limits<int>::max();
      EXPECT_TRUE(moments(integers, 1, got)) << n << ", " << at;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, ColumnMomentsAt,
                         ::testing::Values(KernelLevel::portable, KernelLevel::avx2,
                                           KernelLevel::avx512),
                         [](const auto& one) { return level_name(one.param); });

}  // namespace
}  // namespace hdlmm_test
