#ifndef HDLMM_MODEL_TERMS_PRIOR_HPP
#define HDLMM_MODEL_TERMS_PRIOR_HPP

#include <vector>

#include "hdlmm/model/covariances.hpp"
#include "hdlmm/model/variance_prior.hpp"

namespace hdlmm {

/// By which measure a density of covariances is taken: that of the parameter on which each prior is
/// stated (for modes: a variance, a standard deviation of a half t, standard deviations and
/// correlations of its blocks, shares and total), or the volume of (half vectors of all Sigma_k,
/// sigma_e^2) (for integrals and sampling).
enum class TermsMeasure { stated, volume };

/// Prior of Sigma_k [r x r]. r = 1: as ParameterDensity, of the variance, b of one element. r > 1:
/// flat, or half_t of every standard deviation, a = degrees of freedom, b = squared scales [r], by
/// Sigma | w ~ IW(a + r - 1, 2 a diag(1 / w)), w_i ~ IG(1/2, 1 / b_i) (Huang & Wand 2013, Bayesian
/// Analysis 8): a = 2 makes every correlation uniform.
struct TermDensity {
  DensityKind kind = DensityKind::flat;
  double a = 0;
  Vector b;
  Index width = 1;
};

/// Shares h_1, .., h_K and h_e of the total variance tau^2 = sum_k kappa_k + sigma_e^2, where
/// kappa_k = tr(M_k Sigma_k) for the moments M_k of a term.
struct SharesDensity {
  bool is_split = false;  ///< the sum of h_1 .. h_K is Beta(alpha[0], alpha[1]), split uniformly
  Vector alpha;           ///< else of a Dirichlet density, [K + 1], the residual last
};

/// A logarithm with its gradient, d value = sum_k tr(terms[k] dSigma_k) + residual dsigma_e^2, and
/// its second derivatives by (half vectors of all Sigma_k, sigma_e^2), [m + 1 x m + 1].
struct TermsLogPrior {
  double value = 0;
  std::vector<Matrix> terms;
  double residual = 0;
  Matrix curvature;
};

/// Prior of the covariances of several terms, on these themselves or on shares and total. On
/// shares, Sigma_k / kappa_k is uniform by the volume of half vectors of {S >= 0, tr(M_k S) = 1},
/// which is the same whatever the units and the origin of the columns of a block.
class TermsPrior {
 public:
  static TermsPrior on_variances(std::vector<TermDensity> terms, const ParameterDensity& residual);
  static TermsPrior on_shares(SharesDensity shares, const ParameterDensity& total,
                              std::vector<Matrix> moments);

  Index size() const;
  Index width(Index k) const;
  /// Of all half vectors.
  Index parameters() const;
  bool is_on_shares() const { return is_on_shares_; }
  const TermDensity& term(Index k) const { return terms_[static_cast<std::size_t>(k)]; }
  const SharesDensity& shares() const { return shares_; }
  const std::vector<Matrix>& moments() const { return moments_; }
  /// Of sigma_e^2, or of the total variance.
  const ParameterDensity& second() const { return second_; }

  /// Whether term k is a block with half t deviations, whose density by the stated parameters
  /// depends on the direction in which Sigma becomes singular.
  bool is_row_block(Index k) const;

  /// Log density of such a block by its standard deviations [r] and correlations C C', zeros
  /// included, without constants.
  double row_density(Index k, const Vector& deviations, const Matrix& root) const;

  /// The same prior with a flat density in the place of those blocks.
  TermsPrior without_row_blocks() const;

  /// Without constants. A value that is infinite has no derivatives. has_curvature: with second
  /// derivatives.
  TermsLogPrior log_density(const std::vector<Matrix>& sigma, double sigma2, TermsMeasure measure,
                            bool has_curvature = false) const;

  /// What is to be added by the measure of volume so that proper parts integrate to one.
  double log_constant() const;

 private:
  TermsPrior() = default;
  TermsLogPrior on_variances_at(const std::vector<Matrix>& sigma, double sigma2,
                                TermsMeasure measure, bool has_curvature) const;
  TermsLogPrior on_shares_at(const std::vector<Matrix>& sigma, double sigma2,
                             TermsMeasure measure) const;
  double shares_constant() const;

  bool is_on_shares_ = false;
  std::vector<TermDensity> terms_;
  SharesDensity shares_;
  std::vector<Matrix> moments_;
  ParameterDensity second_;
};

/// The volume of half vectors of {S [r x r] >= 0, tr(M S) = 1}, per d tr(M S), as a logarithm.
double log_directions(const ConstMatrix& moments);

}  // namespace hdlmm

#endif  // HDLMM_MODEL_TERMS_PRIOR_HPP
