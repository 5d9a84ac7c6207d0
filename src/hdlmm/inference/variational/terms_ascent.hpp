#ifndef HDLMM_INFERENCE_VARIATIONAL_TERMS_ASCENT_HPP
#define HDLMM_INFERENCE_VARIATIONAL_TERMS_ASCENT_HPP

#include <vector>

#include "hdlmm/inference/variational/column_blocks.hpp"
#include "hdlmm/inference/variational/coordinate_ascent.hpp"
#include "hdlmm/inference/variational/terms_fixed_point.hpp"

namespace hdlmm {

/// ascend_coordinates() of several terms from means of zero and the precisions that the model has:
/// blocks of all terms in turn with one running residual, then delta, then all variances. One sweep
/// costs a pass over the stored cells of the designs.
///
/// columns: of each term the blocks of its columns, none where factors are single columns or
/// levels. Where one block holds all coefficients, a sweep is one factorisation of the system.
TermsTrace ascend_terms(const TermsSystem& system, const TermsFactorisation& factors,
                        const std::vector<std::vector<ColumnBlock>>& columns,
                        TermsVariational& model, const AscentOptions& options,
                        const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_TERMS_ASCENT_HPP
