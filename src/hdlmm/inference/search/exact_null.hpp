#ifndef HDLMM_INFERENCE_SEARCH_EXACT_NULL_HPP
#define HDLMM_INFERENCE_SEARCH_EXACT_NULL_HPP

#include "hdlmm/marginal/spectral_parts.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

/// Nonzero eigenvalues of A'K A, A [n x (n - c)] orthonormal and orthogonal to the fixed effects:
/// those of D^1/2 (I - z z') D^1/2. O(m^3), m the number of eigenvalues that are not repeated.
Vector restricted_eigenvalues(const SpectralParts& parts, const Context& context);

/// The (restricted) likelihood-ratio statistic of H0: h = h0 against h in [0, 1], under H0.
///
/// Crainiceanu & Ruppert (2004), J. R. Stat. Soc. B 66, theorem 1, with any null value: under H0
/// the restricted data are independent normals of variance s_i(h0), so that y'P_h y is the sum of
/// s_i(h0) / s_i(h) chi^2_1 and the statistic depends on the eigenvalues alone. One matrix product
/// evaluates all shares for a block of draws; the maximum is refined by a parabola in phi.
class NullStatistic {
 public:
  /// lambda: [k] restricted eigenvalues; step: of the grid in phi.
  NullStatistic(const ProfiledLikelihood& f, const ConstVector& lambda, const Share& null_share,
                double step);

  /// One value for each column of chi2 [(k + 1) x draws]: squares of normals, in the last row
  /// chi^2 with the n - c - k degrees of freedom of the directions that K does not reach.
  Vector operator()(const ConstMatrix& chi2) const;

 private:
  double degrees_;
  Index n_grid_ = 0;
  Matrix ratio_;    ///< [shares x (k + 1)], s_i(h0) / s_i(h)
  Vector log_det_;  ///< [shares]
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_EXACT_NULL_HPP
