#ifndef HDLMM_INFERENCE_EM_STEP_HPP
#define HDLMM_INFERENCE_EM_STEP_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "hdlmm/core/sum_log.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/model/variance_prior.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

enum class EmKind { em, pxem };

/// What EM maximises, and over which missing data.
struct EmModel {
  Criterion criterion = Criterion::reml;
  EmKind kind = EmKind::em;
  double n_effects = 0;  ///< p: coefficients whose prior variance is sigma_b^2, at least rank(K)
  std::optional<VariancePrior> prior;  ///< by the measure on which it is stated; ML and plain EM
  Matrix fixed_precision;              ///< [c x c], of delta with prior mean 0; empty: flat
};

/// Parameters of y ~ N(Q delta, sigma_b^2 K + sigma_e^2 I).
struct EmState {
  double random = 0;    ///< sigma_b^2
  double residual = 0;  ///< sigma_e^2
  Vector delta;         ///< [c]; not used by REML
};

/// One application of EM: the objective where it starts, and where it leads.
struct EmStep {
  EmState state;
  double value = 0;
  EmState next;
};

/// h, nu and tau^2 of two variances.
struct ScaledShare {
  Share share;
  double tau2 = 0;

  static ScaledShare from_variances(double random, double residual, double kappa) {
    const double tau2 = kappa * random + residual;
    return {{kappa * random / tau2, residual / tau2}, tau2};
  }
};

/// Expected complete-data sums of squares over their counts: the variances' M-step.
struct VarianceSums {
  double random = 0;    ///< E |beta|^2
  double residual = 0;  ///< E |e|^2
  double n_random = 0;
  double n_residual = 0;
};

