// EM and PX-EM against the textbook written out in dense matrices, step by step; monotone traces;
// limits against the direct search.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/inference/em/expectation_maximisation.hpp"
#include "hdlmm/inference/em/restricted_em.hpp"
#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/objective/penalised_likelihood.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::DensityKind;
using hdlmm::EmKind;
using hdlmm::EmModel;
using hdlmm::EmOptions;
using hdlmm::EmPoint;
using hdlmm::EmResult;
using hdlmm::EmState;
using hdlmm::EmStatus;
using hdlmm::EmStep;
using hdlmm::MarginalEm;
using hdlmm::ProfiledLikelihood;
using hdlmm::RestrictedEm;
using hdlmm::SpectralSystem;
using hdlmm::VariancePrior;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Columns a [n x q] of independent effects with a a' = K: those of X, or, under a prior
/// correlation, as many as the rank of K, along its eigenvectors.
Matrix independent_columns(const Model& model) {
  if (model.s.isIdentity(0)) return model.x;
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(model.k);
  const Vector d = eigen.eigenvalues().tail(model.rank);
  return eigen.eigenvectors().rightCols(model.rank) * d.cwiseSqrt().asDiagonal();
}

/// Columns less their weighted means, as the operator of a centred design has them.
Matrix centred_columns(const Model& model) {
  const Vector o = model.root.size() > 0 ? model.root : Vector(Vector::Ones(model.y.size()));
  return model.x - o * (o.transpose() * model.x) / o.squaredNorm();
}

struct Textbook {
  Matrix a;  ///< [n x p], columns of independent effects
  Matrix q;
  Vector y;

  double log_likelihood(const EmState& state) const {
    return log_density(without(state.delta), covariance(state));
  }

  double restricted_log_likelihood(const EmState& state) const {
    const Matrix complement = orthogonal_complement(q);
    return log_density(complement.transpose() * y,
                       complement.transpose() * covariance(state) * complement);
  }

  Matrix covariance(const EmState& state) const {
    Matrix v = state.random * a * a.transpose();
    v.diagonal().array() += state.residual;
    return v;
  }

  /// Dempster, Laird & Rubin (1977) with beta missing; with `expand`, y = Q delta + alpha a beta +
  /// e.
  EmState ml_step(const EmState& state, bool expand) const {
    const Index n = y.size(), p = a.cols(), c = q.cols();
    Matrix precision = a.transpose() * a / state.residual;
    precision.diagonal().array() += 1 / state.random;
    const Matrix gamma = precision.inverse();
    const Vector mu = gamma * (a.transpose() * without(state.delta)) / state.residual;
    const Vector fitted = a * mu;
    EmState next;
    next.delta = Vector::Zero(c);
    if (c > 0) next.delta = q.transpose() * (y - fitted);
    const Vector rest = without(next.delta);
    const double spread = (a * gamma * a.transpose()).trace();
    const double alpha = expand ? fitted.dot(rest) / (fitted.squaredNorm() + spread) : 1;
    next.random = alpha * alpha * (mu.squaredNorm() + gamma.trace()) / static_cast<double>(p);
    next.residual =
        ((rest - alpha * fitted).squaredNorm() + alpha * alpha * spread) / static_cast<double>(n);
    return next;
  }

  /// With a normal prior of delta and inverse-gamma priors (shape, scale of each) of the variances.
  EmState map_step(const EmState& state, const Matrix& precision,
                   const std::vector<double>& prior) const {
    const Index n = y.size(), p = a.cols(), c = q.cols();
    Matrix information = a.transpose() * a / state.residual;
    information.diagonal().array() += 1 / state.random;
    const Matrix gamma = information.inverse();
    const Vector mu = gamma * (a.transpose() * without(state.delta)) / state.residual;
    EmState next;
    next.delta = Vector::Zero(c);
    if (c > 0) {
      const Matrix ridge = Matrix::Identity(c, c) / state.residual + precision;
      next.delta = ridge.inverse() * (q.transpose() * (y - a * mu)) / state.residual;
    }
    const double effects = mu.squaredNorm() + gamma.trace();
    const double noise =
        (without(next.delta) - a * mu).squaredNorm() + (a * gamma * a.transpose()).trace();
    next.random = (effects / 2 + prior[1]) / (static_cast<double>(p) / 2 + prior[0] + 1);
    next.residual = (noise / 2 + prior[3]) / (static_cast<double>(n) / 2 + prior[2] + 1);
    return next;
  }

