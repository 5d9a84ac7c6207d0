#ifndef HDLMM_OBJECTIVE_TERMS_MARGINAL_HPP
#define HDLMM_OBJECTIVE_TERMS_MARGINAL_HPP

#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

/// What the likelihood needs of V.
struct MarginalSummary {
  double log_det = 0;  ///< log|V|
  Matrix gram;         ///< [Q y]'V^-1 [Q y], [c + 1 x c + 1]
};
MarginalSummary summary_of(const TermsFactor& factor);

/// Mean and covariance of delta given all variances.
struct FixedPosterior {
  Vector mean;
  Matrix covariance;
};

/// log p(y | S, sigma_e^2) of several terms with the random and the fixed effects integrated out,
/// without constants; delta is flat or N(0, precision^-1).
class TermsMarginal {
 public:
  /// fixed: c; precision: [c x c], or empty where delta is flat.
  TermsMarginal(Index rows, Index fixed, Matrix precision);

  bool is_flat() const { return precision_.size() == 0; }

  /// The summary as numbers that are smooth in S: of a flat delta log|V| + log|A| and log rss, of
  /// another log|V| and 0; then the Cholesky factor of the Gram matrix, its diagonal by logarithms.
  Vector outputs(const MarginalSummary& summary) const;

  /// The summary that they are of; log|V| not for a flat delta.
  MarginalSummary summary(const ConstVector& outputs) const;

  /// How many of the outputs, from the first, the likelihood reads.
  Index read(Index outputs) const { return is_flat() ? 2 : outputs; }

  double log_likelihood(const ConstVector& outputs, double log_sigma2) const;

  FixedPosterior fixed(const MarginalSummary& summary, double sigma2) const;

 private:
  double log_likelihood_with_prior(const MarginalSummary& summary, double log_sigma2) const;

  Index rows_, fixed_;
  Matrix precision_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERMS_MARGINAL_HPP
