// Likelihood times priors with everything but the share maximised out, against dense maximisation.

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/objective/penalised_likelihood.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Criterion;
using hdlmm::DensityKind;
using hdlmm::ParameterDensity;
using hdlmm::PenalisedLikelihood;
using hdlmm::PriorMeasure;
using hdlmm::ProfiledLikelihood;
using hdlmm::ProfilePoint;
using hdlmm::VariancePrior;

struct NamedPrior {
  std::string name;
  VariancePrior prior;
};

std::vector<NamedPrior> all_priors(double kappa) {
  const ParameterDensity flat, jeffreys{DensityKind::jeffreys};
  const ParameterDensity gamma{DensityKind::inverse_gamma, 2, 1.5}, t{DensityKind::half_t, 3, 0.8};
  return {{"flat", {false, flat, flat, kappa}},
          {"flat shares", {true, flat, flat, kappa}},
          {"default", {true, {DensityKind::beta, 1, 1}, jeffreys, kappa}},
          {"beta, half t", {true, {DensityKind::beta, 2, 3}, t, kappa}},
          {"beta at zero, inverse gamma", {true, {DensityKind::beta, 0.5, 1}, gamma, kappa}},
          {"beta one at zero", {true, {DensityKind::beta, 1, 4}, gamma, kappa}},
          {"inverse gammas", {false, gamma, {DensityKind::inverse_gamma, 1, 0.6}, kappa}},
          {"half ts", {false, t, {DensityKind::half_t, 1, 2}, kappa}},
          {"half t, jeffreys", {false, t, jeffreys, kappa}},
          {"jeffreys, inverse gamma", {false, jeffreys, gamma, kappa}}};
}

/// Largest value of f on [low, high]: a grid, then golden sections around its best point.
double maximum(const std::function<double(double)>& f, double low, double high) {
  constexpr double kStep = 0.1, kGolden = 0.6180339887498949;
  double best = low;
  for (double t = low; t <= high; t += kStep) {
    if (f(t) > f(best)) best = t;
  }
  double a = best - kStep, b = best + kStep;
  for (int i = 0; i < 60; ++i) {
    const double left = b - kGolden * (b - a), right = a + kGolden * (b - a);
    (f(left) > f(right) ? b : a) = f(left) > f(right) ? right : left;
  }
  return f(0.5 * (a + b));
}

/// The maximum over tau^2 and delta of log-likelihood plus log priors, densely. root: [c x c]
/// square root of the precision of delta, zero for a flat prior.
double dense_value(const Model& model, const Matrix& root, const Share& share,
                   const VariancePrior& prior) {
  const Matrix inverse = model.covariance(share).inverse();
  const double log_det_v = -std::log(inverse.determinant());
  const double yy = model.y.dot(inverse * model.y);
  const Matrix qq = model.q.transpose() * inverse * model.q, lambda = root.transpose() * root;
  const Vector qy = model.q.transpose() * (inverse * model.y);
  const double n = static_cast<double>(model.y.size());
  const auto f = [&](double t) {
    const double tau2 = std::exp(t);
    double rss = yy;
    if (root.size() > 0) rss -= qy.dot((qq + tau2 * lambda).llt().solve(qy));
    const double u = t + std::log(share.h / model.kappa), v = t + std::log(share.nu);
    return -0.5 * (n * (std::log(6.283185307179586) + t) + log_det_v + rss / tau2) +
           log_prior(prior, u, v, PriorMeasure::stated).value;
  };
  return maximum(f, -8, 12);
}

class Penalised : public ::testing::TestWithParam<ModelSpec> {
 protected:
  Penalised() : model_(GetParam()), c_(model_.q.cols()) {
    root_ = 0.7 * Random(78).normals(c_, c_);
    root_.diagonal().array() += 1;
  }

  PenalisedLikelihood objective(const VariancePrior& prior, bool has_normal) const {
    const Matrix none(0, c_);
    if (!has_normal || c_ == 0) return {model_.spectral_system(), prior, none};
    return {model_.spectral_system(), prior, root_ * model_.spectral_system().parts().turn};
  }

  double phi(double x) const { return x - std::log(model_.kappa); }

