#ifndef HDLMM_INFERENCE_POSTERIOR_MIXTURE_HPP
#define HDLMM_INFERENCE_POSTERIOR_MIXTURE_HPP

#include "hdlmm/inference/posterior/prediction.hpp"

namespace hdlmm {

/// A posterior of the variances as finitely many nodes: shares, and under a normal prior of the
/// coefficients of Q also the total standard deviation tau, which that prior makes matter.
struct MixtureNodes {
  Vector h, nu;       ///< [m]
  Vector tau;         ///< [m], or empty for a flat prior
  Matrix prior_root;  ///< [c x c] Lambda^1/2 in the turned basis, or without rows

  Index size() const { return h.size(); }
  Share share(Index k) const { return {h[k], nu[k]}; }
};

/// The system as node k sees it, and the data whitened there.
class MixtureView {
 public:
  MixtureView(const SpectralSystem& system, const MixtureNodes& nodes);

  SpectralSystem at(Index k) const;
  double prior_share(Index k) const { return nodes_.h[k] / system_.kappa(); }
  const MixtureNodes& nodes() const { return nodes_; }
  const SpectralSystem& system() const { return system_; }

 private:
  const SpectralSystem& system_;
  const MixtureNodes& nodes_;
};

/// Sums over nodes of weight_k P_k y, kept along U and along the null space. [n] at the end.
Vector mixed_projected_response(const SpectralFrame& frame, const MixtureView& view,
                                const ConstVector& weights, const Context& context);

/// sum_k weight_k (h_k / kappa) S X'P_k y, [p]: mean effects.
Vector mixed_effects(const SpectralFrame& frame, const MixtureView& view,
                     const ConstVector& weights, const Context& context);

/// Var(beta_j | y) [p] over the mixture: weights [m], second [m] = weight times E[tau^2 | node].
///
/// The law of total variance as one quadratic form of the covariances c_j = U'XS e_j: expected
/// conditional variances (diagonal), uncertainty of omega and of the nodes' means (low rank).
Vector mixed_coefficient_variances(const SpectralFrame& frame, const MixtureView& view,
                                   const ConstVector& weights, const ConstVector& second,
                                   const Context& context);

/// Conditional means and variances (per unit tau^2) of z'omega + x'beta at every node, [points x
/// m].
struct MixedPoints {
  Matrix mean;
  Matrix variance;
};

MixedPoints mixed_points(const MixtureView& view, const PredictionRows& rows,
                         const Context& context);

/// Draws of (delta, g) given y at one node: delta [c x s] along the turned basis (of the centred
/// model when the design was centred), g = U'X beta [r x s]. normals: [(c + r) x s].
void draw_effects(const SpectralSystem& system, const WhitenedData& w, double tau,
                  const ConstMatrix& normals, Eigen::Ref<Matrix> delta, Eigen::Ref<Matrix> g);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_POSTERIOR_MIXTURE_HPP
