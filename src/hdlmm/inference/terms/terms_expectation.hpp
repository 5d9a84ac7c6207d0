#ifndef HDLMM_INFERENCE_TERMS_TERMS_EXPECTATION_HPP
#define HDLMM_INFERENCE_TERMS_TERMS_EXPECTATION_HPP

#include <vector>

#include "hdlmm/objective/terms_posterior.hpp"

namespace hdlmm {

/// What the E step of EM at given covariances and sigma_e^2 leaves for the M step; absolute, as
/// second and noise are measured in sigma_e^2. W = V^-1 by ML, P by REML, per unit sigma_e^2.
struct TermsExpectation {
  double value = 0;            ///< of the criterion there
  std::vector<Matrix> second;  ///< E sum_j b_j b_j', [r x r]
  double noise = 0;            ///< E|e|^2
  Matrix gram;                 ///< E g_k'g_l of g_k = X_k beta_k less what Q takes by ML, [K x K]
  Vector cross;                ///< E g_k'e
};

/// is_expanded: with gram and cross, which take solves with as many columns as the designs have, or
/// rows. posterior: of which value is, with its prior of the fixed effects; or null.
TermsExpectation expect_terms(const TermsSystem& system, const Covariances& at, double sigma2,
                              bool is_ml, bool is_expanded, const TermsPosterior* posterior,
                              const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERMS_EXPECTATION_HPP
