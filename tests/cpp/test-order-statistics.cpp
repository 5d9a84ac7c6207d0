// Order statistics against sorting.

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/order_statistics.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

TEST(OrderStatistics, AreTheCellsOfTheSortedVector) {
  Random random(6);
  for (const Index n : {1, 2, 3, 10, 101}) {
    SCOPED_TRACE(n);
    std::vector<double> x(static_cast<std::size_t>(n));
    for (double& value : x) value = std::round(3 * random.normals(1)[0]);  // with ties
    std::vector<double> sorted = x;
    std::sort(sorted.begin(), sorted.end());
    std::vector<Index> at = {0, 0, n / 4, n / 2, n / 2, n - 1, n - 1};
    const std::vector<double> found = hdlmm::order_statistics(x, at);
    ASSERT_EQ(found.size(), at.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      EXPECT_EQ(found[i], sorted[static_cast<std::size_t>(at[i])]);
    }
  }
}

TEST(OrderStatistics, RefusesPositionsThatAreNone) {
  EXPECT_THROW(hdlmm::order_statistics({1, 2}, {2}), std::invalid_argument);
  EXPECT_THROW(hdlmm::order_statistics({1, 2}, {-1}), std::invalid_argument);
  EXPECT_THROW(hdlmm::order_statistics({}, {0}), std::invalid_argument);
}

}  // namespace
}  // namespace hdlmm_test
