// Variational inference against dense linear algebra: determinants, gaps, bounds and their
// derivatives, and the limits of both algorithms.

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/inference/variational/coordinate_ascent.hpp"
#include "hdlmm/inference/variational/full_variational.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"
#include "hdlmm/operator/dense_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::CollapsedBound;
using hdlmm::ColumnBlock;
using hdlmm::Context;
using hdlmm::Factorisation;
using hdlmm::VariationalModel;

enum class Means { none, outside, inside };  ///< where the taken-out means lie: rows of X_c or not

struct Setup {
  std::string name;
  Index n, p, c;
  Means means = Means::none;
  bool is_weighted = false;
};

std::ostream& operator<<(std::ostream& out, const Setup& setup) { return out << setup.name; }

/// A model in dense matrices, as the user sees it, and through the core.
struct Problem {
  explicit Problem(const Setup& setup) {
    Random random(static_cast<std::uint64_t>(setup.n * 1000 + setup.p));
    const Index n = setup.n, p = setup.p;
    stored = random.normals(n, p);
    root = setup.is_weighted ? random.positives(n) : Vector(Vector::Ones(n));
    Matrix z = random.normals(n, setup.c);
    hdlmm::CellTransform transform;
    transform.row_scale = root;
    if (setup.means != Means::none) {
      stored.rowwise() += 3 * random.normals(p).transpose();
      const Vector weight = root.cwiseAbs2();
      shift.means = stored.transpose() * weight / weight.sum();
      shift.constant = root;
      transform.shift = shift.means;
      z.col(0) = root;
    }
    x = root.asDiagonal() * stored;
    q = orthonormal_basis(z);
    const Vector effects = random.normals(p);
    y = random.normals(n) + x * effects / std::sqrt(static_cast<double>(p));
    y -= q * (q.transpose() * y);
    hdlmm::StoredMatrix<double> cells;
    cells.cells = stored.data();
    cells.stride = cells.rows_fitted = n;
    cells.cols = p;
    op = std::make_unique<hdlmm::DenseOperator<double>>(cells, transform);
    spectrum = hdlmm::decompose(*op, Context());
    const hdlmm::SpectralFrame frame(*op, spectrum.side, spectrum.d, spectrum.vectors);
    system = std::make_unique<hdlmm::SpectralSystem>(
        hdlmm::rotate_data(frame, spectrum.d, q, y, shift.means, shift.constant), 0.7);
  }

  std::vector<ColumnBlock> blocks(int count) const {
    std::vector<int> code;
    for (Index j = 0; j < x.cols(); ++j) code.push_back(static_cast<int>(j % count));
    return hdlmm::build_blocks(*op, code, count, shift, Context());
  }

  Factorisation factors(int count) const {
    if (count == 0) return Factorisation::mean_field(hdlmm::user_norms2(*op, shift));
    return hdlmm::factorisation(blocks(count));
  }

  /// log|I + ratio G| over the blocks, G = X'X without what couples them.
  double dense_log_det(int count, double ratio) const {
    return 2 * Eigen::LLT<Matrix>(coupled(count, ratio)).matrixLLT().diagonal().array().log().sum();
  }

  /// I + ratio X'X with zeros between blocks.
  Matrix coupled(int count, double ratio) const {
    Matrix out = ratio * x.transpose() * x;
    for (Index i = 0; i < out.rows(); ++i) {
      for (Index j = 0; j < out.cols(); ++j) {
        const bool is_kept = count == 0 ? i == j : i % count == j % count;
        if (!is_kept) out(i, j) = 0;
      }
    }
    return Matrix::Identity(out.rows(), out.cols()) + out;
  }

  Matrix stored, x, q;
  Vector root, y;
  hdlmm::ColumnMeans shift;
  std::unique_ptr<hdlmm::DesignOperator> op;
  hdlmm::Spectrum spectrum;
  std::unique_ptr<hdlmm::SpectralSystem> system;
};

class Variational : public ::testing::TestWithParam<Setup> {};

// 0: single columns; otherwise so many blocks
const std::vector<int> kCounts = {0, 1, 2, 3};

