#ifndef HDLMM_INFERENCE_VARIATIONAL_VARIATIONAL_MODEL_HPP
#define HDLMM_INFERENCE_VARIATIONAL_VARIATIONAL_MODEL_HPP

#include <limits>

#include "hdlmm/model/variance_factor.hpp"
#include "hdlmm/objective/factorised_bound.hpp"

namespace hdlmm {

/// The means of q(beta) and q(delta), reduced to what the ELBO needs of them.
struct MeanMoments {
  double effects2 = 0;   ///< |mu|^2
  double residual2 = 0;  ///< |y - Q d - X mu|^2
  Vector delta;          ///< [c], d
};

/// One line of the trace: the ELBO and 1 / E[1 / sigma^2] of both variances.
struct BoundPoint {
  double elbo = 0;
  double random = 0;
  double residual = 0;
};

/// q(beta) q(delta) q(sigma_b^2) q(sigma_e^2), all but the means: y = Q delta + X beta + e.
///
/// q(delta) and both variances are points when they are estimated. The blocks' covariances follow
/// from the two expected precisions, so that only determinants and traces of them are needed.
/// The ELBO lacks the constants of the priors: those of log_prior() by log variances, and
/// 1/2 log|Lambda| - c/2 log 2 pi of a normal prior of delta.
class VariationalModel {
 public:
  /// Variances (and delta) estimated by maximum likelihood.
  VariationalModel(Factorisation factors, Index n, Index p);

  /// Priors of both variances and of delta: precision Lambda [c x c], zero when flat.
  VariationalModel(Factorisation factors, Index n, Index p, const VariancePrior& prior,
                   Matrix precision);

  bool is_full() const { return is_full_; }
  const Factorisation& factors() const { return factors_; }
  const VarianceFactor& random() const { return random_; }
  const VarianceFactor& residual() const { return residual_; }
  /// E[1 / sigma_b^2] and E[1 / sigma_e^2].
  double random_precision() const { return random_.precision(); }
  double residual_precision() const { return residual_.precision(); }
  double ratio() const { return residual_precision() / random_precision(); }
  void set_precisions(double random, double residual);

  /// The variances at which q(beta) is the posterior of a model with known ones.
  Share share(double kappa) const;
  double total(double kappa) const { return kappa / random_precision() + 1 / residual_precision(); }

  /// [c x c], covariance of q(delta): (E[1 / sigma_e^2] I + Lambda)^-1; zero for a point.
  Matrix fixed_covariance(Index c) const;

  /// Where q(delta) is best, less d, given the residual at d: along = Q'residual.
  Vector fixed_step(const Vector& along, const Vector& delta) const;

  const Matrix& fixed_precision() const { return fixed_precision_; }
  bool has_fixed_prior() const { return fixed_precision_.size() > 0; }

  /// With means that are best for the present variances: the best covariances of q(beta) and
  /// q(delta), then the best q of both variances. Returns the ELBO after it. O(number of columns).
  double update(const MeanMoments& means);

  BoundPoint point(double elbo) const;

  /// Rounding of the ELBO: its terms are of the size of n + p and of itself.
  double rounding(double elbo) const;

 private:
  static constexpr double kLog2Pi = 1.8378770664093454836;

  Factorisation factors_;
  double n_;
  double p_;
  VarianceFactor random_;
  VarianceFactor residual_;
  Matrix fixed_precision_;  ///< empty when flat
  bool is_full_ = false;
};

/// Stops an ascent of linear rate when the gain that is left, projected as a geometric series
/// (Aitken), is below `tol` twice running, or when gains have sunk into rounding.
class GainRule {
 public:
  explicit GainRule(double tol) : tol_(tol) {}

  bool is_done(double value, double rounding);

 private:
  double tol_;
  double last_ = -std::numeric_limits<double>::infinity();
  double last_gain_ = 0;
  int steps_ = 0;
  int n_small_ = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_VARIATIONAL_MODEL_HPP
