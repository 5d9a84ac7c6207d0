// The Gibbs sampler against numerical integration of the dense posterior.

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/base/slice_sampler.hpp"
#include "hdlmm/inference/gibbs/gibbs.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::DensityKind;
using hdlmm::GibbsOptions;
using hdlmm::GibbsResult;
using hdlmm::GibbsStatus;
using hdlmm::VariancePrior;

const hdlmm::SpectralSystem& spectral(const Model& model) {
  return dynamic_cast<const hdlmm::SpectralSystem&>(model.spectral());
}

hdlmm::Context with_threads(int n_threads) {
  hdlmm::Context context;
  context.n_threads = n_threads;
  return context;
}

// Moments ----------------------------------------------------------------------------------------

/// What is compared: (u, v) = log variances and delta, each to powers one and two, and products
/// with u: location, spread and correlation.
Vector statistics(double u, double v, const Vector& delta, const Matrix& second) {
  const Index c = delta.size();
  Vector out(5 + 3 * c);
  out.head(5) << u, v, u * u, v * v, u * v;
  for (Index k = 0; k < c; ++k) {
    out.segment(5 + 3 * k, 3) << delta[k], second(k, k), delta[k] * v;
  }
  return out;
}

/// Posterior expectations by the trapezoidal rule over (u, v), spectrally accurate for smooth
/// densities; delta analytic. precision: [c x c] or empty. Dense formulae only.
class DensePosterior {
 public:
  DensePosterior(const Model& model, const VariancePrior& prior, const Matrix& precision)
      : model_(model), prior_(prior), precision_(precision) {
    constexpr double kStep = 0.25, kLow = -21, kHigh = 9;
    const Index size = static_cast<Index>((kHigh - kLow) / kStep) + 1;
    Matrix log_density(size, size);
    std::vector<Vector> values;
    for (Index j = 0; j < size; ++j) {
      for (Index i = 0; i < size; ++i) {
        const double u = kLow + kStep * static_cast<double>(i);
        const double v = kLow + kStep * static_cast<double>(j);
        values.push_back(at(u, v, log_density(i, j)));
      }
    }
    const Matrix weight = (log_density.array() - log_density.maxCoeff()).exp();
    const Index last = size - 1;
    edge_ = (weight.row(0).sum() + weight.row(last).sum() + weight.col(0).sum() +
             weight.col(last).sum()) /
            weight.sum();
    mean_ = Vector::Zero(values.front().size());
    for (Index k = 0; k < weight.size(); ++k) {
      mean_ += weight.data()[k] / weight.sum() * values[static_cast<std::size_t>(k)];
    }
  }

  const Vector& mean() const { return mean_; }
  /// Share of the mass at the rim of the grid.
  double edge() const { return edge_; }

 private:
  Vector at(double u, double v, double& log_density) const {
    const Index c = model_.q.cols();
    Matrix covariance = std::exp(u) * model_.k;
    covariance.diagonal().array() += std::exp(v);
    const Eigen::LLT<Matrix> factor(covariance);
    if (factor.info() != Eigen::Success) {  // hardly any noise, which a short K cannot explain
      log_density = -1e300;
      return Vector::Zero(5 + 3 * c);
    }
    const Vector solved = factor.solve(model_.y);
    double quadratic = model_.y.dot(solved);
    double log_det = 2 * factor.matrixLLT().diagonal().array().log().sum();
    Vector delta(c);
    Matrix second(c, c);
    if (c > 0) {
      Matrix information = model_.q.transpose() * factor.solve(model_.q);
      if (precision_.size() > 0) information += precision_;
      const Eigen::LLT<Matrix> inner(information);
      const Vector right = model_.q.transpose() * solved;
      delta = inner.solve(right);
      second = inner.solve(Matrix::Identity(c, c)) + delta * delta.transpose();
      quadratic -= right.dot(delta);
      log_det += 2 * inner.matrixLLT().diagonal().array().log().sum();
    }
    log_density = -0.5 * (log_det + quadratic) +
                  log_prior(prior_, u, v, hdlmm::PriorMeasure::log_variances).value;
    return statistics(u, v, delta, second);
  }

  const Model& model_;
  const VariancePrior& prior_;
  const Matrix& precision_;
  Vector mean_;
  double edge_ = 0;
};