TEST_P(Variational, DeterminantsOfTheBlocksAreTheDenseOnes) {
  const Problem problem(GetParam());
  for (const int count : kCounts) {
    const Factorisation factors = problem.factors(count);
    for (const double ratio : {1e-3, 0.3, 20.0}) {
      const double dense = problem.dense_log_det(count, ratio);
      // Cholesky of I + ratio X'X with condition below 1e5
      EXPECT_NEAR(factors.log_det_ratio(ratio), dense, 1e-9);
      const Share share{0.7 * ratio / (1 + 0.7 * ratio), 1 / (1 + 0.7 * ratio)};
      const hdlmm::DeterminantTerms terms = factors.terms(share, 0.7);
      const double rank = static_cast<double>(factors.rank());
      EXPECT_NEAR(terms.log_det - rank * std::log(share.nu), dense, 1e-9);
      const Matrix precision = problem.coupled(count, ratio);
      const Matrix inverse =
          precision.llt().solve(Matrix::Identity(precision.rows(), precision.cols()));
      const Matrix shrunk = Matrix::Identity(precision.rows(), precision.cols()) - inverse;
      EXPECT_NEAR(terms.trace, shrunk.trace(), 1e-9);
      EXPECT_NEAR(terms.trace2, (shrunk * shrunk).trace(), 1e-9);
      EXPECT_NEAR(terms.noise, rank - shrunk.trace(), 1e-9);
    }
  }
}

TEST_P(Variational, TheBoundIsTheLikelihoodLessTheGapAndItsDerivativesAreItsOwn) {
  const Problem problem(GetParam());
  const hdlmm::ProfiledLikelihood likelihood(*problem.system, hdlmm::Criterion::ml);
  const hdlmm::GramSpectrum whole = hdlmm::gram_spectrum(problem.system->parts());
  for (const int count : kCounts) {
    const CollapsedBound bound(*problem.system, problem.factors(count));
    for (const double phi : {-6.0, -2.0, 0.5, 3.0}) {
      const hdlmm::ProfilePoint at = bound.at(phi);
      const double gap =
          hdlmm::factorisation_gap(whole, bound.factors(), at.share, problem.system->kappa());
      EXPECT_GE(gap, -1e-10);
      if (count == 1) {
        EXPECT_NEAR(gap, 0, 1e-10);
      }
      const double ratio = std::exp(phi);
      const double dense = problem.dense_log_det(count, ratio) - problem.dense_log_det(1, ratio);
      EXPECT_NEAR(gap, 0.5 * dense, 1e-9);
      EXPECT_NEAR(at.value, likelihood.at(phi).value - gap, 1e-9);
      constexpr double kStep = 1e-3;  // truncation of order step^4, rounding 1e-14 / step^2
      const auto value = [&](double x) { return bound.at(x).value; };
      const double one = value(phi + kStep) - value(phi - kStep);
      const double two = value(phi + 2 * kStep) - value(phi - 2 * kStep);
      EXPECT_NEAR(at.slope, (8 * one - two) / (12 * kStep), 1e-8);
      const double bend = bound.at(phi + kStep).slope - bound.at(phi - kStep).slope;
      EXPECT_NEAR(at.curvature, bend / (2 * kStep), 1e-5);
    }
  }
}

TEST_P(Variational, TheBoundRisesAsBlocksMerge) {
  const Problem problem(GetParam());
  const Index p = problem.x.cols();
  if (p < 4) GTEST_SKIP() << "nothing to merge";
  const CollapsedBound single(*problem.system, problem.factors(0));
  const CollapsedBound four(*problem.system, problem.factors(4));
  const CollapsedBound two(*problem.system, problem.factors(2));
  const CollapsedBound one(*problem.system, problem.factors(1));
  for (const double phi : {-3.0, 0.0, 2.0}) {
    EXPECT_LE(single.at(phi).value, four.at(phi).value + 1e-10);
    EXPECT_LE(four.at(phi).value, two.at(phi).value + 1e-10);
    EXPECT_LE(two.at(phi).value, one.at(phi).value + 1e-10);
  }
}

TEST_P(Variational, VariancesOfTheEffectsAreTheDiagonalOfTheInverse) {
  const Problem problem(GetParam());
  for (const int count : {1, 2}) {
    const Matrix precision = problem.coupled(count, 0.8);
    const Matrix inverse =
        precision.llt().solve(Matrix::Identity(precision.rows(), precision.cols()));
    for (const ColumnBlock& block : problem.blocks(count)) {
      const Vector own = block.shrunk_variances(0.8, Context());
      for (Index j = 0; j < own.size(); ++j) {
        const Index at = block.columns()[static_cast<std::size_t>(j)];
        EXPECT_NEAR(own[j], inverse(at, at), 1e-10);
      }
    }
  }
}

hdlmm::VariancePrior some_prior(bool is_half_t) {
  using hdlmm::DensityKind;
  hdlmm::VariancePrior prior;
  prior.first = is_half_t ? hdlmm::ParameterDensity{DensityKind::half_t, 3, 0.2}
                          : hdlmm::ParameterDensity{DensityKind::inverse_gamma, 2, 0.3};
  prior.second = is_half_t ? hdlmm::ParameterDensity{DensityKind::half_t, 1, 2}
                           : hdlmm::ParameterDensity{DensityKind::jeffreys, 0, 0};
  return prior;
}