  Vector without(const Vector& delta) const {
    if (q.cols() == 0) return y;
    return y - q * delta;
  }

  /// With (omega, beta) missing and omega under a flat prior: their joint posterior, written out.
  EmState reml_step(const EmState& state, bool expand) const {
    const Index n = y.size(), p = a.cols(), c = q.cols();
    Matrix w(n, c + p);
    w << q, a;
    Matrix precision = w.transpose() * w / state.residual;
    precision.diagonal().tail(p).array() += 1 / state.random;
    const Matrix cov = precision.inverse();
    const Vector mean = cov * (w.transpose() * y) / state.residual;
    const Vector g = a * mean.tail(p), e = y - w * mean;
    const Matrix to_g = a * cov.bottomRows(p);  // covariance of g with (omega, beta)
    const double gg = g.squaredNorm() + (to_g.rightCols(p) * a.transpose()).trace();
    const double ge = g.dot(e) - (to_g * w.transpose()).trace();
    const double ee = e.squaredNorm() + (w * cov * w.transpose()).trace();
    const double alpha = expand ? 1 + ge / gg : 1, more = alpha - 1;
    EmState next = state;
    next.random = alpha * alpha *
                  (mean.tail(p).squaredNorm() + cov.bottomRightCorner(p, p).trace()) /
                  static_cast<double>(p);
    next.residual = (ee - 2 * more * ge + more * more * gg) / static_cast<double>(n);
    return next;
  }
};

/// Models that differ in what is special about them.
std::vector<ModelSpec> specs() {
  using D = DesignKind;
  using F = FixedKind;
  return {
      {"wide", D::dense, F::generic, 12, 30, 3, -1, false, 3},
      {"tall", D::dense, F::constant, 30, 6, 2, -1, false, 4},
      {"tall_weighted", D::dense, F::constant, 25, 5, 2, -1, true, 5},
      {"one_column", D::dense, F::generic, 14, 1, 2, -1, false, 6},
      {"square", D::dense, F::generic, 10, 10, 2, -1, false, 7},
      {"no_fixed_wide", D::dense, F::generic, 10, 20, 0, -1, false, 8},
      {"no_fixed_tall", D::dense, F::generic, 20, 4, 0, -1, false, 9},
      {"centred_wide", D::centred, F::constant, 12, 30, 3, -1, false, 10},
      {"centred_tall", D::centred, F::constant, 25, 5, 2, -1, false, 11},
      {"centred_wide_weighted", D::centred, F::constant, 12, 20, 1, -1, true, 12},
      {"centred_tall_weighted", D::centred, F::constant, 20, 4, 3, -1, true, 13},
      {"centred_low_rank", D::centred, F::constant, 15, 12, 2, 4, false, 14},
      {"low_rank", D::dense, F::generic, 15, 25, 2, 5, false, 15},
      {"null_in_fixed", D::dense, F::spans_null, 14, 30, 4, 11, false, 16},
      {"contains_null", D::dense, F::contains_null, 16, 8, 3, 6, true, 17},
      {"avoids_null", D::dense, F::avoids_null, 16, 9, 2, 6, false, 18},
      {"grouped", D::grouped, F::constant, 24, 6, 2, -1, false, 19},
      {"grouped_weighted", D::grouped, F::generic, 24, 8, 1, -1, true, 20},
      {"kernel", D::kernel, F::constant, 20, 12, 2, -1, false, 21},
      {"kernel_not_covered", D::kernel, F::generic, 10, 15, 2, -1, true, 22},
      {"kernel_singular", D::kernel, F::generic, 20, 12, 2, 5, false, 23},
  };
}

