// EM for REML in error contrasts against EM by leverages: the same moments, hence the same course;
// and when the one takes over from the other.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/em/expectation_maximisation.hpp"
#include "hdlmm/inference/em/restricted_em.hpp"
#include "hdlmm/linalg/thin_factors.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::ContrastParts;
using hdlmm::ContrastPrice;
using hdlmm::EmKind;
using hdlmm::EmModel;
using hdlmm::EmOptions;
using hdlmm::EmPoint;
using hdlmm::EmResult;
using hdlmm::EmState;
using hdlmm::EmStep;
using hdlmm::find_contrasts;
using hdlmm::ProfilePoint;
using hdlmm::RestrictedEm;
using hdlmm::RestrictedProfile;
using hdlmm::SpectralParts;
using hdlmm::SpectralSystem;

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kAtOnce = 0;

std::vector<ModelSpec> all_specs() {
  using D = DesignKind;
  using F = FixedKind;
  std::vector<ModelSpec> specs = {
      {"CentredWide", D::centred, F::constant, 12, 30, 3},
      {"CentredWideOnlyConstant", D::centred, F::constant, 12, 20, 1},
      {"CentredTall", D::centred, F::constant, 20, 6, 3},
      {"CentredTallManyFixed", D::centred, F::constant, 16, 4, 10},
      {"CentredOneColumn", D::centred, F::constant, 9, 1, 1},
      {"CentredLowRank", D::centred, F::constant, 15, 12, 2, 4},
      {"TallFixedIsDesign", D::dense, F::spans_first_columns, 12, 2, 2},
      {"WideBeyondTheBand", D::dense, F::generic, 120, 200, 8},
  };
  specs = weighted_too(std::move(specs), 500);
  for (const ModelSpec& spec : uncentred_specs(700)) {
    if (spec.c > 0) specs.push_back(spec);
  }
  return specs;
}

/// p is three more than the rank of K: as with columns of zeros, or with duplicated ones.
EmModel em_model(const Model& model, EmKind kind) {
  EmModel out;
  out.kind = kind;
  out.n_effects = static_cast<double>(model.rank + 3);
  return out;
}

EmResult run(const SpectralSystem& system, const EmModel& rules, const EmOptions& options,
             double patience) {
  RestrictedEm em(system, rules, Context(), patience);
  return hdlmm::iterate_em(em, RestrictedProfile(em), hdlmm::start_em(system), options, Context());
}

void expect_near(const EmPoint& a, const EmPoint& b, double bound) {
  EXPECT_LT(distance(a.value, b.value), bound);
  EXPECT_LT(distance(a.tau2 * a.share.h, b.tau2 * b.share.h), bound);
  EXPECT_LT(distance(a.tau2 * a.share.nu, b.tau2 * b.share.nu), bound);
}

class RestrictedEmContract : public ::testing::TestWithParam<ModelSpec> {
 protected:
  /// Total variances about that of the data, at shares from nearly none to nearly all.
  std::vector<EmState> states() const {
    const EmState start = hdlmm::start_em(system_);
    std::vector<EmState> out = {start};
    for (const double size : {0.02, 2.0, 200.0}) {
      for (const double part : {1e-12, 1e-6, 0.01, 0.3}) {
        const double one = size * part, other = size * (1 - part);
        out.push_back({one * start.random, other * start.residual, start.delta});
        out.push_back({other * start.random, one * start.residual, start.delta});
      }
    }
    return out;
  }

  /// Whether the fixed effects span the design: slopes and curvatures of the restricted likelihood
  /// are then rounding, and when a run stops is too. lmm() refuses such a model.
  bool is_flat() const {
    const double total = system_.parts().d.sum();
    return system_.evaluate(hdlmm::Share{0, 1}).tr_pk < 1e-10 * total;
  }

  Model model_{GetParam()};
  const SpectralSystem& system_ = model_.spectral_system();
};

TEST_P(RestrictedEmContract, AStepInContrastsIsThatByLeverages) {
  for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
    const EmModel rules = em_model(model_, kind);
    RestrictedEm by_leverage(system_, rules, Context(), kNever);
    RestrictedEm in_contrasts(system_, rules, Context(), kAtOnce);
    for (const EmState& state : states()) {
      SCOPED_TRACE(::testing::Message() << (kind == EmKind::em ? "EM " : "PX-EM ") << state.random
                                        << " " << state.residual);
      const EmStep a = by_leverage.advance(state), b = in_contrasts.advance(state);
      ASSERT_FALSE(by_leverage.has_contrasts());
      ASSERT_TRUE(in_contrasts.has_contrasts());
      // eigenvalues known to rounding of the largest one, 1e-3 of which the smallest are
      EXPECT_LT(distance(a.value, b.value), 1e-11);
      EXPECT_LT(distance(a.next.random, b.next.random), 1e-11);
      EXPECT_LT(distance(a.next.residual, b.next.residual), 1e-11);
      EXPECT_EQ(b.next.delta, state.delta);
    }
  }
}

