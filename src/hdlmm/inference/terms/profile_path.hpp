#ifndef HDLMM_INFERENCE_TERMS_PROFILE_PATH_HPP
#define HDLMM_INFERENCE_TERMS_PROFILE_PATH_HPP

#include <memory>
#include <vector>

#include "hdlmm/inference/terms/held_parameter.hpp"
#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

/// Where profiles begin: a maximum of the likelihood.
struct ProfileStart {
  Covariances at;     ///< inside
  double sigma2 = 0;  ///< sigma_e^2, the unit of variance in the coordinates
  TermsEvaluation evaluation;
};

/// Covariances that maximise the likelihood with a parameter held.
struct ProfileMaximum {
  HeldPoint at;
  QuadraticModel model;  ///< of -2 log-likelihood in x, the held direction included
  double loss = 0;       ///< of twice the log-likelihood, beside the start
  double slope = 0;      ///< by u
  bool is_finite = false;
  int evaluations = 0;  ///< of the likelihood, that led here
};

/// The path of such maxima as one parameter moves. Each begins at a neighbour's, moved along by the
/// Hessian there, and ends by a trust region in the free directions: gradient exact, Hessian by
/// the average information and the curvature of the coordinates.
class ProfilePath {
 public:
  ProfilePath(const TermsLikelihood& likelihood, const ProfileStart& start,
              const AskedParameter& asked, const std::vector<Matrix>& moments,
              const Context& context);

  /// False where the estimate says nothing of the parameter: the correlation of a variance of zero.
  bool is_defined() const { return held_ != nullptr; }
  const HeldParameter& held() const { return *held_; }
  const ProfileMaximum& start() const { return start_; }
  /// The parameter itself.
  double value(const HeldPoint& at) const;

  /// What no loss exceeds: a variance of zero goes with any correlation. Infinite: there is no
  /// such.
  double ceiling() const { return ceiling_; }

  /// d^2 loss / du^2 at the start; 0 where it is not known.
  double curvature() const;

  ProfileMaximum move(const ProfileMaximum& from, double to) const;

 private:
  bool is_contrast() const { return asked_.kind == HeldKind::contrast; }
  HeldPoint predicted(const ProfileMaximum& from, double to) const;
  TermsEvaluation evaluate(const HeldPoint& at) const;
  bool is_better(HeldPoint& next, TermsEvaluation& e, double promised, double& radius,
                 double length) const;
  double slope_at(const ProfileMaximum& at, const TermsEvaluation& e) const;

  AskedParameter asked_;
  PointLikelihood likelihood_;
  double count_;  ///< N of the likelihood
  double value_;  ///< of the likelihood at the start
  ProfileMaximum start_;
  std::unique_ptr<HeldParameter> held_;
  double spread_ = 0;  ///< of a contrast: its variance per unit sigma_e^2
  double ceiling_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_PROFILE_PATH_HPP