namespace em_detail {

constexpr double kLog2Pi = 1.8378770664093454836;

/// -1/2 (p u + S_b exp(-u)) - 1/2 (n v + S_e exp(-v)) + log prior(u, v), with derivatives.
inline LogPrior expected_posterior(const VarianceSums& sums, const VariancePrior& prior, double u,
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

/// Newton's direction uphill: the Hessian is shifted until it is negative definite, and no
/// logarithm moves by more than kLongest.
inline std::pair<double, double> ascent_direction(const LogPrior& at) {
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

}  // namespace em_detail

namespace em_detail {

/// Whether b is higher than a by what was promised or, where values differ by rounding only, has
/// the smaller gradient.
inline bool is_better(const LogPrior& b, const LogPrior& a, double promised) {
  if (b.value > a.value + 1e-4 * promised) return true;
  const double rounding = 8 * std::numeric_limits<double>::epsilon() * std::abs(a.value);
  const double before = std::abs(a.du) + std::abs(a.dv), after = std::abs(b.du) + std::abs(b.dv);
  return std::abs(b.value - a.value) <= rounding && after < before;
}

/// One step uphill from (u, v), halved until it is better; whether there was one worth going on.
inline bool climb(const VarianceSums& sums, const VariancePrior& prior, double& u, double& v,
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

/// alpha of PX-EM, which is known to rounding only: zero would end EM on the boundary.
inline double expansion(double numerator, double denominator) {
  const double alpha = numerator / denominator;
  return std::copysign(std::max(std::abs(alpha), 1e-15), alpha);
}

}  // namespace em_detail

/// Variances that maximise the expected log posterior; never below its value at `start`.
inline std::pair<double, double> maximise_variances(const VarianceSums& sums,
                                                    const VariancePrior& prior,
                                                    const EmState& start) {
  constexpr int kSteps = 100;
  double u = std::log(sums.random / sums.n_random), v = std::log(sums.residual / sums.n_residual);
  LogPrior at = em_detail::expected_posterior(sums, prior, u, v);
  const double u0 = std::log(start.random), v0 = std::log(start.residual);
  const LogPrior at_start = em_detail::expected_posterior(sums, prior, u0, v0);
  if (!(at.value >= at_start.value)) {
    u = u0;
    v = v0;
    at = at_start;
  }
  for (int step = 0; step < kSteps; ++step) {
    if (!em_detail::climb(sums, prior, u, v, at)) break;
  }
  return {std::exp(u), std::exp(v)};
}

/// The map of parameters that EM iterates.
class EmMap {
 public:
  virtual ~EmMap() = default;
  /// Both variances positive.
  EmStep advance(const EmState& state) { return do_advance(state); }

 private:
  virtual EmStep do_advance(const EmState& state) = 0;
};

/// EM for ML, and for MAP, with beta as the missing data: O(r c) a step.
///
/// Works in the turned basis of SpectralParts with eps = turn' delta - null_shift, where
/// y - Q delta is y - z eps along U and -null_scale eps (and null_rest) in null(K). Along the
/// right singular vectors the coefficients have data precision diag(d) / sigma_e^2. A mean shift
/// adds one observation of (coordinates, rest2^1/2)'beta, along o / |o|, by Sherman & Morrison's
/// formula: so that each step is that of the textbook on the user's own columns.
class MarginalEm final : public EmMap {
 public:
  MarginalEm(const SpectralSystem& system, EmModel model)
      : parts_(system.parts()), model_(std::move(model)), root_d_(parts_.d.cwiseSqrt()) {
    const Index c = parts_.n_fixed(), rho = parts_.null_in_fixed();
    if (model_.prior && model_.kind != EmKind::em) {
      throw std::invalid_argument("PX-EM has no closed step under a prior of the variances");
    }
    shift_ = Vector::Zero(c);
    shift_.head(rho) = parts_.null_shift;
    if (model_.fixed_precision.size() > 0) {
      precision_ = parts_.turn.transpose() * model_.fixed_precision * parts_.turn;
    }
    if (!parts_.mean.is_present()) return;
    constant_norm_ = std::sqrt(parts_.mean.constant_norm2);
    constant_ = parts_.turn.transpose() * parts_.mean.constant / constant_norm_;
    constant_null_ = constant_.head(rho).cwiseProduct(parts_.null_scale);
    constant_null_.normalize();
  }

 private:
  /// What the E-step leaves for the M-step.
  struct Expectation {
    Vector fitted;         ///< [r], X E beta along U
    double along = 0;      ///< X E beta along o / |o|
    double norm2 = 0;      ///< |E beta|^2
    double tr_beta = 0;    ///< tr Var beta
    double tr_fitted = 0;  ///< tr X Var(beta) X'
    double quadratic = 0;  ///< (y - Q delta)' V^-1 (y - Q delta)
    double log_det = 0;    ///< log|V|
  };

  EmStep do_advance(const EmState& state) override {
    const Vector eps = transpose_times(parts_.turn, state.delta) - shift_;
    const Expectation e = expect(state, eps);
    EmStep step;
    step.state = state;
    step.value =
        -0.5 * (static_cast<double>(parts_.n) * em_detail::kLog2Pi + e.log_det + e.quadratic);
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

  Expectation expect(const EmState& state, const Vector& eps) const {
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

  /// The observation of m'beta along o / |o|: b [r] and the moments without it become those with.
  void observe_constant(const EmState& state, const Vector& noise, const Vector& null, Vector& b,
                        Expectation& out) const {
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

  EmState maximise(const EmState& state, const Expectation& e) const {
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
      alpha = em_detail::expansion(e.fitted.dot(rest) + e.along * seen, size2);
    }
    double null2 = parts_.null_residual * parts_.null_residual;
    null2 +=
        has_mean ? (null + alpha * e.along * constant_null_).squaredNorm() : null.squaredNorm();
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

  /// Least squares (ridge with a prior) of y - X E beta on the turned basis, less the shift.
  Vector fixed_step(const EmState& state, const Expectation& e) const {
    Vector eps = transpose_times(parts_.z, parts_.y - e.fitted);
    if (parts_.mean.is_present()) eps -= e.along * constant_;
    if (precision_.size() == 0) return eps;
    Matrix information = state.residual * precision_;
    information.diagonal().array() += 1;
    return Eigen::LLT<Matrix>(information).solve(eps + shift_) - shift_;
  }

  const SpectralParts& parts_;
  EmModel model_;
  Vector root_d_;     ///< [r]
  Vector shift_;      ///< [c]
  Matrix precision_;  ///< [c x c], turned
  double constant_norm_ = 0;
  Vector constant_;       ///< [c], o / |o| in the turned basis
  Vector constant_null_;  ///< [rho], o / |o| in the frame of null(K)
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_EM_STEP_HPP