TEST_P(RestrictedEmContract, ARunTakesTheSameCourse) {
  for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
    SCOPED_TRACE(kind == EmKind::em ? "EM" : "PX-EM");
    const EmModel rules = em_model(model_, kind);
    const EmResult a = run(system_, rules, EmOptions(), kNever);
    const EmResult b = run(system_, rules, EmOptions(), kAtOnce);
    EXPECT_EQ(a.status, b.status);
    if (!is_flat()) {
      EXPECT_EQ(a.iterations, b.iterations);
      ASSERT_EQ(a.trace.size(), b.trace.size());
    }
    // EM contracts what rounding does to a step
    const std::size_t n = std::min(a.trace.size(), b.trace.size());
    for (std::size_t i = 0; i < n; ++i) expect_near(a.trace[i], b.trace[i], 1e-11);
  }
}

TEST_P(RestrictedEmContract, AnExtrapolatedRunTakesTheSameCourseUntilItIsNearTheLimit) {
  for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
    SCOPED_TRACE(kind == EmKind::em ? "EM" : "PX-EM");
    EmOptions options;
    options.accelerate = true;
    const EmModel rules = em_model(model_, kind);
    const EmResult a = run(system_, rules, options, kNever);
    const EmResult b = run(system_, rules, options, kAtOnce);
    EXPECT_EQ(a.status, b.status);
    // Lengths of extrapolation are ratios of differences, and whether they count is decided by
    // values that in the end differ by rounding: ends agree to sqrt(tol), to which the mode is
    // confirmed in both.
    const std::size_t n = std::min({a.trace.size(), b.trace.size(), std::size_t{10}});
    for (std::size_t i = 0; i < n; ++i) expect_near(a.trace[i], b.trace[i], 1e-9);
    EXPECT_LT(distance(a.trace.back().value, b.trace.back().value), 1e-11);
    expect_near(a.trace.back(), b.trace.back(), 2e-5);
  }
}

TEST_P(RestrictedEmContract, TheProfileIsTheSame) {
  RestrictedEm em(system_, em_model(model_, EmKind::em), Context(), kAtOnce);
  const RestrictedProfile profile(em);
  const hdlmm::ProfiledLikelihood whole(system_, hdlmm::Criterion::reml);
  em.advance(hdlmm::start_em(system_));
  ASSERT_TRUE(em.has_contrasts());
  EXPECT_EQ(em.restricted_system().n_fixed(), 0);
  EXPECT_EQ(profile.is_unbounded(), whole.is_unbounded());
  EXPECT_EQ(profile.has_limit_at_one(), whole.has_limit_at_one());
  std::vector<Share> shares = {{0, 1}, {1e-9, 1 - 1e-9}, {0.3, 0.7}, {1 - 1e-6, 1e-6}};
  if (whole.has_limit_at_one()) shares.push_back({1, 0});
  for (const Share& share : shares) {
    SCOPED_TRACE(share.h);
    const ProfilePoint a = whole.at_share(share), b = profile.at_share(share);
    EXPECT_LT(distance(a.value, b.value), 1e-11);
    EXPECT_LT(distance(a.tau2, b.tau2), 1e-11);
    // differences of traces, each of the size of the rank
    const double size = 1 + static_cast<double>(model_.rank);
    EXPECT_LT(std::abs(a.slope - b.slope), 1e-11 * size);
    EXPECT_LT(std::abs(a.curvature - b.curvature), 1e-11 * size);
  }
  const double size = static_cast<double>(model_.y.size()) * system_.max_eigenvalue();
  EXPECT_LT(std::abs(profile.slope_at_zero() - whole.slope_at_zero()), 1e-12 * size);
}

INSTANTIATE_TEST_SUITE_P(Models, RestrictedEmContract, ::testing::ValuesIn(all_specs()),
                         [](const auto& info) { return info.param.name; });

const ModelSpec kWide{"", DesignKind::dense, FixedKind::generic, 20, 30, 4};

TEST(RestrictedEm, ContrastsAreSetUpWhenStepsHaveCostAsMuch) {
  const Model model(kWide);
  const SpectralSystem& system = model.spectral_system();
  const ContrastPrice price = hdlmm::price_contrasts(system.parts());
  for (const double patience : {0.0, 0.1, 1.0}) {
    const int bound = static_cast<int>(std::ceil(patience * price.setup / price.step));
    RestrictedEm em(system, em_model(model, EmKind::pxem), Context(), patience);
    EmState state = hdlmm::start_em(system);
    for (int i = 0; i < bound; ++i) state = em.advance(state).next;
    EXPECT_FALSE(em.has_contrasts());
    em.advance(state);
    EXPECT_TRUE(em.has_contrasts());
  }
  EXPECT_GT(price.setup, 10 * price.step);  // the loops did something
  EXPECT_LT(price.setup, 1000 * price.step);
}