double n_effects(const ModelSpec& spec, const Model& model) {
  return static_cast<double>(spec.design == DesignKind::kernel ? model.rank : spec.p);
}

EmModel em_model(const ModelSpec& spec, const Model& model, Criterion criterion, EmKind kind) {
  EmModel out;
  out.criterion = criterion;
  out.kind = kind;
  out.n_effects = n_effects(spec, model);
  return out;
}

EmStep advance(const SpectralSystem& system, const EmModel& model, const EmState& state) {
  if (model.criterion == Criterion::ml) return MarginalEm(system, model).advance(state);
  return RestrictedEm(system, model).advance(state);
}

void expect_near(const EmState& a, const EmState& b, double bound) {
  EXPECT_LT(distance(a.random, b.random), bound);
  EXPECT_LT(distance(a.residual, b.residual), bound);
  EXPECT_LT(distance(a.delta, b.delta), bound);
}

class EmContract : public ::testing::TestWithParam<ModelSpec> {
 protected:
  /// Follow both for some steps; the exact objective of the textbook's state at each.
  void follow(Criterion criterion, EmKind kind, const Textbook& textbook) {
    const EmModel rules = em_model(GetParam(), model_, criterion, kind);
    const bool expand = kind == EmKind::pxem;
    const SpectralSystem& system = model_.spectral_system();
    EmState state = hdlmm::start_em(system);
    for (int i = 0; i < 8; ++i) {
      SCOPED_TRACE(i);
      const EmStep step = advance(system, rules, state);
      const bool is_ml = criterion == Criterion::ml;
      const double value =
          is_ml ? textbook.log_likelihood(state) : textbook.restricted_log_likelihood(state);
      EXPECT_LT(distance(step.value, value), 1e-10);  // dense factors of 30 x 30 matrices
      const EmState next =
          is_ml ? textbook.ml_step(state, expand) : textbook.reml_step(state, expand);
      expect_near(step.next, next, 1e-9);  // the textbook inverts a matrix a step
      state = next;
    }
  }

  Model model_{GetParam()};
};

TEST_P(EmContract, EachStepForMlIsTheTextbooks) {
  const Textbook textbook{independent_columns(model_), model_.q, model_.y};
  follow(Criterion::ml, EmKind::em, textbook);
  follow(Criterion::ml, EmKind::pxem, textbook);
}

TEST_P(EmContract, EachStepForRemlIsTheTextbooks) {
  Textbook textbook{independent_columns(model_), model_.q, model_.y};
  follow(Criterion::reml, EmKind::em, textbook);
  if (GetParam().design == DesignKind::centred) textbook.a = centred_columns(model_);
  follow(Criterion::reml, EmKind::em, textbook);  // EM does not see the means
  follow(Criterion::reml, EmKind::pxem, textbook);
}

VariancePrior inverse_gammas(double a1, double b1, double a2, double b2) {
  VariancePrior prior;
  prior.first = {DensityKind::inverse_gamma, a1, b1};
  prior.second = {DensityKind::inverse_gamma, a2, b2};
  return prior;
}

/// Priors of every kind, proper enough for a mode in the interior of most models.
std::vector<VariancePrior> interior_priors(double kappa) {
  VariancePrior half_t;
  half_t.first = {DensityKind::half_t, 3, 0.5};
  half_t.second = {DensityKind::inverse_gamma, 2, 1};
  VariancePrior shares;
  shares.is_on_shares = true;
  shares.kappa = kappa;
  shares.first = {DensityKind::beta, 2, 3};
  shares.second = {DensityKind::jeffreys, 0, 0};
  return {inverse_gammas(2, 0.3, 1, 0.5), half_t, shares};
}

