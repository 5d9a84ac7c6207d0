// The search over the share of variance, on spectra that are made to be difficult.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::MarginalSystem;
using hdlmm::Mode;
using hdlmm::ModeKind;
using hdlmm::ProfiledLikelihood;
using hdlmm::ProfilePoint;
using hdlmm::search_all_modes;
using hdlmm::SearchOptions;
using hdlmm::SearchResult;
using hdlmm::Termination;

Vector vector_of(const std::vector<double>& values) {
  Vector out(static_cast<Index>(values.size()));
  for (Index i = 0; i < out.size(); ++i) out[i] = values[static_cast<std::size_t>(i)];
  return out;
}

std::unique_ptr<MarginalSystem> full_rank_system(const std::vector<double>& d,
                                                 const std::vector<double>& y) {
  return diagonal_system(vector_of(d), vector_of(y), 0, 0);
}

SearchResult search(const MarginalSystem& system, Criterion criterion = Criterion::reml) {
  return search_all_modes(ProfiledLikelihood(system, criterion), SearchOptions(), Context());
}

/// Local maxima over phi by values alone on a fine grid; their places to half a step.
std::vector<double> modes_by_force(const MarginalSystem& system, double step) {
  const ProfiledLikelihood f(system, Criterion::reml);
  const double low = -std::log(system.max_eigenvalue()) - 20;
  const double high = -std::log(system.min_eigenvalue()) + 20;
  std::vector<double> out;
  double before = f.at(low - 2 * step).value, here = f.at(low - step).value;
  for (double phi = low; phi < high; phi += step) {
    const double after = f.at(phi).value;
    if (here > before && here >= after && here - std::min(before, after) > 1e-12) {
      out.push_back(phi - step);
    }
    before = here;
    here = after;
  }
  return out;
}

std::vector<double> interior_places(const SearchResult& result) {
  std::vector<double> out;
  for (const Mode& mode : result.modes) {
    if (mode.kind == ModeKind::interior) out.push_back(mode.point.phi);
  }
  std::sort(out.begin(), out.end());
  return out;
}

TEST(GlobalSearch, FindsBothModesOfASymmetricSpectrum) {
  // d -> 1 / d, y^2 -> y^2 / d leaves these numbers as they are and turns phi into -phi
  const auto system = full_rank_system({1e-4, 1, 1e4}, {0.1, 1, 10});
  const SearchResult result = search(*system);
  ASSERT_EQ(result.modes.size(), 2u);
  const std::vector<double> phi = interior_places(result);
  ASSERT_EQ(phi.size(), 2u);
  EXPECT_GT(phi[1], 3);
  EXPECT_NEAR(phi[0], -phi[1], 1e-8);  // the place of a flat maximum: square root of rounding
  EXPECT_NEAR(result.modes[0].point.value, result.modes[1].point.value, 1e-12);
  for (const Mode& mode : result.modes) {
    EXPECT_EQ(mode.termination, Termination::converged);
    EXPECT_LT(std::abs(mode.point.slope), 1e-12);
    EXPECT_LT(mode.point.curvature, 0);
  }
}

TEST(GlobalSearch, FindsBothBoundariesAndPutsTheHigherFirst) {
  const auto low = full_rank_system({1e-4, 1, 1e4}, {0.1, 1, 0});
  const SearchResult at_zero = search(*low);
  ASSERT_EQ(at_zero.modes.size(), 2u);
  EXPECT_EQ(at_zero.modes[0].kind, ModeKind::zero);
  EXPECT_EQ(at_zero.modes[0].point.share.h, 0);
  EXPECT_EQ(at_zero.modes[1].kind, ModeKind::interior);
  EXPECT_GT(at_zero.modes[0].point.value, at_zero.modes[1].point.value);

  const auto high = full_rank_system({1e-4, 1, 1e4}, {0, 1, 0.1});
  const SearchResult at_one = search(*high);
  ASSERT_EQ(at_one.modes.size(), 2u);
  EXPECT_EQ(at_one.modes[0].kind, ModeKind::one);
  EXPECT_EQ(at_one.modes[0].point.share.nu, 0);
  EXPECT_EQ(at_one.modes[1].kind, ModeKind::zero);
  EXPECT_FALSE(at_one.is_unbounded);
}

