// Limits of a profile: crossings of a curve, and the hull of what is above the floor.

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/local_maximum.hpp"
#include "hdlmm/inference/search/crossing.hpp"
#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/inference/search/profile_limits.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::crossing;
using hdlmm::Height;
using hdlmm::outward_crossing;

TEST(Crossing, IsFoundOnBothSidesOfAModeAndFromIt) {
  const auto curve = [](double x) { return Height{x, 4 - x * x, -2 * x}; };
  EXPECT_NEAR(crossing(curve, curve(-3), curve(-1)), -2, 1e-12);
  EXPECT_NEAR(crossing(curve, curve(1), curve(3)), 2, 1e-12);
  EXPECT_NEAR(crossing(curve, curve(0), curve(3)), 2, 1e-12);  // where the slope is 0
}

TEST(Crossing, IsFoundWhereSlopesLeadAstrayAndWhereValuesEnd) {
  const auto steep = [](double x) {
    const double t = 50 * (0.3 - x);
    return Height{x, std::atan(t), -50 / (1 + t * t)};
  };
  EXPECT_NEAR(crossing(steep, steep(-40), steep(60)), 0.3, 1e-9);
  for (const double end : {-std::numeric_limits<double>::infinity(), std::nan("")}) {
    const auto cliff = [&](double x) { return Height{x, x < 0.7 ? 1 : end, x < 0.7 ? 0 : end}; };
    EXPECT_NEAR(crossing(cliff, cliff(0), cliff(1)), 0.7, 1e-8);
  }
}

TEST(OutwardCrossing, IsFoundHoweverFarItIs) {
  for (const double far : {1e-3, 1.0, 1e4}) {
    SCOPED_TRACE(far);
    const auto curve = [far](double x) {
      return Height{x, 1 - x * x / (far * far), -2 * x / (far * far)};
    };
    EXPECT_NEAR(outward_crossing(curve, 0, 1), far, 1e-9 * std::max(1.0, far));
    EXPECT_NEAR(outward_crossing(curve, 0, -1), -far, 1e-9 * std::max(1.0, far));
  }
}

TEST(OutwardCrossing, IsNoNumberFromOutsideAndInfiniteWhereNothingIsOutside) {
  const auto level = [](double x) { return Height{x, 1, 0}; };
  EXPECT_EQ(outward_crossing(level, 0, 1), std::numeric_limits<double>::infinity());
  EXPECT_EQ(outward_crossing(level, 0, -1), -std::numeric_limits<double>::infinity());
  const auto below = [](double x) { return Height{x, -1, 0}; };
  EXPECT_TRUE(std::isnan(outward_crossing(below, 0, 1)));
  const auto ends = [](double x) { return Height{x, x < 3 ? 1 : std::nan(""), 0}; };
  EXPECT_EQ(outward_crossing(ends, 0, 1), std::numeric_limits<double>::infinity());
}

TEST(LocalMaximum, IsFoundInsideAndAtEnds) {
  const auto hill = [](double x) { return -std::pow(x - 0.3, 2); };
  EXPECT_NEAR(hdlmm::local_maximum(hill, -1, 2, 1e-8).x, 0.3, 1e-8);
  EXPECT_NEAR(hdlmm::local_maximum(hill, 1, 2, 1e-8).x, 1, 1e-7);
  EXPECT_NEAR(hdlmm::local_maximum(hill, -2, -1, 1e-8).x, -1, 1e-7);
  const auto peak = [](double x) { return -std::abs(x + 0.7); };  // no parabola fits
  EXPECT_NEAR(hdlmm::local_maximum(peak, -1, 2, 1e-8).x, -0.7, 1e-7);
}

TEST(LocalMaximum, PassesOverWhatIsNoNumber) {
  const auto half = [](double x) { return x < 0.5 ? std::nan("") : -x; };
  EXPECT_NEAR(hdlmm::local_maximum(half, -1, 2, 1e-8).x, 0.5, 1e-6);
  const auto none = [](double) { return std::nan(""); };
  EXPECT_EQ(hdlmm::local_maximum(none, 0, 1, 1e-8).value, -std::numeric_limits<double>::infinity());
}

class ProfileLimits : public ::testing::Test {
 protected:
  std::vector<hdlmm::ProfilePoint> known() const {
    std::vector<hdlmm::ProfilePoint> out = search_.grid;
    for (const hdlmm::Mode& mode : search_.modes) {
      if (mode.kind == hdlmm::ModeKind::interior) out.push_back(mode.point);
    }
    return out;
  }

  Model model_{ModelSpec{"Wide", DesignKind::dense, FixedKind::constant, 30, 60, 2}};
  hdlmm::ProfiledLikelihood f_{model_.spectral(), hdlmm::Criterion::reml};
  hdlmm::SearchResult search_ =
      hdlmm::search_all_modes(f_, hdlmm::SearchOptions(), hdlmm::Context());
};

TEST_F(ProfileLimits, AreWhereTheCriterionIsAtTheFloorOrTheEnds) {
  const double top = search_.modes.front().point.value;
  double before = 0;
  for (const double fall : {0.01, 0.5, 2.0, 5.0, 1e3}) {
    SCOPED_TRACE(fall);
    const hdlmm::ShareLimits limits = hdlmm::profile_limits(f_, known(), top - fall, false);
    for (const double h : {limits.lower, limits.upper}) {
      if (h == 0 || h == 1) {
        EXPECT_GE(f_.at_share({h, 1 - h}).value, top - fall);
      } else {
        EXPECT_NEAR(f_.at_share({h, 1 - h}).value, top - fall, 1e-8);
      }
    }
    EXPECT_GE(limits.upper - limits.lower, before);  // the more, the wider
    before = limits.upper - limits.lower;
  }
  EXPECT_EQ(before, 1);
}

TEST_F(ProfileLimits, AreTheEndsWhereNothingIsKnownToBeInside) {
  const double top = search_.modes.front().point.value;
  const hdlmm::ShareLimits limits = hdlmm::profile_limits(f_, search_.grid, top + 1, false);
  EXPECT_LT(limits.lower, 1e-3);
  EXPECT_GT(limits.upper, 1 - 1e-3);
}

}  // namespace
}  // namespace hdlmm_test
