#ifndef HDLMM_OBJECTIVE_FACTORISED_BOUND_HPP
#define HDLMM_OBJECTIVE_FACTORISED_BOUND_HPP

#include <utility>
#include <vector>

#include "hdlmm/marginal/spectral_parts.hpp"
#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

/// log|nu I + hk G| and its derivatives for G = X'X of some columns, hk = h / kappa.
///
/// log_det counts the rank(G) directions that G acts on and no others; trace = tr(hk G (nu I +
/// hk G)^-1), trace2 the trace of its square, noise = rank - trace without cancellation.
struct DeterminantTerms {
  double log_det = 0;
  double trace = 0, trace2 = 0, noise = 0;

  DeterminantTerms& operator+=(const DeterminantTerms& other);
};

/// The spectrum of X'X for some columns of the user's design: eigenvalues of the columns as the
/// operator has them, and a rank-one term for the column means that were taken out of them.
///
/// X = X_c + o m' with X_c'o = 0, so X'X = X_c'X_c + o'o m m', and its determinants follow by the
/// matrix determinant lemma without the cancellation that large means would bring.
struct GramSpectrum {
  Vector d;                   ///< [r], positive eigenvalues of X_c'X_c
  Vector coordinates;         ///< [r], m along its eigenvectors; read when constant_norm2 > 0
  double rest2 = 0;           ///< squared length of the rest of m
  double constant_norm2 = 0;  ///< o'o, or 0 for no shift

  bool has_shift() const { return constant_norm2 > 0; }
  bool adds_direction() const { return has_shift() && rest2 > 0; }
  Index rank() const { return d.size() + (adds_direction() ? 1 : 0); }

  DeterminantTerms terms(const Share& share, double kappa) const;

  /// log|I + ratio X'X|, every term positive.
  double log_det_ratio(double ratio) const;
};

/// The whole design as one block.
GramSpectrum gram_spectrum(const SpectralParts& parts);

/// q(beta) = prod over blocks of columns; for single columns one spectrum holds all their norms.
class Factorisation {
 public:
  explicit Factorisation(std::vector<GramSpectrum> blocks) : blocks_(std::move(blocks)) {}

  /// One factor a column. norms2: [p], squared lengths of the user's (weighted, uncentred) columns.
  static Factorisation mean_field(const Vector& norms2);

  Index rank() const;

  DeterminantTerms terms(const Share& share, double kappa) const;

  double log_det_ratio(double ratio) const;

 private:
  std::vector<GramSpectrum> blocks_;
};

/// KL(q || posterior of beta) at given variances: 1/2 (sum_B log|A_BB| - log|A|) with A = X'X /
/// sigma_e^2 + I / sigma_b^2 (Hadamard's inequality for single columns, Fischer's for blocks).
double factorisation_gap(const GramSpectrum& whole, const Factorisation& factors,
                         const Share& share, double kappa);

/// The ELBO with q(beta), omega and tau^2 maximised out: the ML criterion less the gap, which
/// leaves the blocks' determinants in the place of log|V|.
///
/// value = -1/2 [n (log 2 pi + 1 + log(y'P y / n)) + sum_B log|nu I + hk G_B| + (n - R) log nu],
/// R the sum of the ranks of the blocks. As nu -> 0 it tends to +infinity only when R < n and y is
/// fitted exactly, and to -infinity when R > n.
class CollapsedBound final : public ShareObjective {
 public:
  CollapsedBound(const MarginalSystem& system, Factorisation factors);

  const Factorisation& factors() const { return factors_; }

  bool is_unbounded() const override { return system().null_residual() == 0 && excess_ > 0; }
  bool has_limit_at_one() const override { return system().null_residual() == 0 && excess_ == 0; }

  ProfilePoint at_share(const Share& share) const override;

  /// The bound at any total variance, with the best q(beta) and omega for both variances.
  double value(const Evaluation& e, double tau2) const;

  /// That of ML: the gap is of second order in the ratio.
  double slope_at_zero() const override;

 private:
  Factorisation factors_;
  double excess_;  ///< n - R
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_FACTORISED_BOUND_HPP