TEST(GlobalSearch, FindsEveryModeThatAFineGridFinds) {
  int n_several = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Index n = 3 + random.below(7);
    std::vector<double> d;
    for (Index i = 0; i < n; ++i) d.push_back(std::exp(8 * random.normal()));
    std::sort(d.begin(), d.end());
    Vector y(n);
    for (Index i = 0; i < n; ++i) {
      const double ratio = std::exp(4 * random.normal());
      y[i] = random.normal() * std::sqrt(1 + ratio * d[static_cast<std::size_t>(i)]);
    }
    const auto system = diagonal_system(vector_of(d), y, 0, 0);
    const std::vector<double> forced = modes_by_force(*system, 0.02);
    const std::vector<double> found = interior_places(search(*system));
    ASSERT_EQ(found.size(), forced.size());
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], forced[i], 0.02);
    n_several += found.size() > 1 ? 1 : 0;
  }
  EXPECT_GE(n_several, 10);  // the seeds are of use
}

TEST(GlobalSearch, ReportsTheHighestPointOfTheWholeInterval) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Model model({"", DesignKind::dense, FixedKind::constant, 15, 40, 2, -1, false, seed});
    for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
      const ProfiledLikelihood f(model.spectral(), criterion);
      const SearchResult result = search(model.spectral(), criterion);
      ASSERT_FALSE(result.modes.empty());
      double best = std::max(f.at_share({0, 1}).value, f.at_share({1, 0}).value);
      for (double phi = -30; phi < 30; phi += 0.05) best = std::max(best, f.at(phi).value);
      EXPECT_GE(result.modes[0].point.value, best - 1e-12);  // rounding of the values
      for (const ProfilePoint& point : result.grid) {
        EXPECT_LE(point.value, result.modes[0].point.value + 1e-12);
      }
    }
  }
}

TEST(GlobalSearch, FindsTheModeOfTwoDirectionsInClosedForm) {
  // one direction of eigenvalue one with y = 1, one null direction with y = epsilon: the ratio is
  // 1 / epsilon^2 - 1, far beyond the spectrum when epsilon is small
  for (const double epsilon : {0.5, 1e-3, 1e-8, 1e-15, 1e-30}) {
    SCOPED_TRACE(epsilon);
    const auto system = diagonal_system(Vector::Ones(1), Vector::Ones(1), 1, epsilon);
    const SearchResult result = search(*system);
    ASSERT_EQ(result.modes.size(), 1u);
    EXPECT_FALSE(result.is_unbounded);
    EXPECT_EQ(result.modes[0].kind, ModeKind::interior);
    EXPECT_NEAR(result.modes[0].point.phi, std::log(1 / (epsilon * epsilon) - 1), 1e-9);
  }
}

TEST(GlobalSearch, FindsAModeFarBelowTheSpectrum) {
  // y' y d-weighted excess of 1e-9 over the average: the ratio solves a near linear equation
  const Index n = 40;
  Vector d = Vector::LinSpaced(n, 0.5, 1.5), y = Vector::Ones(n);
  y[n - 1] += 1e-9;
  const auto system = diagonal_system(d, y, 0, 0);
  const ProfiledLikelihood f(*system, Criterion::reml);
  ASSERT_GT(f.slope_at_zero(), 0);
  const SearchResult result = search(*system);
  ASSERT_FALSE(result.modes.empty());
  EXPECT_EQ(result.modes[0].kind, ModeKind::interior);
  EXPECT_LT(result.modes[0].point.phi, -14);
}