Matrix some_precision(Index c) {
  Random random(77);
  const Matrix half = random.normals(c, c + 1);
  return half * half.transpose();
}

TEST_P(EmContract, EachStepForMapIsTheTextbooksUnderInverseGammaPriors) {
  if (GetParam().design == DesignKind::centred) GTEST_SKIP() << "a prior of delta sees no means";
  const Textbook textbook{independent_columns(model_), model_.q, model_.y};
  EmModel rules = em_model(GetParam(), model_, Criterion::ml, EmKind::em);
  const Index c = model_.q.cols();
  rules.prior = inverse_gammas(1.5, 0.4, 2, 0.7);
  rules.fixed_precision = some_precision(c);
  EmState state = hdlmm::start_em(model_.spectral_system());
  for (int i = 0; i < 8; ++i) {
    SCOPED_TRACE(i);
    const EmStep step = MarginalEm(model_.spectral_system(), rules).advance(state);
    double value = textbook.log_likelihood(state) - 2.5 * std::log(state.random) -
                   0.4 / state.random - 3 * std::log(state.residual) - 0.7 / state.residual;
    if (c > 0) value -= 0.5 * state.delta.dot(rules.fixed_precision * state.delta);
    EXPECT_LT(distance(step.value, value), 1e-10);
    const EmState next = textbook.map_step(state, rules.fixed_precision, {1.5, 0.4, 2, 0.7});
    expect_near(step.next, next, 1e-9);  // the textbook inverts a matrix a step
    state = next;
  }
}

TEST_P(EmContract, AFlatPriorLeavesMl) {
  EmModel rules = em_model(GetParam(), model_, Criterion::ml, EmKind::em);
  const SpectralSystem& system = model_.spectral_system();
  const EmStep ml = advance(system, rules, hdlmm::start_em(system));
  rules.prior = VariancePrior();
  const EmStep map = advance(system, rules, hdlmm::start_em(system));
  EXPECT_EQ(map.value, ml.value);
  expect_near(map.next, ml.next, 1e-12);  // exp(log x)
}

