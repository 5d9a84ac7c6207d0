#include "hdlmm/model/variance_prior.hpp"

#include <algorithm>

namespace hdlmm {

namespace {

/// The density of a share as a function of x = log(h / (1 - h)).
PriorCurve on_logit(const ParameterDensity& density, double x, PriorMeasure measure) {
  const bool is_beta = density.kind == DensityKind::beta;
  const double jacobian = measure == PriorMeasure::log_variances ? 1 : 0;
  const double a = (is_beta ? density.a - 1 : 0) + jacobian;
  const double b = (is_beta ? density.b - 1 : 0) + jacobian;
  const double h = logistic(x), nu = logistic(-x);
  PriorCurve out;
  if (a != 0) out.value -= a * softplus(-x);
  if (b != 0) out.value -= b * softplus(x);
  out.slope = a * nu - b * h;
  out.curvature = -(a + b) * h * nu;
  return out;
}

}  // namespace

double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

PriorCurve on_log_variance(const ParameterDensity& density, double x, PriorMeasure measure) {
  PriorCurve out;
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

LogPrior log_prior(const VariancePrior& prior, double u, double v, PriorMeasure measure) {
  LogPrior out;
  if (!prior.is_on_shares) {
    const PriorCurve random = on_log_variance(prior.first, u, measure);
    const PriorCurve residual = on_log_variance(prior.second, v, measure);
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
  const double h = logistic(x), nu = logistic(-x);
  const PriorCurve share = on_logit(prior.first, x, measure);
  const PriorCurve total = on_log_variance(prior.second, t, measure);
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
