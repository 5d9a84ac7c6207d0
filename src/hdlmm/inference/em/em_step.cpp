#include "hdlmm/inference/em/em_step.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// Newton's direction uphill: the Hessian is shifted until it is negative definite, and no
/// logarithm moves by more than kLongest.
std::pair<double, double> ascent_direction(const LogPrior& at) {
  constexpr double kLongest = 4;
  const double mean = 0.5 * (at.duu + at.dvv), half = 0.5 * (at.duu - at.dvv);
  const double radius = std::hypot(half, at.duv), largest = mean + radius;
  const double floor = 1e-3 * (std::abs(mean) + radius) + 1e-300;
  const double shift = largest < -floor ? 0 : largest + floor;
  const double a = shift - at.duu, b = -at.duv, c = shift - at.dvv, det = a * c - b * b;
  double du = (c * at.du - b * at.dv) / det, dv = (a * at.dv - b * at.du) / det;
  const double longest = std::max(std::abs(du), std::abs(dv));
  if (longest > kLongest) {
    du *= kLongest / longest;
    dv *= kLongest / longest;
  }
  return {du, dv};
}

/// Whether b is higher than a by what was promised or, where values differ by rounding only, has
/// the smaller gradient.
bool is_better(const LogPrior& b, const LogPrior& a, double promised) {
  if (b.value > a.value + 1e-4 * promised) return true;
  const double rounding = 8 * std::numeric_limits<double>::epsilon() * std::abs(a.value);
  const double before = std::abs(a.du) + std::abs(a.dv), after = std::abs(b.du) + std::abs(b.dv);
  return std::abs(b.value - a.value) <= rounding && after < before;
}

/// One step uphill from (u, v), halved until it is better; whether there was one worth going on.
bool climb(const VarianceSums& sums, const VariancePrior& prior, double& u, double& v,
           LogPrior& at) {
  constexpr int kHalvings = 40;
  const auto [du, dv] = ascent_direction(at);
  const double promised = at.du * du + at.dv * dv;
  double length = 1;
  for (int i = 0; i < kHalvings; ++i, length *= 0.5) {
    const LogPrior trial = expected_posterior(sums, prior, u + length * du, v + length * dv);
    if (!is_better(trial, at, length * promised)) continue;
    u += length * du;
    v += length * dv;
    at = trial;
    return length * std::max(std::abs(du), std::abs(dv)) > 1e-13;
  }
  return false;
}

}  // namespace

ScaledShare ScaledShare::from_variances(double random, double residual, double kappa) {
  const double tau2 = kappa * random + residual;
  return {{kappa * random / tau2, residual / tau2}, tau2};
}

LogPrior expected_posterior(const VarianceSums& sums, const VariancePrior& prior, double u,
                            double v) {
  LogPrior out = log_prior(prior, u, v, PriorMeasure::stated);
  const double pull_u = 0.5 * sums.random * std::exp(-u);
  const double pull_v = 0.5 * sums.residual * std::exp(-v);
  out.value -= 0.5 * (sums.n_random * u + sums.n_residual * v) + pull_u + pull_v;
  out.du += pull_u - 0.5 * sums.n_random;
  out.dv += pull_v - 0.5 * sums.n_residual;
  out.duu -= pull_u;
  out.dvv -= pull_v;
  return out;
}

double expansion_factor(double numerator, double denominator) {
  const double alpha = numerator / denominator;
  return std::copysign(std::max(std::abs(alpha), 1e-15), alpha);
}

std::pair<double, double> maximise_variances(const VarianceSums& sums, const VariancePrior& prior,
                                             const EmState& start) {
  constexpr int kSteps = 100;
  double u = std::log(sums.random / sums.n_random), v = std::log(sums.residual / sums.n_residual);
  LogPrior at = expected_posterior(sums, prior, u, v);
  const double u0 = std::log(start.random), v0 = std::log(start.residual);
  const LogPrior at_start = expected_posterior(sums, prior, u0, v0);
  if (!(at.value >= at_start.value)) {
    u = u0;
    v = v0;
    at = at_start;
  }
  for (int step = 0; step < kSteps; ++step) {
    if (!climb(sums, prior, u, v, at)) break;
  }
  return {std::exp(u), std::exp(v)};
}

MarginalEm::MarginalEm(const SpectralSystem& system, EmModel model)
    : parts_(system.parts()), model_(std::move(model)), root_d_(parts_.d.cwiseSqrt()) {
  const Index c = parts_.n_fixed(), rho = parts_.null_in_fixed();
  if (model_.prior && model_.kind != EmKind::em) {
    throw std::invalid_argument("PX-EM has no closed step under a prior of the variances");
  }
  shift_ = Vector::Zero(c);
  shift_.head(rho) = parts_.null_shift;
  if (model_.fixed_precision.size() > 0) {
    precision_ = sandwich(parts_.turn, model_.fixed_precision);
  }
  if (!parts_.mean.is_present()) return;
  constant_norm_ = std::sqrt(parts_.mean.constant_norm2);
  constant_ = transpose_times(parts_.turn, parts_.mean.constant) / constant_norm_;
  constant_null_ = constant_.head(rho).cwiseProduct(parts_.null_scale);
  constant_null_.normalize();
}