TEST_P(EmContract, LimitsAreModesOfTheDirectSearch) {
  const SpectralSystem& system = model_.spectral_system();
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const ProfiledLikelihood profile(system, criterion);
    const auto search = hdlmm::search_all_modes(profile, hdlmm::SearchOptions(), Context());
    for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
      for (const bool accelerate : {false, true}) {
        SCOPED_TRACE(::testing::Message() << (criterion == Criterion::ml ? "ML" : "REML")
                                          << (kind == EmKind::em ? " EM" : " PX-EM") << accelerate);
        EmOptions options;
        options.accelerate = accelerate;
        options.max_iter = 400000;  // the slowest needs about 200000, with any rounding
        const EmModel rules = em_model(GetParam(), model_, criterion, kind);
        const EmResult result =
            hdlmm::fit_em(system, rules, hdlmm::start_em(system), options, Context());
        EXPECT_NE(result.status, EmStatus::iteration_limit);
        if (result.status == EmStatus::unbounded) {
          EXPECT_TRUE(profile.is_unbounded());
          continue;
        }
        double nearest = kInfinity;
        for (const hdlmm::Mode& mode : search.modes) {
          const EmPoint& last = result.trace.back();
          const double gap = std::abs(mode.point.share.h - last.share.h) +
                             std::abs(std::log(mode.point.tau2 / last.tau2));
          nearest = std::min(nearest, gap);
        }
        EXPECT_LT(nearest, 2e-5);  // sqrt(tol) confirms, for both
        if (model_.q.cols() == 0) continue;
        const Vector exact = system.evaluate(result.trace.back().share).delta;
        const double scale = model_.y.norm();
        EXPECT_LT((exact - result.state.delta).norm() / scale, 1e-3);  // its own, slower limit
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EmContract, ::testing::ValuesIn(specs()),
                         [](const auto& one) { return one.param.name; });

/// A model of random shape, kind and amount of noise.
ModelSpec random_spec(std::uint64_t seed) {
  Random random(seed);
  ModelSpec spec;
  spec.seed = seed;
  const DesignKind kinds[] = {DesignKind::dense, DesignKind::centred, DesignKind::grouped,
                              DesignKind::kernel};
  spec.design = kinds[random.below(4)];
  spec.n = 8 + random.below(20);
  spec.p = 1 + random.below(30);
  if (spec.design == DesignKind::grouped) spec.p = 2 + random.below(spec.n / 2);
  spec.c = random.below(4);
  if (spec.design == DesignKind::centred || random.below(2) == 0) {
    spec.fixed = FixedKind::constant;
    spec.c += 1;
  }
  spec.is_weighted = random.below(2) == 0;
  return spec;
}

/// The largest fall of the objective along the trace, relative to its size.
double largest_fall(const std::vector<EmPoint>& trace) {
  double fall = 0;
  for (std::size_t i = 1; i < trace.size(); ++i) {
    fall = std::max(fall, (trace[i - 1].value - trace[i].value) / (1 + std::abs(trace[i].value)));
  }
  return fall;
}

TEST(Em, TheObjectiveNeverFalls) {
  int n_steps = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    const ModelSpec spec = random_spec(seed);
    // signal and noise in all proportions
    Random random(seed + 1000);
    const Model drawn(spec);
    const double noise = std::exp(2 * random.normal());
    const Vector error = noise * random.normals(spec.n);
    const Model model(spec, drawn.x * random.normals(spec.p) + error);
    const SpectralSystem& system = model.spectral_system();
    EmOptions options;
    options.max_iter = 200;
    for (const bool accelerate : {false, true}) {
      options.accelerate = accelerate;
      for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
        for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
          const EmModel rules = em_model(spec, model, criterion, kind);
          const EmResult result =
              hdlmm::fit_em(system, rules, hdlmm::start_em(system), options, Context());
          EXPECT_LT(largest_fall(result.trace), 1e-9);  // rounding of log-determinants
          n_steps += result.iterations;
        }
      }
      EmModel rules = em_model(spec, model, Criterion::ml, EmKind::em);
      rules.prior = interior_priors(model.kappa)[seed % 3];
      if (spec.design != DesignKind::centred) rules.fixed_precision = some_precision(spec.c);
      const EmResult result =
          hdlmm::fit_em(system, rules, hdlmm::start_em(system), options, Context());
      EXPECT_LT(largest_fall(result.trace), 1e-9);
    }
  }
  EXPECT_GT(n_steps, 20000);  // it did iterate
}

TEST(Em, TheLimitForMapIsTheModeOfThePosterior) {
  for (const ModelSpec& spec : specs()) {
    if (spec.design == DesignKind::centred) continue;
    SCOPED_TRACE(spec.name);
    const Model model(spec);
    const SpectralSystem& system = model.spectral_system();
    for (const VariancePrior& prior : interior_priors(model.kappa)) {
      EmModel rules = em_model(spec, model, Criterion::ml, EmKind::em);
      rules.prior = prior;
      rules.fixed_precision = some_precision(spec.c);
      EmOptions options;
      options.accelerate = true;
      const EmResult result =
          hdlmm::fit_em(system, rules, hdlmm::start_em(system), options, Context());
      EXPECT_NE(result.status, EmStatus::iteration_limit);
      const Matrix root = hdlmm::prior_root(system.parts(), rules.fixed_precision);
      const hdlmm::PenalisedLikelihood posterior(system, prior, root);
      const auto search = hdlmm::search_all_modes(posterior, hdlmm::SearchOptions(), Context());
      double nearest = kInfinity;
      for (const hdlmm::Mode& mode : search.modes) {
        nearest = std::min(nearest, std::abs(mode.point.value - result.trace.back().value));
      }
      EXPECT_LT(nearest, 1e-8);  // flat at a mode: the square of the distance of about 1e-6
    }
  }
}