  Model model_;
  Index c_;
  Matrix root_;
};

TEST_P(Penalised, IsTheMaximumOverTheTotalVarianceAndTheFixedEffects) {
  for (const NamedPrior& each : all_priors(model_.kappa)) {
    SCOPED_TRACE(each.name);
    for (const bool has_normal : {false, true}) {
      const PenalisedLikelihood f = objective(each.prior, has_normal);
      for (const Share& share : {Share{0.05, 0.95}, Share{0.5, 0.5}, Share{0.97, 0.03}}) {
        // flat to second order at the maximum; rounding of the dense quadratic forms
        EXPECT_NEAR(f.at_share(share).value,
                    dense_value(model_, has_normal ? root_ : Matrix(Matrix::Zero(c_, c_)), share,
                                each.prior),
                    1e-8);
      }
    }
  }
}

TEST_P(Penalised, IsTheHighestOfTwoMaximaWhereDataAndNormalPriorDisagree) {
  if (c_ == 0) return;
  const VariancePrior prior{true, {}, {DensityKind::jeffreys}, model_.kappa};
  for (const double shift : {3.0, 20.0, 100.0}) {
    const Model shifted(GetParam(), model_.y + shift * model_.q.col(0));
    for (const double strength : {0.1, 0.5, 2.0}) {
      const Matrix root = strength * root_;
      const PenalisedLikelihood f(shifted.spectral_system(), prior,
                                  root * shifted.spectral_system().parts().turn);
      for (const Share& share : {Share{0.05, 0.95}, Share{0.5, 0.5}, Share{0.97, 0.03}}) {
        SCOPED_TRACE(std::to_string(shift) + " " + std::to_string(strength));
        // as above, with a response that is up to 100 times as long
        EXPECT_NEAR(f.at_share(share).value, dense_value(shifted, root, share, prior), 1e-6);
      }
    }
  }
}

TEST_P(Penalised, HasTheDerivativesOfItsValue) {
  constexpr double kStep = 2e-3;
  for (const NamedPrior& each : all_priors(model_.kappa)) {
    SCOPED_TRACE(each.name);
    for (const bool has_normal : {false, true}) {
      const PenalisedLikelihood f = objective(each.prior, has_normal);
      for (const double x : {-4.0, 0.3, 3.0}) {
        const ProfilePoint at = f.at(phi(x));
        const ProfilePoint left2 = f.at(phi(x) - 2 * kStep), left = f.at(phi(x) - kStep);
        const ProfilePoint right = f.at(phi(x) + kStep), right2 = f.at(phi(x) + 2 * kStep);
        const double slope =
            (8 * (right.value - left.value) - (right2.value - left2.value)) / (12 * kStep);
        const double curvature =
            (8 * (right.slope - left.slope) - (right2.slope - left2.slope)) / (12 * kStep);
        const double size = 1 + std::abs(at.slope) + std::abs(at.curvature);
        // kStep^4, rounding of the values over kStep, and of the best total variance
        EXPECT_NEAR(at.slope, slope, 1e-7 * size);
        if (!has_normal) {
          EXPECT_NEAR(at.curvature, curvature, 1e-5 * size);
        }
        EXPECT_EQ(at.phi, phi(x));
      }
    }
  }
}

TEST_P(Penalised, HasItsSlopeAtZero) {
  const double n = static_cast<double>(model_.y.size());
  for (const NamedPrior& each : all_priors(model_.kappa)) {
    SCOPED_TRACE(each.name);
    for (const bool has_normal : {false, true}) {
      const PenalisedLikelihood f = objective(each.prior, has_normal);
      const double slope = f.slope_at_zero(), close = f.at(phi(-14)).value;
      if (std::isinf(slope)) {
        EXPECT_EQ(slope > 0, close > f.at(phi(-16)).value);
        continue;
      }
      const double ratio = std::exp(phi(-14));
      const double wanted = (close - f.at_share({0, 1}).value) / ratio;
      // the second derivative times 1e-6, rounding of the values over 1e-6
      EXPECT_NEAR(slope, wanted, 1e-4 * n * n * model_.kappa);
      EXPECT_EQ(slope > 0, wanted > 0);
    }
  }
}

