#ifndef HDLMM_INFERENCE_TERMS_ROW_POLISH_HPP
#define HDLMM_INFERENCE_TERMS_ROW_POLISH_HPP

#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/objective/terms_posterior.hpp"

namespace hdlmm {

/// The mode of a posterior with half t blocks from where search_terms() ended, by standard
/// deviations and rows of roots of correlations: Sigma = diag(s) C C'diag(s), row a of C
/// proportional to (z_a, 1). The density is smooth in (s, z), and even in every s, where it depends
/// on the direction in which Sigma becomes singular: a deviation of zero is an ordinary stationary
/// point, and the correlations there are those of the prior.
///
/// Returns `mode` itself where its blocks are far from singular.
TermsMode polish_rows(const TermsPosterior& posterior, TermsMode mode, const TermsOptions& options,
                      const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_ROW_POLISH_HPP