TEST(Em, TheVariancesOfMapMaximiseTheExpectedPosterior) {
  Random random(5);
  for (int i = 0; i < 300; ++i) {
    SCOPED_TRACE(i);
    const hdlmm::VarianceSums sums{std::exp(3 * random.normal()), std::exp(3 * random.normal()),
                                   1.0 + random.below(50), 5.0 + random.below(50)};
    const VariancePrior prior = interior_priors(0.1 + random.uniform())[i % 3];
    const EmState start{std::exp(5 * random.normal()), std::exp(5 * random.normal()), Vector()};
    const auto best = hdlmm::maximise_variances(sums, prior, start);
    const double u = std::log(best.first), v = std::log(best.second);
    const auto at = hdlmm::expected_posterior(sums, prior, u, v);
    // the gradient, on the scale of the counts
    EXPECT_LT(std::abs(at.du) + std::abs(at.dv), 1e-6 * (sums.n_random + sums.n_residual));
    for (int k = 0; k < 20; ++k) {
      const double far_u = u + 2 * random.normal(), far_v = v + 2 * random.normal();
      EXPECT_LE(hdlmm::expected_posterior(sums, prior, far_u, far_v).value,
                at.value + 1e-9 * std::abs(at.value));
    }
  }
}

EmResult run(const Model& model, const EmModel& rules, const EmState& start,
             EmOptions options = EmOptions()) {
  return hdlmm::fit_em(model.spectral_system(), rules, start, options, Context());
}

TEST(Em, ReachesABoundaryExactlyThatItWouldOnlyApproach) {
  const ModelSpec spec{"", DesignKind::grouped, FixedKind::constant, 24, 6, 1};
  const Model any(spec);
  Random random(4);
  const Matrix within = orthogonal_complement(orthonormal_basis(any.x));
  Vector y = within * random.normals(within.cols());  // no variance between groups
  y.array() += 3;
  const Model none(spec, y);
  const ModelSpec square{"", DesignKind::dense, FixedKind::generic, 9, 20, 2};
  const Model wide(square);
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(wide.k);
  // as if drawn without noise
  const Matrix root = eigen.eigenvectors() * eigen.eigenvalues().cwiseSqrt().asDiagonal();
  const Model all(square, root * Vector::Ones(9));
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    for (const EmKind kind : {EmKind::em, EmKind::pxem}) {
      const EmModel rules = em_model(spec, none, criterion, kind);
      const EmResult zero = run(none, rules, hdlmm::start_em(none.spectral_system()));
      EXPECT_EQ(zero.status, EmStatus::boundary_random);
      EXPECT_EQ(zero.state.random, 0);
      EXPECT_EQ(zero.trace.back().share.h, 0);
      EXPECT_LT(distance(zero.state.delta, none.q.transpose() * none.y), 1e-10);
      EXPECT_LT(largest_fall(zero.trace), 1e-12);

      const EmModel rules_all = em_model(square, all, criterion, kind);
      const EmResult one = run(all, rules_all, hdlmm::start_em(all.spectral_system()));
      EXPECT_EQ(one.status, EmStatus::boundary_residual);
      EXPECT_EQ(one.state.residual, 0);
      EXPECT_EQ(one.trace.back().share.nu, 0);
    }
  }
}

TEST(Em, SaysThatTheLikelihoodIsUnboundedWhereItRunsAway) {
  const ModelSpec spec{"", DesignKind::dense, FixedKind::spans_null, 12, 30, 4, 9};
  const Model model(spec, Model(spec).x * Random(3).normals(30));
  ASSERT_TRUE(model.spectral().is_ml_unbounded());
  EmState start = hdlmm::start_em(model.spectral_system());
  start.residual *= 1e-6;
  const EmModel rules = em_model(spec, model, Criterion::ml, EmKind::em);
  const EmResult result = run(model, rules, start);
  EXPECT_EQ(result.status, EmStatus::unbounded);
  EXPECT_GT(result.state.residual, 0);
  EXPECT_LT(result.iterations, 1000);
}

