#include "hdlmm/objective/penalised_likelihood.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/marginal/prior_directions.hpp"

namespace hdlmm {

PenalisedLikelihood::PenalisedLikelihood(const SpectralSystem& system, const VariancePrior& prior,
                                         Matrix prior_root)
    : ShareObjective(system),
      spectral_(system),
      prior_(prior),
      prior_root_(std::move(prior_root)) {}

ProfilePoint PenalisedLikelihood::at_share(const Share& share) const {
  const double t = best_log_total(share);
  const double tau2 = std::exp(t), n = degrees(), h = share.h, nu = share.nu;
  const Evaluation e = at_total(tau2).evaluate(share, Detail::marginal);
  const double hk = h / system().kappa();
  const LogPrior p = prior_at(share, t);
  const double quad = hk * e.quad_k + e.quad_noise;  // y'P V P y
  const double det1 = nu * hk * e.tr_vk - h * e.tr_v_noise;
  const double det2 = hk * e.tr_vk - hk * hk * e.tr_vkvk - n * h * nu;
  const double rss1 = -(hk * e.quad_k - h * quad);
  const double rss2 = -(nu * hk * e.quad_k - 2 * hk * hk * e.quad_kk + 2 * h * hk * e.quad_k -
                        h * nu * quad - h * rss1);
  ProfilePoint point;
  point.share = share;
  point.phi = std::log(hk) - std::log(nu);
  point.tau2 = tau2;
  point.value = -0.5 * (n * (kLog2Pi + t) + e.log_det_v + e.rss / tau2) + p.value;
  point.slope = -0.5 * (det1 + rss1 / tau2) + nu * p.du - h * p.dv;
  const double along2 =
      nu * nu * p.duu - 2 * nu * h * p.duv + h * h * p.dvv - h * nu * (p.du + p.dv);
  const double cross = nu * (p.duu + p.duv) - h * (p.duv + p.dvv);
  const double f_pp = -0.5 * (det2 + rss2 / tau2) + along2;
  const double f_pt = 0.5 * rss1 / tau2 + cross;
  const double f_tt = -0.5 * quad / tau2 + p.duu + 2 * p.duv + p.dvv;
  point.curvature = f_tt < 0 ? f_pp - f_pt * f_pt / f_tt : f_pp;
  return point;
}

double PenalisedLikelihood::slope_at_zero() const {
  const double pull = prior_slope_at_zero();
  if (std::isinf(pull)) return pull;
  const Share zero{0, 1};
  const double tau2 = std::exp(best_log_total(zero)), kappa = system().kappa();
  const Evaluation e = at_total(tau2).evaluate(zero, Detail::marginal);
  return -0.5 * (e.tr_vk - kappa * degrees()) + 0.5 * (e.quad_k - kappa * e.quad_noise) / tau2 +
         pull;
}

bool PenalisedLikelihood::is_unbounded() const {
  if (system().null_residual() > 0) {
    const bool is_flat = prior_.is_on_shares && prior_.second.kind == DensityKind::flat;
    return is_flat && 0.5 * static_cast<double>(spectral_.parts().rank()) < -exponent_at_one();
  }
  return 0.5 * static_cast<double>(system().ml_null_dimension()) > exponent_at_one();
}

bool PenalisedLikelihood::has_limit_at_one() const {
  return system().has_ml_limit_at_one() && exponent_at_one() == 0;
}

SpectralSystem PenalisedLikelihood::at_total(double tau2) const {
  if (prior_root_.rows() == 0) return spectral_;
  return spectral_.with_prior_rows(std::sqrt(tau2) * prior_root_);
}

LogPrior PenalisedLikelihood::prior_at(const Share& share, double t) const {
  // log_prior adds the variances up as logarithms: none is the smallest number in the place of 0
  const double nu = std::max(share.nu, std::numeric_limits<double>::min());
  const double u = t + std::log(share.h / system().kappa()), v = t + std::log(nu);
  return log_prior(prior_, u, v, PriorMeasure::stated);
}

double PenalisedLikelihood::exponent_at_one() const {
  const ParameterDensity& d = prior_.is_on_shares ? prior_.first : prior_.second;
  if (d.kind == DensityKind::beta) return d.b - 1;
  if (d.kind == DensityKind::jeffreys) return -1;
  return d.kind == DensityKind::inverse_gamma ? std::numeric_limits<double>::infinity() : 0;
}

double PenalisedLikelihood::prior_slope_at_zero() const {
  const ParameterDensity& d = prior_.first;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (d.kind == DensityKind::inverse_gamma) return kInfinity;
  if (d.kind == DensityKind::jeffreys) return -kInfinity;
  double out = 0;
  if (d.kind == DensityKind::beta) {
    if (d.a != 1) return d.a > 1 ? kInfinity : -kInfinity;
    out = -(d.b - 1) * system().kappa();
  }
  if (prior_.is_on_shares) return out;
  const double t = best_log_total(Share{0, 1});
  if (d.kind == DensityKind::half_t) out = -0.5 * (d.a + 1) / (d.a * d.b) * std::exp(t);
  const auto residual = on_log_variance(prior_.second, t, PriorMeasure::stated).slope;
  return out - system().kappa() * residual;
}

PenalisedLikelihood::TotalCurve PenalisedLikelihood::total_curve(const Share& share) const {
  const bool is_flat = prior_root_.rows() == 0;
  const Evaluation e = spectral_.evaluate(share, is_flat ? Detail::marginal : Detail::all);
  TotalCurve out;
  out.share = share;
  out.rss = e.rss;
  if (is_flat) return out;
  const Matrix half = product_transpose(prior_root_, spectral_.parts().turn);
  PriorDirections directions = prior_directions(half, e);
  out.spread = std::move(directions.spread);
  out.b2 = std::move(directions.along2);
  return out;
}

PriorCurve PenalisedLikelihood::on_log_total(const TotalCurve& curve, double t) const {
  PriorCurve out = total_prior(curve.share, t);
  const double n = degrees(), scaled = curve.rss * std::exp(-t);
  out.value -= 0.5 * (n * t + scaled);
  out.slope -= 0.5 * (n - scaled);
  for (Index i = 0; i < curve.b2.size(); ++i) {
    const double x = std::exp(t) * curve.spread[i];
    out.value -= 0.5 * curve.b2[i] / (x + 1);
    out.slope += 0.5 * curve.b2[i] * x / ((x + 1) * (x + 1));
  }
  return out;
}

double PenalisedLikelihood::best_log_total(const Share& share) const {
  constexpr double kStep = 0.25;  // a term of the sum bends within about two units
  const TotalCurve curve = total_curve(share);
  const auto rises = [&](double t) { return on_log_total(curve, t).slope > 0; };
  double low = std::log(curve.rss / degrees()), total = curve.rss;
  for (Index i = 0; i < curve.b2.size(); ++i) {
    if (curve.spread[i] > 0) total += curve.b2[i] / curve.spread[i];
  }
  double high = std::max(low, std::log(total / degrees()));
  for (int i = 0; i < 200 && !rises(low); ++i) low -= 1 + 0.5 * i;
  for (int i = 0; i < 200 && rises(high); ++i) high += 1 + 0.5 * i;
  if (curve.b2.size() == 0) return turning_point(rises, low, high);
  double best = low, best_value = -std::numeric_limits<double>::infinity();
  const int steps = 1 + static_cast<int>((high - low) / kStep);
  for (int i = 0; i < steps; ++i) {
    const double a = low + (high - low) * i / steps, b = low + (high - low) * (i + 1) / steps;
    if (!rises(a) || rises(b)) continue;
    const double at = turning_point(rises, a, b), value = on_log_total(curve, at).value;
    if (value > best_value) {
      best = at;
      best_value = value;
    }
  }
  return best;
}

template <typename Rises>
double PenalisedLikelihood::turning_point(const Rises& rises, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-15 * (1 + std::abs(low)); ++i) {
    const double middle = 0.5 * (low + high);
    (rises(middle) ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

PriorCurve PenalisedLikelihood::total_prior(const Share& share, double t) const {
  constexpr auto kStated = PriorMeasure::stated;
  if (prior_.is_on_shares) return on_log_variance(prior_.second, t, kStated);
  PriorCurve out;
  const auto add = [&](const ParameterDensity& density, double log_variance) {
    const auto curve = on_log_variance(density, log_variance, kStated);
    out.value += curve.value;
    out.slope += curve.slope;
  };
  if (share.h > 0) add(prior_.first, t + std::log(share.h / system().kappa()));
  if (share.nu > 0) add(prior_.second, t + std::log(share.nu));
  return out;
}

}  // namespace hdlmm