void expect_monotone(const std::vector<hdlmm::BoundPoint>& trace) {
  for (std::size_t i = 1; i < trace.size(); ++i) {
    // rounding of sums of 100 terms
    EXPECT_GE(trace[i].elbo, trace[i - 1].elbo - 1e-11 * (1 + std::abs(trace[i].elbo)));
  }
}

TEST_P(Variational, SweepsReachTheCollapsedFixedPointInAnyOrder) {
  const Problem problem(GetParam());
  const Index n = problem.x.rows(), p = problem.x.cols(), c = problem.q.cols();
  for (const bool is_half_t : {false, true}) {
    for (const int count : {0, 2}) {
      VariationalModel collapsed(problem.factors(count), n, p, some_prior(is_half_t), Matrix());
      const hdlmm::FullResult fixed =
          hdlmm::iterate_collapsed(*problem.system, collapsed, hdlmm::FullOptions(), Context());
      EXPECT_TRUE(fixed.is_converged);
      expect_monotone(fixed.trace);
      const std::vector<ColumnBlock> blocks =
          count > 0 ? problem.blocks(count) : std::vector<ColumnBlock>();
      for (const hdlmm::Sweep sweep : {hdlmm::Sweep::cyclic, hdlmm::Sweep::random}) {
        VariationalModel model(problem.factors(count), n, p, some_prior(is_half_t), Matrix());
        hdlmm::AscentOptions options;
        options.sweep = sweep;
        options.tol = 1e-11;
        const hdlmm::AscentResult ascent = hdlmm::ascend_coordinates(
            {*problem.op, problem.shift, problem.q, problem.y}, blocks, model, options, Context());
        EXPECT_TRUE(ascent.is_converged);
        expect_monotone(ascent.trace);
        EXPECT_NEAR(ascent.trace.back().elbo, fixed.trace.back().elbo, 1e-8);
        // the means are those of the exact posterior at the expected precisions
        const Matrix a = problem.x.transpose() * problem.x + Matrix::Identity(p, p) / model.ratio();
        Vector residual = problem.y;
        if (c > 0) residual -= problem.q * ascent.delta;
        const Vector mean = a.llt().solve(problem.x.transpose() * residual);
        // the square root of the tolerance of the bound
        EXPECT_LT(distance(ascent.effects, mean), 1e-4);
      }
    }
  }
}