TEST(Em, TheExpandedAndTheExtrapolatedNeedFewerSteps) {
  const ModelSpec spec{"", DesignKind::dense, FixedKind::constant, 40, 60, 2};
  Random random(8);
  const Vector signal = Model(spec).x * random.normals(60);
  const Model model(spec, signal + 5 * random.normals(40));
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const EmState start = hdlmm::start_em(model.spectral_system());
    const EmResult em = run(model, em_model(spec, model, criterion, EmKind::em), start);
    const EmResult pxem = run(model, em_model(spec, model, criterion, EmKind::pxem), start);
    EmOptions fast;
    fast.accelerate = true;
    const EmResult squarem = run(model, em_model(spec, model, criterion, EmKind::em), start, fast);
    EXPECT_EQ(em.status, EmStatus::converged);
    EXPECT_LT(pxem.iterations, em.iterations);
    EXPECT_LT(squarem.iterations, em.iterations);
    EXPECT_NEAR(pxem.trace.back().value, em.trace.back().value, 1e-8);
    EXPECT_NEAR(squarem.trace.back().value, em.trace.back().value, 1e-8);
  }
}

TEST(Em, TheTraceIsTheSequenceOfSteps) {
  const ModelSpec spec{"", DesignKind::centred, FixedKind::constant, 12, 20, 2};
  const Model model(spec);
  const EmModel rules = em_model(spec, model, Criterion::ml, EmKind::pxem);
  EmOptions options;
  options.max_iter = 5;
  EmState state = hdlmm::start_em(model.spectral_system());
  const EmResult result = run(model, rules, state, options);
  ASSERT_EQ(result.trace.size(), 6u);
  EXPECT_EQ(result.iterations, 5);
  EXPECT_EQ(result.status, EmStatus::iteration_limit);
  for (const EmPoint& point : result.trace) {
    EXPECT_EQ(point.share.h, model.kappa * state.random / point.tau2);
    EXPECT_EQ(point.tau2, model.kappa * state.random + state.residual);
    state = advance(model.spectral_system(), rules, state).next;
  }
}

TEST(Em, StartsFromLeastSquares) {
  for (const ModelSpec& spec : specs()) {
    SCOPED_TRACE(spec.name);
    const Model model(spec);
    const EmState start = hdlmm::start_em(model.spectral_system());
    Vector rest = model.y;
    if (spec.c > 0) {
      const Vector fit = model.q.transpose() * model.y;
      EXPECT_LT(distance(start.delta, fit), 1e-12);
      rest -= model.q * fit;
    }
    const double tau2 = rest.squaredNorm() / static_cast<double>(spec.n - spec.c);
    EXPECT_LT(distance(start.residual, tau2 / 2), 1e-12);
    EXPECT_LT(distance(start.random * model.kappa, tau2 / 2), 1e-12);
  }
}

TEST(Em, AnInterruptGetsOutAndPriorsThatHaveNoStepAreRefused) {
  const ModelSpec spec{"", DesignKind::dense, FixedKind::generic, 12, 20, 2};
  const Model model(spec);
  EmModel rules = em_model(spec, model, Criterion::ml, EmKind::pxem);
  Context context;
  context.poll = [] { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(hdlmm::fit_em(model.spectral_system(), rules,
                             hdlmm::start_em(model.spectral_system()), EmOptions(), context),
               std::runtime_error);
  rules.prior = VariancePrior();
  EXPECT_THROW(MarginalEm(model.spectral_system(), rules), std::invalid_argument);
  rules.criterion = Criterion::reml;
  EXPECT_THROW(RestrictedEm(model.spectral_system(), rules), std::invalid_argument);
}

}  // namespace
}  // namespace hdlmm_test
