// Densities of the variances against their formulae, in value, derivatives and measure.

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/model/variance_prior.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::DensityKind;
using hdlmm::log_prior;
using hdlmm::LogPrior;
using hdlmm::ParameterDensity;
using hdlmm::PriorMeasure;
using hdlmm::VariancePrior;

constexpr PriorMeasure kMeasures[] = {PriorMeasure::stated, PriorMeasure::log_variances};

std::vector<VariancePrior> all_priors() {
  const std::vector<ParameterDensity> of_variances = {{},
                                                      {DensityKind::jeffreys},
                                                      {DensityKind::inverse_gamma, 2.5, 0.7},
                                                      {DensityKind::half_t, 3, 0.4}};
  const std::vector<ParameterDensity> of_shares = {
      {}, {DensityKind::beta, 1, 1}, {DensityKind::beta, 0.5, 3}, {DensityKind::beta, 2.5, 0.5}};
  std::vector<VariancePrior> out;
  for (const ParameterDensity& second : of_variances) {
    for (const ParameterDensity& first : of_variances) out.push_back({false, first, second, 1});
    for (const ParameterDensity& first : of_shares) out.push_back({true, first, second, 2.7});
  }
  return out;
}

std::string name_of(const VariancePrior& prior) {
  return std::string(prior.is_on_shares ? "shares " : "variances ") +
         std::to_string(static_cast<int>(prior.first.kind)) + "(" + std::to_string(prior.first.a) +
         ") " + std::to_string(static_cast<int>(prior.second.kind));
}

/// Log density by the parameter on which it is stated, as in the header's words.
double plain_density(const ParameterDensity& density, double x) {
  switch (density.kind) {
    case DensityKind::jeffreys:
      return -std::log(x);
    case DensityKind::inverse_gamma:
      return -(density.a + 1) * std::log(x) - density.b / x;
    case DensityKind::half_t:  // of the square root of x
      return -0.5 * (density.a + 1) * std::log1p(x / (density.a * density.b));
    case DensityKind::beta:
      return (density.a - 1) * std::log(x) + (density.b - 1) * std::log1p(-x);
    default:
      return 0;
  }
}

/// Derivative of the parameter by the log of the variance, up to a constant factor.
double log_stretch(const ParameterDensity& density, double log_variance) {
  return density.kind == DensityKind::half_t ? 0.5 * log_variance : log_variance;
}

struct Parameters {
  double share, total;
};

Parameters parameters(const VariancePrior& prior, double u, double v) {
  const double random = prior.kappa * std::exp(u), total = random + std::exp(v);
  return {random / total, total};
}

double plain_prior(const VariancePrior& prior, double u, double v) {
  if (!prior.is_on_shares) {
    return plain_density(prior.first, std::exp(u)) + plain_density(prior.second, std::exp(v));
  }
  const Parameters at = parameters(prior, u, v);
  return plain_density(prior.first, at.share) + plain_density(prior.second, at.total);
}

/// log |d(parameters) / d(u, v)| up to a constant.
double log_jacobian(const VariancePrior& prior, double u, double v) {
  if (!prior.is_on_shares) return log_stretch(prior.first, u) + log_stretch(prior.second, v);
  const Parameters at = parameters(prior, u, v);
  return std::log(at.share * (1 - at.share)) + log_stretch(prior.second, std::log(at.total));
}

struct Place {
  double u, v;
};
const std::vector<Place> kPlaces = {{-0.3, 0.4}, {1.2, -0.8}, {-3, 1}, {2.5, 2}};

TEST(LogPrior, IsTheDensityThatIsStated) {
  for (const VariancePrior& prior : all_priors()) {
    SCOPED_TRACE(name_of(prior));
    for (const Place& at : kPlaces) {
      // rounding of a few logarithms and of 1 - h
      EXPECT_NEAR(log_prior(prior, at.u, at.v, PriorMeasure::stated).value,
                  plain_prior(prior, at.u, at.v), 1e-11);
    }
  }
}

TEST(LogPrior, GainsTheJacobianByTheLogVariances) {
  for (const VariancePrior& prior : all_priors()) {
    SCOPED_TRACE(name_of(prior));
    const auto gain = [&](const Place& at) {
      return log_prior(prior, at.u, at.v, PriorMeasure::log_variances).value -
             log_prior(prior, at.u, at.v, PriorMeasure::stated).value;
    };
    const auto wanted = [&](const Place& at) { return log_jacobian(prior, at.u, at.v); };
    for (const Place& at : kPlaces) {  // differences: constants are left out
      EXPECT_NEAR(gain(at) - gain(kPlaces[0]), wanted(at) - wanted(kPlaces[0]), 1e-11);
    }
  }
}

TEST(LogPrior, HasTheGradientAndTheHessianOfItsValue) {
  constexpr double kStep = 1e-3;
  const auto slope = [](const auto& f) {
    return (8 * (f(kStep) - f(-kStep)) - (f(2 * kStep) - f(-2 * kStep))) / (12 * kStep);
  };
  for (const VariancePrior& prior : all_priors()) {
    SCOPED_TRACE(name_of(prior));
    for (const PriorMeasure measure : kMeasures) {
      for (const Place& at : kPlaces) {
        const auto f = [&](double du, double dv) {
          return log_prior(prior, at.u + du, at.v + dv, measure);
        };
        const LogPrior p = f(0, 0);
        // formula error kStep^4 times up to 14 = b exp(3), rounding over kStep
        EXPECT_NEAR(p.du, slope([&](double x) { return f(x, 0).value; }), 1e-9);
        EXPECT_NEAR(p.dv, slope([&](double x) { return f(0, x).value; }), 1e-9);
        EXPECT_NEAR(p.duu, slope([&](double x) { return f(x, 0).du; }), 1e-9);
        EXPECT_NEAR(p.dvv, slope([&](double x) { return f(0, x).dv; }), 1e-9);
        EXPECT_NEAR(p.duv, slope([&](double x) { return f(0, x).du; }), 1e-9);
        EXPECT_NEAR(p.duv, slope([&](double x) { return f(x, 0).dv; }), 1e-9);
      }
    }
  }
}

TEST(LogPrior, DoesNotOverflowFarOut) {
  for (const VariancePrior& prior : all_priors()) {
    SCOPED_TRACE(name_of(prior));
    for (const PriorMeasure measure : kMeasures) {
      for (const Place& at : {Place{300, 300}, {300, -300}, {-300, 300}, {-300, -300}}) {
        const LogPrior p = log_prior(prior, at.u, at.v, measure);
        for (const double x : {p.value, p.du, p.dv, p.duu, p.duv, p.dvv}) {
          EXPECT_TRUE(std::isfinite(x)) << at.u << " " << at.v;
        }
      }
    }
  }
}

TEST(LogPrior, HasItsTailsFarOut) {
  const VariancePrior prior{true, {DensityKind::beta, 2, 3.5}, {DensityKind::jeffreys}, 1};
  constexpr auto kStated = PriorMeasure::stated;
  // h = exp(-600), then 1 - h = exp(-600): powers 1 and 2.5 of them, over tau^2 = exp(300)
  EXPECT_NEAR(log_prior(prior, -300, 300, kStated).value, -600 - 300, 1e-9);
  EXPECT_NEAR(log_prior(prior, 300, -300, kStated).value, -2.5 * 600 - 300, 1e-9);
}

}  // namespace
}  // namespace hdlmm_test
