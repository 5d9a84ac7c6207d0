#ifndef HDLMM_MODEL_VARIANCE_PRIOR_HPP
#define HDLMM_MODEL_VARIANCE_PRIOR_HPP

#include <algorithm>
#include <cmath>

#include "hdlmm/core/types.hpp"

namespace hdlmm {

enum class DensityKind { flat, jeffreys, inverse_gamma, half_t, beta };

/// A density of one parameter, without its normalising constant.
///
/// inverse_gamma: a = shape, b = scale, of a variance x: x^(-a-1) exp(-b/x). half_t: a = degrees
/// of freedom, b = squared scale, of a standard deviation. beta: a, b, of a share. flat: 1,
/// jeffreys: 1/x, of a variance.
struct ParameterDensity {
  DensityKind kind = DensityKind::flat;
  double a = 0;
  double b = 0;
};

/// By which measure a density of the variances is taken: that of the parameter on which each prior
/// is stated (for modes), or that of (log sigma_b^2, log sigma_e^2) (for integrals and sampling).
enum class PriorMeasure { stated, log_variances };

/// Priors of both variances: on (pve, total) or on (sigma_b^2, sigma_e^2) themselves.
struct VariancePrior {
  bool is_on_shares = false;
  ParameterDensity first;   ///< of pve = h, or of sigma_b^2
  ParameterDensity second;  ///< of the total tau^2 = kappa sigma_b^2 + sigma_e^2, or of sigma_e^2
  double kappa = 1;
};

/// A logarithm with gradient and Hessian in (u, v) = (log sigma_b^2, log sigma_e^2).
struct LogPrior {
  double value = 0;
  double du = 0, dv = 0;
  double duu = 0, duv = 0, dvv = 0;
};

namespace prior_detail {

struct Curve {
  double value = 0, slope = 0, curvature = 0;
};

/// log(1 + exp(x)) without overflow.
inline double softplus(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}
inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// The density of a variance as a function of x = log variance.
inline Curve on_log_variance(const ParameterDensity& density, double x, PriorMeasure measure) {
  Curve out;
  const bool is_log = measure == PriorMeasure::log_variances;
  double jacobian = is_log ? 1 : 0;
  switch (density.kind) {
    case DensityKind::jeffreys:
      out.slope = -1;
      out.value = -x;
      break;
    case DensityKind::inverse_gamma: {
      const double pull = density.b > 0 ? density.b * std::exp(-x) : 0;
      out.value = -(density.a + 1) * x - pull;
      out.slope = -(density.a + 1) + pull;
      out.curvature = -pull;
      break;
    }
    case DensityKind::half_t: {
      const double at = x - std::log(density.a * density.b), half = 0.5 * (density.a + 1);
      const double p = logistic(at);
      out.value = -half * softplus(at);
      out.slope = -half * p;
      out.curvature = -half * p * (1 - p);
      if (is_log) jacobian = 0.5;  // d sd = sd / 2 d log variance
      break;
    }
    default:
      break;
  }
  if (jacobian > 0) out.value += jacobian * x;
  out.slope += jacobian;
  return out;
}

/// The density of a share as a function of x = log(h / (1 - h)).
inline Curve on_logit(const ParameterDensity& density, double x, PriorMeasure measure) {
  const bool is_beta = density.kind == DensityKind::beta;
  const double jacobian = measure == PriorMeasure::log_variances ? 1 : 0;
  const double a = (is_beta ? density.a - 1 : 0) + jacobian;
  const double b = (is_beta ? density.b - 1 : 0) + jacobian;
  const double h = logistic(x), nu = logistic(-x);
  Curve out;
  if (a != 0) out.value -= a * softplus(-x);
  if (b != 0) out.value -= b * softplus(x);
  out.slope = a * nu - b * h;
  out.curvature = -(a + b) * h * nu;
  return out;
}

}  // namespace prior_detail

/// Log prior density at (u, v) = (log sigma_b^2, log sigma_e^2), without constants.
inline LogPrior log_prior(const VariancePrior& prior, double u, double v, PriorMeasure measure) {
  using prior_detail::Curve;
  LogPrior out;
  if (!prior.is_on_shares) {
    const Curve random = prior_detail::on_log_variance(prior.first, u, measure);
    const Curve residual = prior_detail::on_log_variance(prior.second, v, measure);
    out.value = random.value + residual.value;
    out.du = random.slope;
    out.dv = residual.slope;
    out.duu = random.curvature;
    out.dvv = residual.curvature;
    return out;
  }
  // x = logit h = u + log kappa - v; t = log tau^2 has gradient (h, nu); |d(x, t) / d(u, v)| = 1
  const double scaled = u + std::log(prior.kappa), x = scaled - v;
  const double t = std::max(scaled, v) + std::log1p(std::exp(-std::abs(x)));
  const double h = prior_detail::logistic(x), nu = prior_detail::logistic(-x);
  const Curve share = prior_detail::on_logit(prior.first, x, measure);
  const Curve total = prior_detail::on_log_variance(prior.second, t, measure);
  const double bend = total.slope * h * nu;
  out.value = share.value + total.value;
  out.du = share.slope + total.slope * h;
  out.dv = -share.slope + total.slope * nu;
  out.duu = share.curvature + total.curvature * h * h + bend;
  out.duv = -share.curvature + total.curvature * h * nu - bend;
  out.dvv = share.curvature + total.curvature * nu * nu + bend;
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_MODEL_VARIANCE_PRIOR_HPP
