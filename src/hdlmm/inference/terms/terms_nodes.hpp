#ifndef HDLMM_INFERENCE_TERMS_TERMS_NODES_HPP
#define HDLMM_INFERENCE_TERMS_TERMS_NODES_HPP

#include <vector>

#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

// A posterior of the covariances of several terms as N nodes: at each the half vectors of all S_k,
// for the coefficients of X_k as whoever made the model has them. Nodes that follow each other with
// the same S_k share a factor.

struct TermsNodes {
  Matrix half;       ///< [m x N]
  Matrix precision;  ///< of a normal prior of delta, [c x c]; empty: flat
  Vector sigma2;     ///< sigma_e^2 [N], read where there is a precision

  Index size() const { return half.cols(); }
};

/// The likelihood at every node per unit sigma_e^2, NaN where V is not positive definite to
/// rounding: y'P y, log|V|, log|A| [3 x N], and delta [c x N] with its covariance [c^2 x N].
struct NodeValues {
  Matrix scalars, delta, covariance;
};
NodeValues evaluate_nodes(const TermsSystem& system, const Matrix& half, const Context& context);

/// Means over nodes, and what the fixed effects are at each: their mean [c x N] and their
/// covariance per unit sigma_e^2 [c^2 x N]. projected: P y of every node, or averaged.
struct NodeMeans {
  Matrix delta, covariance;
  std::vector<Vector> effects;  ///< of every term [q_k]
  Vector projected;             ///< [n]
};
NodeMeans average_nodes(const TermsSystem& system, const TermsNodes& nodes, const Vector& weight,
                        const Context& context);

/// Variances of the coefficients about `centre`, of every term [q_k]: sum of weight (mean -
/// centre)^2 + second C, C the prediction error variance per unit sigma_e^2.
std::vector<Vector> node_variances(const TermsSystem& system, const TermsNodes& nodes,
                                   const Vector& weight, const Vector& second,
                                   const std::vector<Vector>& centre, const Context& context);

/// P y and diag(P) at every node, [n x N].
struct NodeProjections {
  Matrix projected, diagonal;
};
NodeProjections project_nodes(const TermsSystem& system, const TermsNodes& nodes,
                              const Context& context);

/// Means and variances, per unit sigma_e^2, of some coefficients of a term at every node:
/// [length(at) x N].
struct NodeEffects {
  Matrix mean, variance;
};
NodeEffects effects_at_nodes(const TermsSystem& system, const TermsNodes& nodes, Index term,
                             const std::vector<Index>& at, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERMS_NODES_HPP
