#ifndef HDLMM_INFERENCE_TERMS_EXPECTED_POSTERIOR_HPP
#define HDLMM_INFERENCE_TERMS_EXPECTED_POSTERIOR_HPP

#include <vector>

#include "hdlmm/inference/terms/terms_expectation.hpp"

namespace hdlmm {

/// Covariances of several terms and sigma_e^2, absolute.
struct TermsVariances {
  std::vector<Matrix> sigma;
  double sigma2 = 0;
};

/// The M step of EM under a prior: the maximum of
///   -1/2 sum_k [J_k log|Sigma_k| + tr(Sigma_k^-1 B_k)] - 1/2 [n log sigma_e^2 + E / sigma_e^2] +
///   log p,
/// B_k = second, E = noise, by a trust region from the maximum without prior or from `start`,
/// whichever is higher: never below the value at `start`.
TermsVariances maximise_expected(const TermsExpectation& moments, const TermsPosterior& posterior,
                                 const TermsVariances& start);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_EXPECTED_POSTERIOR_HPP
