#ifndef HDLMM_INFERENCE_VARIATIONAL_TERMS_FIXED_POINT_HPP
#define HDLMM_INFERENCE_VARIATIONAL_TERMS_FIXED_POINT_HPP

#include <vector>

#include "hdlmm/inference/variational/squarem.hpp"
#include "hdlmm/inference/variational/terms_variational.hpp"

namespace hdlmm {

struct TermsTrace {
  std::vector<TermsPoint> points;
  bool is_converged = false;
};

/// iterate_collapsed() of several terms: a fixed point in the factors of E[Sigma_k^-1]^-1 and in
/// E[1 / sigma_e^2], one factorisation of the system a round.
TermsTrace iterate_terms(const TermsSystem& system, const TermsFactorisation& factors,
                         TermsVariational& model, const FullOptions& options,
                         const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_TERMS_FIXED_POINT_HPP
