#ifndef HDLMM_OBJECTIVE_TERMS_LIKELIHOOD_HPP
#define HDLMM_OBJECTIVE_TERMS_LIKELIHOOD_HPP

#include <functional>
#include <utility>
#include <vector>

#include "hdlmm/marginal/terms_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

/// The likelihood of several terms at given covariances, sigma_e^2 profiled out.
struct TermsEvaluation {
  double value = 0;   ///< log-likelihood, as that of one term counts it
  double sigma2 = 0;  ///< rss / N, N = n for ML and n - c for REML
  TermsFixed fixed;
  double log_det_v = 0;
  std::vector<Matrix> gradient;  ///< G_k: d (-2 value) = sum_k tr(G_k dS_k)
  Matrix information;            ///< average information of the parameters of S and sigma_e^2
  Matrix profiled;               ///< twice that of S, in units of sigma_e^2, which is profiled out
  std::vector<Vector> effects;   ///< beta_k
  Vector projected;              ///< P y
  Vector along;                  ///< y'P V_i P y of the parameters of S
  std::vector<Matrix> slopes;    ///< derivatives of Var(delta) by the parameters, [c x c]
  double held_slope = 0;         ///< of rss, by the value of a contrast that is held
};

/// What a likelihood can hold.
struct TermsHeld {
  double sigma2 = 0;  ///< sigma_e^2; 0: profiled out
  Vector contrast;    ///< [c], contrast'delta is `value`; empty: delta is free
  double value = 0;
};

using TermsCompletion = std::function<void(TermsEvaluation&)>;

/// What a search over the covariances of several terms maximises.
class TermsObjective {
 public:
  explicit TermsObjective(const TermsSystem& system) : system_(system) {}
  virtual ~TermsObjective() = default;

  const TermsSystem& system() const { return system_; }

  /// Whether the fixed effects are maximised out, not integrated.
  virtual bool is_ml() const = 0;

  /// N, see above.
  virtual double count() const = 0;

  /// Value and fixed effects; complete() adds the derivatives, gradient, information and what comes
  /// with them, and holds memory until then: steps that lead nowhere do without. Throws
  /// std::runtime_error where V is not positive definite to rounding.
  virtual TermsEvaluation begin(const Covariances& at, const Context& context,
                                TermsCompletion& complete) const = 0;

  /// The same at once.
  TermsEvaluation evaluate(const Covariances& at, bool derivatives, const Context& context) const;

 private:
  const TermsSystem& system_;
};

/// What of the data a change of log sigma_e^2 moves where the fixed effects have a normal prior:
/// all zero where they have none.
struct ScaleDrift {
  Vector delta;    ///< d delta / d log sigma_e^2, [c]
  double rss = 0;  ///< what it adds to y'P y beyond the squares of the rest
};

/// Derivatives of the likelihood at out.sigma2 and out.fixed, with `profiled` as f_i'P f_j of
/// ResponseMoments, whose Q'V^-1 f_i are returned; is_ml as of TermsObjective.
Matrix add_derivatives(const TermsFactor& factor, const Covariances& at, bool is_ml,
                       const ScaleDrift& drift, TermsEvaluation& out);

class TermsLikelihood final : public TermsObjective {
 public:
  TermsLikelihood(const TermsSystem& system, Criterion criterion, TermsHeld held = TermsHeld())
      : TermsObjective(system), criterion_(criterion), held_(std::move(held)) {}

  bool is_ml() const override { return criterion_ == Criterion::ml; }
  double count() const override;
  TermsEvaluation begin(const Covariances& at, const Context& context,
                        TermsCompletion& complete) const override;

 private:
  TermsEvaluation value(const TermsFactor& factor) const;

  Criterion criterion_;
  TermsHeld held_;
};

/// Where y'P y is so small beside y'y that the difference has lost digits, it is made anew.
void settle_rss(const TermsFactor& factor, const TermsModel& model, TermsFixed& fixed);

/// Half vectors of all S_k, [m].
Vector half_vectors(const Covariances& at);

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERMS_LIKELIHOOD_HPP