/// How many Monte Carlo standard errors (of batch means) the draws are from the expectations.
Vector standardised_errors(const GibbsResult& result, const Vector& expected) {
  constexpr Index kBatches = 200;
  const Index n = result.random.size(), size = n / kBatches;
  Matrix batch = Matrix::Zero(expected.size(), kBatches);
  for (Index i = 0; i < size * kBatches; ++i) {
    const Vector delta = result.delta.col(i);
    batch.col(i / size) +=
        statistics(std::log(result.random.data()[i]), std::log(result.residual.data()[i]), delta,
                   delta * delta.transpose()) /
        static_cast<double>(size);
  }
  const Vector mean = batch.rowwise().mean();
  const Vector variance =
      (batch.colwise() - mean).rowwise().squaredNorm() / (kBatches * (kBatches - 1.0));
  return (mean - expected).cwiseQuotient(variance.cwiseSqrt());
}

// Cases ------------------------------------------------------------------------------------------

struct NamedPrior {
  std::string name;
  VariancePrior prior;
};

/// kappa is that of the model.
std::vector<NamedPrior> all_priors(double kappa) {
  const hdlmm::ParameterDensity flat, jeffreys{DensityKind::jeffreys, 0, 0};
  const hdlmm::ParameterDensity gamma{DensityKind::inverse_gamma, 3, 2};
  const hdlmm::ParameterDensity half_t{DensityKind::half_t, 3, 0.5};
  const hdlmm::ParameterDensity beta{DensityKind::beta, 2, 1.5};
  return {{"inverse_gamma", {false, gamma, gamma, kappa}},
          {"flat", {false, flat, flat, kappa}},
          {"half_t", {false, half_t, half_t, kappa}},
          {"half_t_and_jeffreys", {false, half_t, jeffreys, kappa}},
          {"beta_and_jeffreys", {true, beta, jeffreys, kappa}},
          {"uniform_and_inverse_gamma", {true, flat, gamma, kappa}}};
}

std::vector<ModelSpec> all_models() {
  using D = DesignKind;
  using F = FixedKind;
  std::vector<ModelSpec> specs = {
      {"Wide", D::dense, F::generic, 14, 30, 2},
      {"WideNoFixed", D::dense, F::generic, 14, 30, 0},
      {"Tall", D::dense, F::generic, 22, 9, 3},
      {"TallNoFixed", D::dense, F::generic, 22, 9, 0},
      {"TallFixedWithinDesign", D::dense, F::avoids_null, 22, 9, 2},
      {"TallFixedContainsNull", D::dense, F::contains_null, 22, 9, 2},
      {"WideOfLowRankNullInFixed", D::dense, F::spans_null, 15, 30, 4, 12},
      {"CentredWide", D::centred, F::constant, 14, 30, 2},
      {"CentredTall", D::centred, F::constant, 22, 9, 2},
      {"GroupedConstant", D::grouped, F::constant, 24, 9, 1},
      {"Kernel", D::kernel, F::constant, 24, 10, 2}};
  for (std::size_t i = 0; i < specs.size(); ++i) {
    specs[i].seed = 40 + i;
    specs[i].is_weighted = i % 3 == 2;
  }
  return specs;
}

GibbsOptions long_run() {
  GibbsOptions options;
  options.draws = 15000;
  options.seed = 20;
  return options;
}

void expect_the_dense_posterior(const Model& model, const VariancePrior& prior,
                                const Matrix& precision, const GibbsOptions& options) {
  const DensePosterior dense(model, prior, precision);
  ASSERT_LT(dense.edge(), 1e-4);
  const GibbsResult result =
      sample_gibbs(spectral(model), prior, precision, options, with_threads(2));
  ASSERT_EQ(result.status, GibbsStatus::completed);
  ASSERT_TRUE(result.random.allFinite() && result.residual.allFinite());
  ASSERT_TRUE(result.delta.size() == 0 || result.delta.allFinite());
  const Vector error = standardised_errors(result, dense.mean());
  // about 500 comparisons in all, of t with 199 degrees of freedom: beyond 4.5 with probability
  // 1e-5 each; the seeds are fixed
  EXPECT_LT(error.cwiseAbs().maxCoeff(), 4.5) << error.transpose();
}

class GibbsPosterior : public ::testing::TestWithParam<ModelSpec> {};

TEST_P(GibbsPosterior, IsTheDenseOne) {
  const Model model(GetParam());
  const std::vector<NamedPrior> priors = all_priors(model.kappa);
  for (std::size_t i : {std::size_t{0}, 1 + GetParam().seed % (priors.size() - 1)}) {
    // without noise alone in any direction, 1 / sigma_e^2 has an infinite mass at zero
    if (priors[i].prior.second.kind == DensityKind::jeffreys && !priors[i].prior.is_on_shares &&
        !(model.spectral().null_residual() > 0)) {
      i = 1;
    }
    SCOPED_TRACE(priors[i].name);
    expect_the_dense_posterior(model, priors[i].prior, Matrix(), long_run());
  }
}

