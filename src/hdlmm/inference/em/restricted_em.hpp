#ifndef HDLMM_INFERENCE_EM_RESTRICTED_EM_HPP
#define HDLMM_INFERENCE_EM_RESTRICTED_EM_HPP

#include <limits>
#include <optional>

#include "hdlmm/inference/em/contrast_parts.hpp"
#include "hdlmm/inference/em/em_step.hpp"

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
               double patience = 1);

  /// The cheapest system at present with the same restricted likelihood: without fixed effects
  /// once there are contrasts.
  const SpectralSystem& restricted_system() const;
  const SpectralSystem& system() const { return system_; }
  bool has_contrasts() const { return contrasts_.has_value(); }

 private:
  static constexpr double kNever = std::numeric_limits<double>::infinity();

  EmStep do_advance(const EmState& state) override;

  RestrictedMoments expect(const ScaledShare& at);

  EmState maximise(const RestrictedMoments& moments) const;

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
  ProfiledLikelihood at_present() const;

  const RestrictedEm& em_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_EM_RESTRICTED_EM_HPP
