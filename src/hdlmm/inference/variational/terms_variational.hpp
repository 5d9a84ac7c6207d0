#ifndef HDLMM_INFERENCE_VARIATIONAL_TERMS_VARIATIONAL_HPP
#define HDLMM_INFERENCE_VARIATIONAL_TERMS_VARIATIONAL_HPP

#include <vector>

#include "hdlmm/inference/variational/variational_model.hpp"
#include "hdlmm/model/covariance_factor.hpp"
#include "hdlmm/objective/terms_bound.hpp"

namespace hdlmm {

/// The means of q(beta) and q(delta) of several terms, reduced to what the ELBO needs of them.
struct TermsMeans {
  std::vector<Matrix> second;  ///< sum_j m_kj m_kj' of the coefficients of X_k, [r x r]
  double residual2 = 0;        ///< |y - Q d - sum_k X_k m_k|^2
  Vector delta;                ///< [c], d
};

/// q(beta) apart from its means.
struct TermsSpread {
  std::vector<Matrix> second;  ///< sum_j Cov(beta_kj), [r x r]
  double fit = 0;              ///< tr X Cov(beta) X'
  double log_det = 0;          ///< log|Cov(beta)|
};

/// One line of the trace: Sigma_k and sigma_e^2 as 1 / E[1 / .], of the coefficients of X_k.
struct TermsPoint {
  double elbo = 0;
  double residual = 0;
  std::vector<Matrix> random;
};

/// q(beta) q(delta) prod_k q(Sigma_k) q(sigma_e^2), all but the means: what VariationalModel is of
/// one term. Factors of covariances are those of the coefficients of X_k.
class TermsVariational {
 public:
  /// residual: of sigma_e^2. fixed_precision [c x c] is empty where the prior of delta is flat; in
  /// a full model delta has a factor, else it is a point.
  TermsVariational(const TermsModel& model, std::vector<CovarianceFactor> random,
                   VarianceFactor residual, Matrix fixed_precision, bool is_full);

  const TermsModel& model() const { return *model_; }
  const CovarianceFactor& random(Index k) const { return random_[static_cast<std::size_t>(k)]; }
  const VarianceFactor& residual() const { return residual_; }
  double residual_precision() const { return residual_.precision(); }
  bool is_full() const { return is_full_; }
  void set_precisions(const std::vector<Matrix>& random, double residual);

  /// S_k of the system at which q(beta) has the means of a model with known variances.
  Covariances relative() const;

  /// The same as variances of the coefficients of X_k.
  std::vector<Matrix> covariances() const;

  /// Cov(delta) [c x c]: (E[1 / sigma_e^2] I + Lambda)^-1; zero for a point.
  Matrix fixed_covariance() const;
  bool has_fixed_prior() const { return fixed_precision_.size() > 0; }

  /// The best d where E[1 / sigma_e^2] (A d - v) + Lambda d = 0, A [c x c] positive definite.
  Vector best_fixed(const Matrix& a, const Vector& v) const;

  /// The same step for the residual at d, along = Q'residual.
  Vector fixed_step(const Vector& along, const Vector& delta) const;

  /// The best q of all variances, given means and the covariances of q(beta) and q(delta). Returns
  /// the ELBO after it. It lacks the constants of the priors that VarianceFactor lacks, and 1/2
  /// log|Lambda| - c/2 log 2 pi of a normal prior of delta.
  double update(const TermsMeans& means, const TermsSpread& spread);

  TermsPoint point(double elbo) const;

  /// Rounding of the ELBO.
  double rounding(double elbo) const;

 private:
  double fixed_entropy(const TermsMeans& means, const Matrix& covariance) const;

  const TermsModel* model_;  ///< borrowed
  std::vector<CovarianceFactor> random_;
  VarianceFactor residual_;
  Matrix fixed_precision_;
  bool is_full_;
};

/// sum_j m_j m_j' with m_j = T b_j, b [q] the coefficients of X (I (x) T).
Matrix level_products(const Vector& b, const Matrix& turn);

/// q(beta) of factorised blocks at the model's expected precisions.
TermsSpread factorised_spread(const TermsFactorisation& factors, const TermsVariational& model);

/// The same of one block of all coefficients, by the system factored there.
TermsSpread joint_spread(const TermsFactor& factor, const TermsVariational& model);

/// Means that are jointly best for the model's expected precisions.
TermsMeans best_means(const TermsFactor& factor, const TermsVariational& model);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_TERMS_VARIATIONAL_HPP