TEST_P(GibbsPosterior, IsTheDenseOneWithANormalPriorOfTheFixedEffects) {
  const Model model(GetParam());
  const Index c = model.q.cols();
  if (c == 0 || GetParam().design == DesignKind::centred) return;
  Random random(GetParam().seed);
  const Matrix half = random.normals(c, c);
  const Matrix precision = 0.3 * half * half.transpose();
  expect_the_dense_posterior(model, all_priors(model.kappa)[0].prior, precision, long_run());
}

TEST_P(GibbsPosterior, IsTheDenseOneByTheTextbookSweepToo) {
  const Model model(GetParam());
  const std::vector<NamedPrior> priors = all_priors(model.kappa);
  GibbsOptions options = long_run();
  options.is_collapsed = false;
  options.thin = 4;
  const NamedPrior& one = priors[GetParam().seed % 2 == 0 ? 2 : 4];
  SCOPED_TRACE(one.name);
  expect_the_dense_posterior(model, one.prior, Matrix(), options);
}

INSTANTIATE_TEST_SUITE_P(Models, GibbsPosterior, ::testing::ValuesIn(all_models()),
                         [](const auto& one) { return one.param.name; });

TEST(Gibbs, TakesEveryPrior) {
  const Model model({"Tall", DesignKind::dense, FixedKind::generic, 22, 9, 2, -1, false, 77});
  for (const NamedPrior& one : all_priors(model.kappa)) {
    SCOPED_TRACE(one.name);
    expect_the_dense_posterior(model, one.prior, Matrix(), long_run());
  }
}

// Laws of the chains -----------------------------------------------------------------------------

ModelSpec centred_spec() {
  return {"Centred", DesignKind::centred, FixedKind::constant, 14, 30, 2, -1, false, 5};
}

GibbsOptions short_run() {
  GibbsOptions options;
  options.draws = 300;
  options.warmup = 50;
  options.thin = 3;
  options.chains = 5;
  return options;
}

TEST(Gibbs, DrawsDoNotDependOnTheNumberOfThreads) {
  const Model model(centred_spec());
  for (const NamedPrior& one : all_priors(model.kappa)) {
    SCOPED_TRACE(one.name);
    const GibbsResult alone =
        sample_gibbs(spectral(model), one.prior, Matrix(), short_run(), with_threads(1));
    for (const int n_threads : {2, 3}) {
      const GibbsResult many =
          sample_gibbs(spectral(model), one.prior, Matrix(), short_run(), with_threads(n_threads));
      EXPECT_EQ(alone.random, many.random);
      EXPECT_EQ(alone.residual, many.residual);
      EXPECT_EQ(alone.delta, many.delta);
    }
  }
}

TEST(Gibbs, ChainsDifferAndFollowTheSeedAndTheirOwnStream) {
  const Model model(centred_spec());
  const VariancePrior prior = all_priors(model.kappa)[0].prior;
  GibbsOptions options = short_run();
  const GibbsResult one = sample_gibbs(spectral(model), prior, Matrix(), options, {});
  EXPECT_NE(one.random.col(0), one.random.col(1));
  options.chains = 2;
  const GibbsResult fewer = sample_gibbs(spectral(model), prior, Matrix(), options, {});
  EXPECT_EQ(fewer.random, one.random.leftCols(2));
  EXPECT_EQ(fewer.delta, one.delta.leftCols(2 * options.draws));
  options.seed = 2;
  const GibbsResult other = sample_gibbs(spectral(model), prior, Matrix(), options, {});
  EXPECT_NE(other.random.col(0), one.random.col(0));
}

TEST(Gibbs, ThinningKeepsEveryFewSweepsOfTheSameChain) {
  const ModelSpec spec{"Tall", DesignKind::dense, FixedKind::generic, 22, 9, 2, -1, false, 6};
  const Model model(spec);
  const VariancePrior prior = all_priors(model.kappa)[2].prior;
  GibbsOptions options = short_run();
  const GibbsResult thinned = sample_gibbs(spectral(model), prior, Matrix(), options, {});
  options.draws *= options.thin;
  options.thin = 1;
  const GibbsResult full = sample_gibbs(spectral(model), prior, Matrix(), options, {});
  for (Index i = 0; i < thinned.random.rows(); ++i) {
    ASSERT_EQ(thinned.random.row(i), full.random.row(3 * i + 2));
  }
}