TEST_P(Variational, ANormalPriorOfTheFixedEffectsShrinksThemAlikeInBothAlgorithms) {
  const Problem problem(GetParam());
  const Index n = problem.x.rows(), p = problem.x.cols(), c = problem.q.cols();
  if (c == 0 || problem.shift.is_present()) GTEST_SKIP() << "no such prior";
  const Matrix half = Random(3).normals(c, c);
  const Matrix precision = half * half.transpose() + Matrix::Identity(c, c);
  const Vector y = problem.y + problem.q * Vector::Ones(c);
  const hdlmm::SpectralFrame frame(*problem.op, problem.spectrum.side, problem.spectrum.d,
                                   problem.spectrum.vectors);
  const hdlmm::SpectralSystem system(
      hdlmm::rotate_data(frame, problem.spectrum.d, problem.q, y, Vector(), Vector()), 0.7);
  VariationalModel collapsed(problem.factors(0), n, p, some_prior(true), precision);
  VariationalModel model = collapsed;
  const double bound = hdlmm::iterate_collapsed(system, collapsed, hdlmm::FullOptions(), Context())
                           .trace.back()
                           .elbo;
  const hdlmm::AscentResult ascent = hdlmm::ascend_coordinates(
      {*problem.op, problem.shift, problem.q, y}, {}, model, hdlmm::AscentOptions(), Context());
  EXPECT_NEAR(ascent.trace.back().elbo, bound, 1e-8);
  const Vector along = problem.q.transpose() * (y - problem.x * ascent.effects);
  const Matrix total = model.residual_precision() * Matrix::Identity(c, c) + precision;
  EXPECT_LT(distance(ascent.delta, total.llt().solve(model.residual_precision() * along)), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(EveryShape, Variational,
                         ::testing::Values(Setup{"Wide", 12, 19, 2}, Setup{"Tall", 23, 6, 2},
                                           Setup{"NoFixed", 14, 9, 0}, Setup{"OneColumn", 9, 1, 1},
                                           Setup{"Weighted", 15, 8, 2, Means::none, true},
                                           Setup{"WideMeans", 12, 19, 2, Means::outside, false},
                                           Setup{"TallMeans", 23, 6, 2, Means::inside, false},
                                           Setup{"WeightedMeans", 15, 8, 2, Means::inside, true},
                                           Setup{"OneMean", 9, 1, 1, Means::inside, false}),
                         [](const ::testing::TestParamInfo<Setup>& one) { return one.param.name; });

TEST(CollapsedBound, KnowsHowItBehavesWithoutNoise) {
  const Vector d = (Vector(3) << 0.5, 1, 2).finished(), y = Vector::Ones(3);
  const auto bound_of = [&](Index null_dimension, double rest, Index n_columns) {
    const auto system = diagonal_system(d, y, null_dimension, rest);
    const CollapsedBound bound(*system, Factorisation::mean_field(Vector::Ones(n_columns)));
    const double slope = bound.at(60).slope;  // far beyond the spectrum
    return std::vector<double>{bound.is_unbounded() ? 1.0 : 0.0,
                               bound.has_limit_at_one() ? 1.0 : 0.0, slope};
  };
  // slopes are half the columns in excess of the rows that are fitted exactly; rounding of exp(-60)
  const auto unbounded = bound_of(2, 0, 3), limit = bound_of(0, 0, 3), falling = bound_of(0, 0, 5),
             noisy = bound_of(2, 0.5, 3);
  EXPECT_EQ(unbounded[0], 1);
  EXPECT_NEAR(unbounded[2], 1, 1e-12);
  EXPECT_EQ(limit[0], 0);
  EXPECT_EQ(limit[1], 1);
  EXPECT_NEAR(limit[2], 0, 1e-12);
  EXPECT_EQ(falling[0] + falling[1], 0);
  EXPECT_NEAR(falling[2], -1, 1e-12);
  EXPECT_EQ(noisy[0] + noisy[1], 0);
  EXPECT_NEAR(noisy[2], -1.5, 1e-12);
}

TEST(CollapsedBound, IsFiniteAtItsLimitWithoutNoise) {
  const Vector d = (Vector(2) << 0.5, 2).finished();
  const auto system = diagonal_system(d, Vector::Ones(2), 0, 0);
  const CollapsedBound bound(*system, Factorisation::mean_field(Vector::Constant(2, 1.25)));
  const double limit = bound.at_share({1, 0}).value;
  EXPECT_TRUE(std::isfinite(limit));
  EXPECT_NEAR(bound.at(40).value, limit, 1e-12);  // exp(-40) is below rounding
  hdlmm::GramSpectrum whole;
  whole.d = d;
  // 1/2 log(1.25^2 / (0.5 * 2))
  EXPECT_NEAR(hdlmm::factorisation_gap(whole, bound.factors(), {1, 0}, 1), std::log(1.25), 1e-14);
}

TEST(GainRule, StopsWhenTheProjectedGainIsSmallOrLostInRounding) {
  hdlmm::GainRule rule(1e-6);
  double gain = 1, value = 0;
  int steps = 0;
  while (!rule.is_done(value, 1e-15) && steps < 1000) {
    value += gain;
    gain *= 0.9;
    ++steps;
  }
  // the limit is 10; what is left is 10 * 0.9^steps
  EXPECT_LT(10 - value, 1e-6);
  EXPECT_GT(10 - value, 1e-7);
  hdlmm::GainRule flat(0);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(flat.is_done(i < 2 ? i : 2, 1e-12));
  EXPECT_FALSE(flat.is_done(2, 1e-12));
  EXPECT_TRUE(flat.is_done(2, 1e-12));
}

TEST(SweepOrder, IsAPermutationThatTheSeedDecides) {
  hdlmm::AscentOptions options;
  options.sweep = hdlmm::Sweep::random;
  hdlmm::SweepOrder a(50, options), b(50, options);
  options.seed = 2;
  hdlmm::SweepOrder other(50, options);
  const std::vector<std::size_t> first = a.next();
  EXPECT_EQ(first, b.next());
  EXPECT_NE(first, other.next());
  EXPECT_NE(first, a.next());
  std::vector<std::size_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], i);
}

TEST(CoordinateAscent, AnInterruptGetsOutAndProgressEndsAtOne) {
  const Problem problem({"Wide", 12, 19, 2});
  VariationalModel model(problem.factors(0), 12, 19);
  Context context;
  double last = 0;
  context.progress = [&](const std::string&, double fraction) {
    EXPECT_GE(fraction, last);
    last = fraction;
  };
  const hdlmm::AscentData data{*problem.op, problem.shift, problem.q, problem.y};
  hdlmm::AscentOptions options;
  options.max_iter = 3;
  const hdlmm::AscentResult result = hdlmm::ascend_coordinates(data, {}, model, options, context);
  EXPECT_EQ(last, 1);
  EXPECT_EQ(result.trace.size(), 3u);
  EXPECT_FALSE(result.is_converged);
  last = 0;
  context.poll = [] { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(hdlmm::ascend_coordinates(data, {}, model, options, context), std::runtime_error);
}

}  // namespace
}  // namespace hdlmm_test