TEST(GlobalSearch, SaysThatTheLikelihoodIsUnbounded) {
  const auto exact = diagonal_system(vector_of({1, 2}), vector_of({1, -1}), 1, 0);
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const SearchResult result = search(*exact, criterion);
    EXPECT_TRUE(result.is_unbounded);
    for (const Mode& mode : result.modes) EXPECT_NE(mode.kind, ModeKind::one);
  }
  // null(K) within the fixed effects: ML tends to infinity, REML does not
  const Model model({"", DesignKind::dense, FixedKind::spans_null, 12, 30, 4, 9});
  const SearchResult ml = search(model.spectral(), Criterion::ml);
  EXPECT_TRUE(ml.is_unbounded);
  for (const Mode& mode : ml.modes) EXPECT_TRUE(std::isfinite(mode.point.value));
  EXPECT_FALSE(search(model.spectral(), Criterion::reml).is_unbounded);
}

TEST(GlobalSearch, SaysThatTheLimitOfStepsWasReached) {
  const auto system = full_rank_system({1e-4, 1, 1e4}, {0.1, 1, 10});
  const ProfiledLikelihood f(*system, Criterion::reml);
  SearchOptions options;
  options.max_iter = 1;
  for (const Mode& mode : search_all_modes(f, options, Context()).modes) {
    EXPECT_EQ(mode.termination, Termination::iteration_limit);
    EXPECT_LE(mode.trace.size(), 2u);
  }
  options.max_iter = 100;
  options.tol = 0;
  for (const Mode& mode : search_all_modes(f, options, Context()).modes) {
    EXPECT_EQ(mode.termination, Termination::tolerance_unattainable);
    EXPECT_LT(std::abs(mode.point.slope), 1e-13);
  }
}

TEST(GlobalSearch, DoesNotDependOnTheGridOnceItIsFineEnough) {
  const Model model({"", DesignKind::dense, FixedKind::constant, 20, 8, 2});
  const ProfiledLikelihood f(model.spectral(), Criterion::reml);
  const double wanted = search(model.spectral()).modes[0].point.phi;
  ASSERT_TRUE(std::isfinite(wanted));
  for (const double step : {0.05, 0.25, 1.0}) {
    SearchOptions options;
    options.step = step;
    EXPECT_NEAR(search_all_modes(f, options, Context()).modes[0].point.phi, wanted, 1e-8);
  }
}

TEST(GlobalSearch, FollowsAChangeOfUnits) {
  const std::vector<double> d = {0.2, 1, 3, 10}, y = {0.3, -1, 2, 4};
  const SearchResult one = search(*full_rank_system(d, y));
  const SearchResult ten = search(*diagonal_system(100 * vector_of(d), 10 * vector_of(y), 0, 0));
  ASSERT_EQ(one.modes.size(), ten.modes.size());
  for (std::size_t i = 0; i < one.modes.size(); ++i) {
    EXPECT_EQ(one.modes[i].kind, ten.modes[i].kind);
    if (one.modes[i].kind != ModeKind::interior) continue;
    EXPECT_NEAR(ten.modes[i].point.phi, one.modes[i].point.phi - std::log(100), 1e-8);
  }
}

TEST(GlobalSearch, AnInterruptGetsOutAndProgressEndsAtOne) {
  const auto system = full_rank_system({1, 2}, {1, 3});
  const ProfiledLikelihood f(*system, Criterion::reml);
  Context context;
  double last = 0;
  context.progress = [&](const std::string&, double fraction) {
    EXPECT_GT(fraction, last);
    last = fraction;
  };
  search_all_modes(f, SearchOptions(), context);
  EXPECT_EQ(last, 1);
  context.poll = [] { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(search_all_modes(f, SearchOptions(), context), std::runtime_error);
}

TEST(GlobalSearch, KeepsTheStepsOfEveryModeUpToTheModeItself) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    const Model model({"", DesignKind::dense, FixedKind::constant, 15, 40, 2, -1, false, seed});
    for (const Mode& mode : search(model.spectral()).modes) {
      ASSERT_FALSE(mode.trace.empty());
      EXPECT_EQ(mode.trace.back().value, mode.point.value);
    }
  }
}

}  // namespace
}  // namespace hdlmm_test
