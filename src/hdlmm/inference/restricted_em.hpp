#ifndef HDLMM_INFERENCE_RESTRICTED_EM_HPP
#define HDLMM_INFERENCE_RESTRICTED_EM_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "hdlmm/core/sum_log.hpp"
#include "hdlmm/inference/contrast_parts.hpp"
#include "hdlmm/inference/em_step.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

/// The restricted log-likelihood at two variances, and what E-step of REML leaves for the M-step;
/// g = X beta, e the noise.
struct RestrictedMoments {
  double value = 0;
  double effects = 0;  ///< E |beta|^2
  double noise = 0;    ///< E |e|^2
  double cross = 0;    ///< E g'e
  double fitted = 0;   ///< E g'g
};

namespace em_detail {

inline double restricted_value(const SpectralParts& parts, const ScaledShare& at,
                               const WhitenedData& w, double rss) {
  const Index rest = parts.null_dimension() - parts.null_in_fixed();
  const double df = static_cast<double>(parts.n - parts.n_fixed());
  const double log_det =
      sum_log(w.s) + w.log_det_factor + static_cast<double>(rest) * std::log(at.share.nu);
  return -0.5 * (df * (kLog2Pi + std::log(at.tau2)) + log_det + rss / at.tau2);
}

/// Moments from the leverages of Q in the whitened data, w = system.whiten(at.share): O(r c).
inline RestrictedMoments moments_by_leverage(const SpectralSystem& system, double n_effects,
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
inline RestrictedMoments moments_of_contrasts(const ContrastParts& contrasts, double n_effects,
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

}  // namespace em_detail

/// EM for REML, with omega (flat prior) and beta as the missing data.
///
/// PX-EM with omega integrated out: Foulley & van Dyk (2000), Genet. Sel. Evol. 32, section 3.
/// With g = X beta and e the noise, alpha = 1 + E(g'e | y) / E(g'g | y). A mean shift is absorbed
/// by omega: EM is the same with it, and PX-EM is that of the centred columns, which is faster.
///
/// A step costs O(r c^2) for the leverages of Q; in coordinates of error contrasts it costs O(r),
/// for PX-EM O(r c), once these are set up. They are when steps have cost as much as that: by then
/// nothing is known of how many more there will be, and the whole never costs more than twice the
/// cheaper of the two ways (ski rental: Karlin et al. 1988, Algorithmica 3).
class RestrictedEm final : public EmMap {
 public:
  /// patience: what steps may cost before contrasts are set up, in units of that; 0: at once,
  /// infinity: never.
  RestrictedEm(const SpectralSystem& system, EmModel model, Context context = Context(),
               double patience = 1)
      : system_(system), model_(std::move(model)), context_(std::move(context)) {
    if (model_.prior || model_.fixed_precision.size() > 0) {
      throw std::invalid_argument("REML takes no prior");
    }
    const ContrastPrice price = price_contrasts(system.parts());
    cost_of_step_ = price.step;
    if (std::isfinite(price.setup)) allowance_ = patience * price.setup;
  }

  /// The cheapest system at present with the same restricted likelihood: without fixed effects
  /// once there are contrasts.
  const SpectralSystem& restricted_system() const {
    return contrasts_ ? contrasts_->system : system_;
  }
  const SpectralSystem& system() const { return system_; }
  bool has_contrasts() const { return contrasts_.has_value(); }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  EmStep do_advance(const EmState& state) override {
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

  RestrictedMoments expect(const ScaledShare& at) {
    if (contrasts_) {
      const double n_fixed = static_cast<double>(system_.n_fixed());
      return em_detail::moments_of_contrasts(*contrasts_, model_.n_effects, n_fixed, at);
    }
    allowance_ -= cost_of_step_;
    const WhitenedData w = system_.whiten(at.share);
    return em_detail::moments_by_leverage(system_, model_.n_effects, at, w);
  }

  EmState maximise(const RestrictedMoments& moments) const {
    double effects = moments.effects, noise = moments.noise;
    if (model_.kind == EmKind::pxem) {
      const double ge = moments.cross, gg = moments.fitted;
      const double alpha = em_detail::expansion(gg + ge, gg);
      effects *= alpha * alpha;
      noise -= ge * ge / gg;
    }
    return {effects / model_.n_effects, noise / static_cast<double>(system_.n_rows()), Vector()};
  }

  const SpectralSystem& system_;
  EmModel model_;
  Context context_;
  std::optional<ContrastParts> contrasts_;
  double cost_of_step_ = 0;
  double allowance_ = kNever;  ///< what steps by leverages may still cost
};

/// The REML criterion, by the contrasts of an EM as soon as it has them.
class RestrictedProfile final : public ShareObjective {
 public:
  explicit RestrictedProfile(const RestrictedEm& em) : ShareObjective(em.system()), em_(em) {}

  bool is_unbounded() const override { return at_present().is_unbounded(); }
  bool has_limit_at_one() const override { return at_present().has_limit_at_one(); }
  ProfilePoint at_share(const Share& share) const override { return at_present().at_share(share); }
  double slope_at_zero() const override { return at_present().slope_at_zero(); }

 private:
  ProfiledLikelihood at_present() const {
    return ProfiledLikelihood(em_.restricted_system(), Criterion::reml);
  }

  const RestrictedEm& em_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_RESTRICTED_EM_HPP
