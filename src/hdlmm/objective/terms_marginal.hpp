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

  /// What the likelihood needs of S as numbers that are smooth in it: log|V| + log|A| and log rss
  /// of a flat delta; with a prior log|V| and the Cholesky factor of the Gram matrix, its diagonal
  /// by logarithms.
  Vector outputs(const MarginalSummary& summary) const;

  double log_likelihood(const ConstVector& outputs, double log_sigma2) const;

  FixedPosterior fixed(const MarginalSummary& summary, double sigma2) const;

 private:
  double log_likelihood_with_prior(const MarginalSummary& summary, double log_sigma2) const;

  Index rows_, fixed_;
  Matrix precision_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERMS_MARGINAL_HPP