TEST(RestrictedEm, ARunThatChangesOnItsWayTakesTheSameCourse) {
  Random random(12);
  const Model model(kWide, Model(kWide).x * random.normals(30) + 12 * random.normals(20));
  const SpectralSystem& system = model.spectral_system();
  for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
    const EmModel rules = em_model(model, kind);
    const EmResult a = run(system, rules, EmOptions(), kNever);
    const EmResult b = run(system, rules, EmOptions(), 0.05);
    EXPECT_EQ(a.status, b.status);
    ASSERT_EQ(a.trace.size(), b.trace.size());
    for (std::size_t i = 0; i < a.trace.size(); ++i) expect_near(a.trace[i], b.trace[i], 1e-11);
    const ContrastPrice price = hdlmm::price_contrasts(system.parts());
    EXPECT_GT(a.iterations, 2 * 0.05 * price.setup / price.step);  // it did change
  }
}

TEST(RestrictedEm, ThereAreNoContrastsWithoutFixedEffectsAndInTooManyRows) {
  ModelSpec spec = kWide;
  spec.c = 0;
  const Model model(spec);
  const SpectralSystem& system = model.spectral_system();
  RestrictedEm em(system, em_model(model, EmKind::em), Context(), kAtOnce);
  em.advance(hdlmm::start_em(system));
  EXPECT_FALSE(em.has_contrasts());
  SpectralParts parts;
  parts.null_scale.resize(0);
  for (const Index n : {Index{8192}, Index{8193}}) {
    parts.n = n;
    parts.d = Vector::Ones(n);
    parts.z = Matrix::Zero(n, 1);
    EXPECT_EQ(std::isfinite(hdlmm::price_contrasts(parts).setup), n == 8192);
  }
}

/// One null vector of K, which the only fixed effect has by the sine `scale` in it.
SpectralSystem nearly_null_system(double scale) {
  constexpr Index kRows = 7;
  SpectralParts parts;
  parts.n = kRows;
  parts.d = Vector::LinSpaced(kRows - 1, 1, 2);
  parts.z = Matrix::Constant(kRows - 1, 1, std::sqrt((1 - scale * scale) / (kRows - 1)));
  parts.y = Random(5).normals(kRows - 1);
  parts.turn = Matrix::Identity(1, 1);
  parts.null_scale = Vector::Constant(1, scale);
  parts.null_shift = Vector::Zero(1);
  return SpectralSystem(parts, 1);
}

TEST(RestrictedEm, StepsGoOnByLeveragesWhereContrastsCannotBeTold) {
  // A contrast that is null but for the angle 2e-7 has an eigenvalue of the square of it.
  const SpectralSystem system = nearly_null_system(2e-7);
  EmModel rules;
  rules.n_effects = 10;
  RestrictedEm em(system, rules, Context(), kAtOnce);
  RestrictedEm by_leverage(system, rules, Context(), kNever);
  const EmState start = hdlmm::start_em(system);
  const EmStep a = em.advance(start), b = by_leverage.advance(start);
  EXPECT_FALSE(em.has_contrasts());
  EXPECT_EQ(a.next.random, b.next.random);
  EXPECT_EQ(a.value, b.value);
  EXPECT_TRUE(find_contrasts(nearly_null_system(2e-3), true, Context()).has_value());

  SpectralParts broken = nearly_null_system(0.5).parts();
  broken.z(2, 0) = std::nan("");  // which the eigensolver refuses
  EXPECT_FALSE(find_contrasts(SpectralSystem(broken, 1), true, Context()).has_value());
}

TEST(RestrictedEm, AnInterruptGetsOutOfTheSetUp) {
  const Model model(kWide);
  Context context;
  context.poll = [] { throw std::runtime_error("interrupted"); };
  RestrictedEm em(model.spectral_system(), em_model(model, EmKind::em), context, kAtOnce);
  EXPECT_THROW(em.advance(hdlmm::start_em(model.spectral_system())), std::runtime_error);
}

TEST(RestrictedEm, ContrastsDoNotDependOnThreads) {
  constexpr Index kRows = 600, kFixed = 3;  // enough rows for threads to be used
  Random random(9);
  SpectralParts parts;
  parts.n = kRows;
  parts.d = random.positives(kRows);
  std::sort(parts.d.data(), parts.d.data() + kRows);
  parts.z = hdlmm::thin_factors(random.normals(kRows, kFixed)).q;
  parts.y = random.normals(kRows);
  parts.turn = Matrix::Identity(kFixed, kFixed);
  parts.null_scale.resize(0);
  const SpectralSystem system(parts, 1);
  Context two;
  two.n_threads = 2;
  const auto a = find_contrasts(system, true, Context()), b = find_contrasts(system, true, two);
  ASSERT_TRUE(a.has_value() && b.has_value());
  EXPECT_EQ(a->system.parts().d, b->system.parts().d);
  EXPECT_EQ(a->system.parts().y, b->system.parts().y);
  EXPECT_EQ(a->crossing, b->crossing);
}

}  // namespace
}  // namespace hdlmm_test