EmStep MarginalEm::do_advance(const EmState& state) {
  const Vector eps = transpose_times(parts_.turn, state.delta) - shift_;
  const Expectation e = expect(state, eps);
  EmStep step;
  step.state = state;
  step.value = -0.5 * (static_cast<double>(parts_.n) * kLog2Pi + e.log_det + e.quadratic);
  if (model_.prior) {
    step.value += log_prior(*model_.prior, std::log(state.random), std::log(state.residual),
                            PriorMeasure::stated)
                      .value;
  }
  if (precision_.size() > 0) {
    step.value -= 0.5 * state.delta.dot(model_.fixed_precision * state.delta);
  }
  step.next = maximise(state, e);
  return step;
}

MarginalEm::Expectation MarginalEm::expect(const EmState& state, const Vector& eps) const {
  const double random = state.random, residual = state.residual;
  const Vector e = parts_.y - times(parts_.z, eps);
  const Vector s = (random * parts_.d).array() + residual;
  const Vector noise = residual * s.cwiseInverse();
  const Vector null = parts_.null_scale.cwiseProduct(eps.head(parts_.null_in_fixed()));
  const double null2 = parts_.null_residual * parts_.null_residual;
  Vector b = random * root_d_.cwiseProduct(e).cwiseQuotient(s);
  Expectation out;
  const double n_prior = model_.n_effects - static_cast<double>(parts_.rank());
  out.tr_beta = random * (noise.sum() + n_prior);
  out.tr_fitted = random * parts_.d.dot(noise);
  out.quadratic = e.cwiseAbs2().cwiseQuotient(s).sum();
  out.log_det = sum_log(s) + static_cast<double>(parts_.null_dimension()) * std::log(residual);
  if (parts_.mean.is_present()) {
    observe_constant(state, noise, null, b, out);
  } else {
    out.quadratic += (null2 + null.squaredNorm()) / residual;
    out.norm2 = b.squaredNorm();
  }
  out.fitted = root_d_.cwiseProduct(b);
  return out;
}

void MarginalEm::observe_constant(const EmState& state, const Vector& noise, const Vector& null,
                                  Vector& b, Expectation& out) const {
  const MeanShift& mean = parts_.mean;
  const double random = state.random, residual = state.residual, o2 = mean.constant_norm2;
  const Vector g = random * mean.coordinates.cwiseProduct(noise);
  const double root_rest = std::sqrt(mean.rest2), g_rest = random * root_rest;
  const double variance = mean.coordinates.dot(g) + root_rest * g_rest;
  const double total = residual + o2 * variance;
  const double seen = -constant_null_.dot(null);
  const double gap = seen - constant_norm_ * mean.coordinates.dot(b);
  const double others = (null + seen * constant_null_).squaredNorm();
  const double null2 = parts_.null_residual * parts_.null_residual;
  out.quadratic += gap * gap / total + (null2 + others) / residual;
  out.log_det += std::log(total / residual);
  out.tr_beta -= o2 * (g.squaredNorm() + g_rest * g_rest) / total;
  out.tr_fitted += o2 * (variance * residual - parts_.d.dot(g.cwiseAbs2())) / total;
  const double gain = constant_norm_ * gap / total, b_rest = g_rest * gain;
  b += gain * g;
  out.norm2 = b.squaredNorm() + b_rest * b_rest;
  out.along = constant_norm_ * (mean.coordinates.dot(b) + root_rest * b_rest);
}

EmState MarginalEm::maximise(const EmState& state, const Expectation& e) const {
  const Index rho = parts_.null_in_fixed();
  EmState next;
  const Vector eps = fixed_step(state, e);
  next.delta = times(parts_.turn, eps + shift_);
  const Vector rest = parts_.y - times(parts_.z, eps);
  const Vector null = parts_.null_scale.cwiseProduct(eps.head(rho));
  const bool has_mean = parts_.mean.is_present();
  double alpha = 1;
  const double size2 = e.fitted.squaredNorm() + e.along * e.along + e.tr_fitted;
  if (model_.kind == EmKind::pxem) {
    const double seen = has_mean ? -constant_null_.dot(null) : 0;
    alpha = expansion_factor(e.fitted.dot(rest) + e.along * seen, size2);
  }
  double null2 = parts_.null_residual * parts_.null_residual;
  null2 += has_mean ? (null + alpha * e.along * constant_null_).squaredNorm() : null.squaredNorm();
  VarianceSums sums;
  sums.n_random = model_.n_effects;
  sums.n_residual = static_cast<double>(parts_.n);
  sums.random = alpha * alpha * (e.norm2 + e.tr_beta);
  sums.residual = (rest - alpha * e.fitted).squaredNorm() + null2 + alpha * alpha * e.tr_fitted;
  if (model_.prior) {
    std::tie(next.random, next.residual) = maximise_variances(sums, *model_.prior, state);
  } else {
    next.random = sums.random / sums.n_random;
    next.residual = sums.residual / sums.n_residual;
  }
  return next;
}

Vector MarginalEm::fixed_step(const EmState& state, const Expectation& e) const {
  Vector eps = transpose_times(parts_.z, parts_.y - e.fitted);
  if (parts_.mean.is_present()) eps -= e.along * constant_;
  if (precision_.size() == 0) return eps;
  Matrix information = state.residual * precision_;
  information.diagonal().array() += 1;
  return solve_positive(information, eps + shift_) - shift_;
}

}  // namespace hdlmm