TEST_P(Penalised, IsTheLikelihoodUnderFlatPriors) {
  const ProfiledLikelihood likelihood(model_.spectral(), Criterion::ml);
  for (const bool is_on_shares : {false, true}) {
    const PenalisedLikelihood f = objective({is_on_shares, {}, {}, model_.kappa}, false);
    EXPECT_EQ(f.is_unbounded(), likelihood.is_unbounded());
    EXPECT_EQ(f.has_limit_at_one(), likelihood.has_limit_at_one());
    EXPECT_LT(distance(f.slope_at_zero(), likelihood.slope_at_zero()), 1e-10);
    std::vector<Share> shares = {{0, 1}, {0.02, 0.98}, {0.4, 0.6}, {0.99, 0.01}};
    if (likelihood.has_limit_at_one()) shares.push_back({1, 0});
    for (const Share& share : shares) {
      SCOPED_TRACE(share.h);
      const ProfilePoint a = f.at_share(share), b = likelihood.at_share(share);
      const double n = static_cast<double>(model_.y.size());
      // 1e-10: tau^2 is found to 1e-15, but the terms of the curvature are up to n in size
      EXPECT_NEAR(a.value, b.value, 1e-10 * n);
      EXPECT_NEAR(a.slope, b.slope, 1e-10 * n);
      EXPECT_NEAR(a.curvature, b.curvature, 1e-10 * n);
      EXPECT_LT(distance(a.tau2, b.tau2), 1e-10);
      EXPECT_EQ(a.phi, b.phi);
    }
  }
}

TEST_P(Penalised, KnowsWhatItDoesWithoutNoise) {
  const double threshold = 1 + 0.5 * static_cast<double>(model_.spectral().null_dimension());
  for (const double b : {0.3, 0.75, 1.0, threshold - 0.25, threshold + 0.25}) {
    for (const ParameterDensity& total :
         {ParameterDensity{}, ParameterDensity{DensityKind::jeffreys},
          ParameterDensity{DensityKind::half_t, 3, 0.8}}) {
      for (const bool has_normal : {false, true}) {
        SCOPED_TRACE(b);
        SCOPED_TRACE(static_cast<int>(total.kind));
        const VariancePrior prior{true, {DensityKind::beta, 1, b}, total, model_.kappa};
        const PenalisedLikelihood f = objective(prior, has_normal);
        const double slope = f.at(phi(60)).slope;  // what is left is of the order exp(-60)
        EXPECT_EQ(f.is_unbounded(), slope > 0.01) << slope;
        EXPECT_EQ(f.has_limit_at_one(), std::abs(slope) < 0.01) << slope;
        if (!f.has_limit_at_one()) continue;
        const ProfilePoint limit = f.at_share({1, 0});
        EXPECT_NEAR(limit.value, f.at(phi(30)).value, 1e-6);  // exp(-30) times the condition of K
        EXPECT_NEAR(limit.slope, 0, 1e-10);
      }
    }
  }
}

TEST_P(Penalised, IsUnboundedWhereTheResidualPriorIs) {
  const double m = static_cast<double>(model_.spectral().null_dimension());
  const bool is_fitted = model_.spectral().null_residual() == 0;
  const ParameterDensity flat, jeffreys{DensityKind::jeffreys};
  const PenalisedLikelihood explodes = objective({false, flat, jeffreys, model_.kappa}, false);
  EXPECT_EQ(explodes.is_unbounded(), is_fitted);
  EXPECT_FALSE(explodes.has_limit_at_one());
  if (is_fitted) {
    EXPECT_NEAR(explodes.at(phi(60)).slope, 0.5 * m + 1, 1e-6);
  }
  const PenalisedLikelihood vanishes =
      objective({false, flat, {DensityKind::inverse_gamma, 2, 1}, model_.kappa}, false);
  EXPECT_FALSE(vanishes.is_unbounded());
  EXPECT_FALSE(vanishes.has_limit_at_one());
  EXPECT_LT(vanishes.at(phi(60)).slope, 0);
}

INSTANTIATE_TEST_SUITE_P(EveryModel, Penalised, ::testing::ValuesIn(uncentred_specs(800)),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

}  // namespace
}  // namespace hdlmm_test
