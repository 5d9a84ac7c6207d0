#ifndef HDLMM_INFERENCE_TERMS_TERMS_SEARCH_HPP
#define HDLMM_INFERENCE_TERMS_TERMS_SEARCH_HPP

#include <string>
#include <vector>

#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

struct TermsOptions {
  double tol = 1e-10;         ///< the gain that a further step promises, in -2 log-likelihood
  int max_evaluations = 100;  ///< of one climb
  bool has_corner_starts = false;
};

/// One evaluation of the search.
struct TermsStep {
  double value = 0, sigma2 = 0, radius = 0;
  std::vector<Matrix> relative;  ///< S_k
  bool is_accepted = false;
};

/// Why a maximum is one, over positive semidefinite S_k in units in which every coefficient
/// explains as much as the noise: |G S| = 0, and G is not negative on the null space of S.
struct TermsCertificate {
  double gradient = 0;         ///< length of the gradient in theta
  double complementarity = 0;  ///< largest |G_k S_k|
  double null_gain = 0;        ///< what the steepest direction out of a boundary promises; 0: none
};

enum class TermsStatus { converged, evaluation_limit, no_progress, saddle, unbounded };
std::string name(TermsStatus status);

struct TermsMode {
  Covariances at;
  TermsEvaluation evaluation;
  TermsCertificate certificate;
  TermsStatus status = TermsStatus::converged;
  bool is_unbounded = false;     ///< elsewhere the likelihood rises without bound
  std::vector<Index> rank;       ///< of every S_k
  std::vector<TermsStep> trace;  ///< of the climb that led to it
  int all_evaluations = 0;       ///< of all climbs
  std::vector<double> modes;     ///< distinct values that climbs led to, descending
};

/// The maximum of an objective by a trust region in theta, whose Hessian is the information and the
/// exact curvature of S(theta): near zero it is the Hessian, so that boundaries are reached in a
/// step. A point from which the likelihood rises into the cone is left. The maximum is local;
/// corner starts, each with most of the variance in one coefficient, look for a higher one. start:
/// of every term S_k; none: see starting_covariances().
TermsMode search_terms(const TermsObjective& objective, const std::vector<Matrix>& start,
                       const TermsOptions& options, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERMS_SEARCH_HPP
