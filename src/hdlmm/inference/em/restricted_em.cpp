#include "hdlmm/inference/em/restricted_em.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

double restricted_value(const SpectralParts& parts, const ScaledShare& at, const WhitenedData& w,
                        double rss) {
  const Index rest = parts.null_dimension() - parts.null_in_fixed();
  const double df = static_cast<double>(parts.n - parts.n_fixed());
  const double log_det =
      sum_log(w.s) + w.log_det_factor + static_cast<double>(rest) * std::log(at.share.nu);
  return -0.5 * (df * (kLog2Pi + std::log(at.tau2)) + log_det + rss / at.tau2);
}

/// Moments from the leverages of Q in the whitened data, w = system.whiten(at.share): O(r c).
RestrictedMoments moments_by_leverage(const SpectralSystem& system, double n_effects,
                                      const ScaledShare& at, const WhitenedData& w) {
  const SpectralParts& parts = system.parts();
  const double hk = at.share.h / system.kappa(), nu = at.share.nu, tau2 = at.tau2;
  const double null2 = nu * w.e_null.squaredNorm() + parts.null_residual * parts.null_residual;
  const Vector e2 = w.e.cwiseAbs2();
  Vector leverage = Vector::Zero(parts.rank());
  if (parts.n_fixed() > 0) leverage = w.q.rowwise().squaredNorm();
  const Vector left = w.noise + w.explained.cwiseProduct(leverage);  // 1 - explained (1 - lev)
  const double n_prior = n_effects - static_cast<double>(parts.rank());
  RestrictedMoments out;
  out.value = restricted_value(parts, at, w, e2.sum() + null2 / nu);
  out.effects = hk * w.explained.dot(e2) + tau2 * hk * (n_prior + left.sum());
  out.noise = nu * w.noise.dot(e2) + null2 +
              tau2 * nu * (w.explained.sum() + w.noise.dot(leverage) + w.q_null.squaredNorm());
  out.cross = nu * w.explained.dot(e2) - tau2 * nu * w.explained.dot(Vector(1 - leverage.array()));
  out.fitted = w.explained.cwiseAbs2().cwiseProduct(w.s).dot(e2) + tau2 * hk * parts.d.dot(left);
  return out;
}

/// The same of contrasts, O(k), and of E g'g, O(k c): the moments of a system without fixed
/// effects, and what the fixed effects hold of e and g. `fitted` only with the crossing.
///
/// K P y is along A and, by A'K Q, along Q; Q'g has variance sigma_b^2 tr(Q'K Q) less what the
/// contrasts tell of it.
RestrictedMoments moments_of_contrasts(const ContrastParts& contrasts, double n_effects,
                                       double n_fixed, const ScaledShare& at) {
  const double h = at.share.h;
  const WhitenedData w = contrasts.system.whiten(at.share);
  RestrictedMoments out = moments_by_leverage(contrasts.system, n_effects, at, w);
  out.noise += at.tau2 * at.share.nu * n_fixed;
  if (contrasts.crossing.cols() == 0) return out;
  const Vector along = h * transpose_times(contrasts.crossing, w.e.cwiseQuotient(w.s.cwiseSqrt()));
  const double told = h * contrasts.crossing_squares.cwiseQuotient(w.s).sum();
  out.fitted += along.squaredNorm() + at.tau2 * h * std::max(0.0, contrasts.fixed_trace - told);
  return out;
}

}  // namespace

RestrictedEm::RestrictedEm(const SpectralSystem& system, EmModel model, Context context,
                           double patience)
    : system_(system), model_(std::move(model)), context_(std::move(context)) {
  if (model_.prior || model_.fixed_precision.size() > 0) {
    throw std::invalid_argument("REML takes no prior");
  }
  const ContrastPrice price = price_contrasts(system.parts());
  cost_of_step_ = price.step;
  if (std::isfinite(price.setup)) allowance_ = patience * price.setup;
}

const SpectralSystem& RestrictedEm::restricted_system() const {
  return contrasts_ ? contrasts_->system : system_;
}

EmStep RestrictedEm::do_advance(const EmState& state) {
  if (allowance_ <= 0) {
    allowance_ = kNever;
    contrasts_ = find_contrasts(system_, model_.kind == EmKind::pxem, context_);
  }
  const auto at = ScaledShare::from_variances(state.random, state.residual, system_.kappa());
  const RestrictedMoments moments = expect(at);
  EmStep step;
  step.state = state;
  step.value = moments.value;
  step.next = maximise(moments);
  step.next.delta = state.delta;
  return step;
}

RestrictedMoments RestrictedEm::expect(const ScaledShare& at) {
  if (contrasts_) {
    const double n_fixed = static_cast<double>(system_.n_fixed());
    return moments_of_contrasts(*contrasts_, model_.n_effects, n_fixed, at);
  }
  allowance_ -= cost_of_step_;
  const WhitenedData w = system_.whiten(at.share);
  return moments_by_leverage(system_, model_.n_effects, at, w);
}

EmState RestrictedEm::maximise(const RestrictedMoments& moments) const {
  double effects = moments.effects, noise = moments.noise;
  if (model_.kind == EmKind::pxem) {
    const double ge = moments.cross, gg = moments.fitted;
    const double alpha = expansion_factor(gg + ge, gg);
    effects *= alpha * alpha;
    noise -= ge * ge / gg;
  }
  return {effects / model_.n_effects, noise / static_cast<double>(system_.n_rows()), Vector()};
}

ProfiledLikelihood RestrictedProfile::at_present() const {
  return ProfiledLikelihood(em_.restricted_system(), Criterion::reml);
}

}  // namespace hdlmm
