#include "hdlmm/inference/terms/variance_posterior.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

constexpr double kNowhere = -std::numeric_limits<double>::infinity();

double finite_or_nowhere(double log_density) {
  return std::isfinite(log_density) ? log_density : kNowhere;
}

}  // namespace

VariancePosterior::VariancePosterior(const TermsSystem& system, TermsPrior prior,
                                     Matrix fixed_precision)
    : system_(system),
      prior_(std::move(prior)),
      coordinates_(system.null_information(), system.model().shapes),
      marginal_(system.model().rows(), system.model().q.cols(), std::move(fixed_precision)) {}

bool VariancePosterior::is_in_range(const ConstVector& x) const {
  constexpr double kLimit = 690.775527898213705;  // log(1e300)
  return coordinates_.reach(x) < kLimit;
}

Covariances VariancePosterior::covariances(const ConstVector& x) const {
  return Covariances::of(coordinates_.shapes(), coordinates_.relative(x));
}

/// By the measure of half vectors; the prior knows the columns that the user gave.
double VariancePosterior::log_covariance_prior(std::vector<Matrix> sigma, double sigma2) const {
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    if (sigma[k].rows() > 1) sigma[k] = congruent(system_.model().turns[k], sigma[k]);
  }
  return prior_.log_density(sigma, sigma2, TermsMeasure::volume).value;
}

double VariancePosterior::log_prior(const ConstVector& x) const {
  if (!is_in_range(x)) return kNowhere;
  const double sigma2 = std::exp(x[coordinates_.parameters()]);
  std::vector<Matrix> sigma = coordinates_.relative(x);
  for (Matrix& one : sigma) one *= sigma2;
  return finite_or_nowhere(log_covariance_prior(std::move(sigma), sigma2) +
                           coordinates_.log_volume(x));
}

double VariancePosterior::log_absolute_prior(const ConstVector& absolute) const {
  if (!is_in_range(absolute)) return kNowhere;
  const double sigma2 = std::exp(absolute[coordinates_.parameters()]);
  return finite_or_nowhere(log_covariance_prior(coordinates_.relative(absolute), sigma2) +
                           coordinates_.log_absolute_volume(absolute));
}

double VariancePosterior::log_density(const ConstVector& x, const ConstVector& outputs) const {
  const double prior = log_prior(x);
  if (prior == kNowhere) return kNowhere;
  const double likelihood = marginal_.log_likelihood(outputs, x[coordinates_.parameters()]);
  return finite_or_nowhere(prior + likelihood);
}

VariancePoint VariancePosterior::at(const ConstVector& x, const Context& context,
                                    std::unique_ptr<TermsFactor>& factor) const {
  factor.reset();
  VariancePoint out{x, MarginalSummary(), Vector(), kNowhere, true};
  if (log_prior(x) == kNowhere) return out;
  try {
    factor = system_.factor(covariances(x), context);
  } catch (const std::runtime_error&) {
    return out;  // V is not positive definite to rounding: no place to go
  }
  out.summary = summary_of(*factor);
  out.outputs = marginal_.outputs(out.summary);
  if (out.outputs.allFinite()) out.density = log_density(x, out.outputs);
  if (out.density == kNowhere) factor.reset();
  return out;
}

}  // namespace hdlmm
