#include "hdlmm/inference/em/restricted_em.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

/// The restricted log-likelihood at two variances, and what E-step of REML leaves for the M-step;
/// g = X beta, e the noise.
struct RestrictedMoments {
  double value = 0;
  double effects = 0;  ///< E |beta|^2
  double noise = 0;    ///< E |e|^2
  double cross = 0;    ///< E g'e
  double fitted = 0;   ///< E g'g
};

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

EmState maximise(const RestrictedMoments& moments, const EmModel& model, Index n) {
  double effects = moments.effects, noise = moments.noise;
  if (model.kind == EmKind::pxem) {
    const double ge = moments.cross, gg = moments.fitted;
    const double alpha = expansion_factor(gg + ge, gg);
    effects *= alpha * alpha;
    noise -= ge * ge / gg;
  }
  return {effects / model.n_effects, noise / static_cast<double>(n), Vector()};
}

}  // namespace

RestrictedEm::RestrictedEm(const SpectralSystem& system, EmModel model)
    : system_(system), model_(std::move(model)) {
  if (model_.prior || model_.fixed_precision.size() > 0) {
    throw std::invalid_argument("REML takes no prior");
  }
}

EmStep RestrictedEm::do_advance(const EmState& state) {
  const auto at = ScaledShare::from_variances(state.random, state.residual, system_.kappa());
  const WhitenedData w = system_.whiten(at.share);
  const RestrictedMoments moments = moments_by_leverage(system_, model_.n_effects, at, w);
  EmStep step;
  step.state = state;
  step.value = moments.value;
  step.next = maximise(moments, model_, system_.n_rows());
  step.next.delta = state.delta;
  return step;
}

}  // namespace hdlmm
