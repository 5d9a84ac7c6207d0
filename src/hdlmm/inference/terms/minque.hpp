#ifndef HDLMM_INFERENCE_TERMS_MINQUE_HPP
#define HDLMM_INFERENCE_TERMS_MINQUE_HPP

#include <vector>

#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

// What the data say of covariances at V = I, before any search.

/// The least variance of a start, in units of what explains as much as the noise.
constexpr double kSmallestStart = 0.05;

/// The symmetric matrix of a spectrum, negative eigenvalues as zeros.
Matrix matrix_of(const SymmetricEigen& eigen);

/// MINQUE(0) (Rao 1971), one linear system at V = I, its eigenvalues kept from zero.
std::vector<Matrix> starting_covariances(const TermsObjective& objective, const Context& context);

/// Parameters of which the data cannot tell apart a combination: shares of each in it, [m + 1], the
/// residual last; empty where there is none.
Vector aliased_parameters(const Matrix& null_information);

/// The same by terms: the largest share of each, and that of the residual, [K + 1].
Vector aliased_terms(const TermsSystem& system, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_MINQUE_HPP
