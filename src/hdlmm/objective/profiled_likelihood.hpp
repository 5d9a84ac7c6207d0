#ifndef HDLMM_OBJECTIVE_PROFILED_LIKELIHOOD_HPP
#define HDLMM_OBJECTIVE_PROFILED_LIKELIHOOD_HPP

#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

enum class Criterion { reml, ml };

/// The ML or REML criterion of a marginal system as a function of one share.
///
/// value = -1/2 [N (log 2 pi + 1 + log(y'P y / N)) + log-determinant], with N = n and log|V| for
/// ML, N = n - c and log|V| + log|Q'V^-1 Q| for REML (Patterson & Thompson 1971).
class ProfiledLikelihood final : public ShareObjective {
 public:
  ProfiledLikelihood(const MarginalSystem& system, Criterion criterion);

  bool is_reml() const { return criterion_ == Criterion::reml; }
  double degrees() const;
  bool is_unbounded() const override;
  bool has_limit_at_one() const override;

  ProfilePoint at_share(const Share& share) const override;

  double slope_at_zero() const override;

  /// What of an evaluation the criterion takes.
  Detail detail() const { return is_reml() ? Detail::restricted : Detail::marginal; }

  /// The same from an evaluation that has it, the latter from one at h = 0.
  ProfilePoint point_of(const Evaluation& e) const;
  double slope_at_zero(const Evaluation& e) const;

 private:
  Criterion criterion_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_PROFILED_LIKELIHOOD_HPP
