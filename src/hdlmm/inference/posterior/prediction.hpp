#ifndef HDLMM_INFERENCE_POSTERIOR_PREDICTION_HPP
#define HDLMM_INFERENCE_POSTERIOR_PREDICTION_HPP

#include "hdlmm/marginal/spectral_system.hpp"

namespace hdlmm {

/// What is left of the null space's coefficients in the rows: null_frame T^-1, [n x rho].
Matrix null_reach(const SpectralParts& parts);

/// P y [n] for V at the share of w; finite at nu = 0 whenever REML is.
Vector projected_response(const SpectralFrame& frame, const SpectralParts& parts,
                          const WhitenedData& w);

/// S X'U c [p], the coefficients beta with X beta = U diag(d) c, for c [r].
///
/// X' makes nothing of null(K), so nothing of null(K) goes into it: P y is of the size of y / nu
/// there, and its rounding would drown the coefficients where nu is small. From the rows' side
/// small eigenvalues do the same to large ones where d is large beside ridge = nu kappa / h: the
/// rounding of X beta is then found by one more product and its coefficients are taken out, which
/// leaves the root of that ratio.
Vector coefficients_along(const SpectralFrame& frame, const ConstVector& d, const ConstVector& c,
                          double ridge, const Context& context);

/// sigma_b^2 S X'P y in units of tau^2, [p]: the effects, at the share of w.
Vector predicted_effects(const SpectralFrame& frame, const SpectralSystem& system,
                         const WhitenedData& w, const Context& context);

/// diag(P) [n] for V at the share of w. O(n r), O(n c^2) for a grouping factor.
///
/// P = E'S^-1/2 (I - q q') S^-1/2 E + N N'/nu, where E = U' - z_a T^-1 null_frame' and N spans what
/// of null(K) the fixed effects do not reach: no difference of large terms as nu -> 0. Under a
/// prior of the coefficients null(K) is no longer free, and its rows count like the others.
Vector projection_diagonal(const SpectralFrame& frame, const SpectralParts& parts,
                           const WhitenedData& w);

/// Points at which the latent value z'omega + x'beta is wanted.
struct PredictionRows {
  Matrix covariance;      ///< [r x m], U' X S x
  Vector prior_variance;  ///< [m], x'S x
  Matrix z;               ///< [m x c], coordinates in the basis Q
};

/// covariance: [n x m] = X S x. Throws InvalidInput.
PredictionRows prediction_rows(const SpectralFrame& frame, const ConstMatrix& covariance,
                               const ConstVector& prior_variance, const ConstMatrix& z);

/// Var(z'omega + x'beta | y) / tau^2 [m], omega integrated out under a flat prior.
///
/// Section 4 as a sum of terms that cannot be negative: what of x lies outside the rows of X, what
/// lies inside and is shrunk, and the fixed effects' share |F'z - q'S^-1/2 f|^2.
Vector latent_variances(const SpectralSystem& system, const WhitenedData& w,
                        const PredictionRows& rows);

/// Var(beta_j | y) / tau^2 for every coefficient [p]: the prediction error variances.
/// O(n r p) when the row side was decomposed, O(p r) for the column side, in blocks of columns;
/// O(p c) for a grouping factor, where each coefficient has a direction of its own.
Vector coefficient_variances(const SpectralFrame& frame, const SpectralSystem& system,
                             const WhitenedData& w, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_POSTERIOR_PREDICTION_HPP