TEST(Gibbs, ListensToTheHostOnTheCallingThreadAlone) {
  const Model model(centred_spec());
  const VariancePrior prior = all_priors(model.kappa)[0].prior;
  GibbsOptions options = short_run();
  options.draws = 100000;
  options.thin = 1000;  // would take minutes
  options.chains = 2;
  const std::thread::id caller = std::this_thread::get_id();
  int polls = 0;
  double fraction = -1;
  hdlmm::Context context = with_threads(2);
  context.poll = [&] {
    if (std::this_thread::get_id() != caller) std::abort();
    if (++polls > 5) throw std::runtime_error("interrupted");
  };
  context.progress = [&](const std::string&, double now) {
    EXPECT_GE(now, fraction);
    fraction = now;
  };
  EXPECT_THROW(sample_gibbs(spectral(model), prior, Matrix(), options, context),
               std::runtime_error);
  EXPECT_LT(fraction, 0.5);
}

TEST(Gibbs, SaysSoWhenThePosteriorHasNoFiniteMass) {
  // a flat prior of sigma_b^2 with one random coefficient: the tail is 1 / sigma_b
  const Model one({"OneColumn", DesignKind::dense, FixedKind::generic, 9, 1, 1, -1, false, 8});
  const GibbsResult tail =
      sample_gibbs(spectral(one), all_priors(one.kappa)[1].prior, Matrix(), short_run(), {});
  EXPECT_EQ(tail.status, GibbsStatus::improper);
  EXPECT_EQ(tail.sweep, 1);
  // 1 / sigma_b^2 puts an infinite mass at zero (Hobert & Casella 1996)
  const ModelSpec spec{"Wide", DesignKind::dense, FixedKind::generic, 14, 30, 2, -1, false, 9};
  Random random(3);
  const Model wide(spec, random.normals(14));
  const hdlmm::ParameterDensity jeffreys{DensityKind::jeffreys, 0, 0};
  GibbsOptions options = short_run();
  options.draws = 20000;
  const GibbsResult zero = sample_gibbs(spectral(wide), {false, jeffreys, jeffreys, wide.kappa},
                                        Matrix(), options, with_threads(2));
  EXPECT_EQ(zero.status, GibbsStatus::improper);
  EXPECT_GT(zero.sweep, 0);
  // every draw is a number up to the failure, and missing after it
  EXPECT_FALSE((zero.random.array() == 0).any() || zero.random.array().isInf().any());
  EXPECT_TRUE(zero.random.array().isNaN().any());
}

TEST(Gibbs, RefusesWhatItCannotSample) {
  const Model model(centred_spec());
  const std::vector<NamedPrior> priors = all_priors(model.kappa);
  EXPECT_THROW(
      sample_gibbs(spectral(model), priors[0].prior, Matrix::Identity(2, 2), short_run(), {}),
      std::invalid_argument);
  VariancePrior wrong = priors[0].prior;
  wrong.first = {DensityKind::beta, 1, 2};
  EXPECT_THROW(sample_gibbs(spectral(model), wrong, Matrix(), short_run(), {}),
               std::invalid_argument);
}

// Pieces -----------------------------------------------------------------------------------------

TEST(SliceSampler, HasTheDistributionOfItsDensity) {
  // log of an exponential variate: skew, with tails e^x and exp(-e^x)
  hdlmm::Random random(17);
  hdlmm::SliceSampler slice;
  const auto log_density = [](double x) { return x - std::exp(x); };
  double x = 30;  // far out: exp(x) is 1e13
  for (int i = 0; i < 200; ++i) x = slice.step(x, log_density, random);
  slice.freeze();
  std::vector<double> draws;
  for (int i = 0; i < 20000; ++i) {
    for (int k = 0; k < 8; ++k) x = slice.step(x, log_density, random);  // nearly independent
    draws.push_back(1 - std::exp(-std::exp(x)));
  }
  std::sort(draws.begin(), draws.end());
  double largest = 0;
  for (std::size_t i = 0; i < draws.size(); ++i) {
    largest = std::max(largest, std::abs(draws[i] - (static_cast<double>(i) + 0.5) / 20000));
  }
  EXPECT_LT(std::sqrt(20000) * largest, 2.2);  // Kolmogorov: exceeded with probability 1.3e-4
}

TEST(GibbsPieces, SumOfLogarithmsHoldsWhereProductsUnderflow) {
  Random random(4);
  for (const Index n : {0, 1, 7, 8, 9, 40}) {
    for (const double scale : {1.0, 1e-60, 1e60}) {
      const Vector s = scale * random.positives(n);
      const double expected = n > 0 ? s.array().log().sum() : 0;
      // rounding of sums of up to 40 logarithms
      EXPECT_LT(distance(hdlmm::sum_log(s), expected), 1e-13) << n << " " << scale;
    }
  }
}

}  // namespace
}  // namespace hdlmm_test
