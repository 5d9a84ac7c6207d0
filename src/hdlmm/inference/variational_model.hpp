#ifndef HDLMM_INFERENCE_VARIATIONAL_MODEL_HPP
#define HDLMM_INFERENCE_VARIATIONAL_MODEL_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "hdlmm/core/products.hpp"
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
  VariationalModel(Factorisation factors, Index n, Index p)
      : factors_(std::move(factors)),
        n_(static_cast<double>(n)),
        p_(static_cast<double>(p)),
        random_(VarianceFactor::point(p_)),
        residual_(VarianceFactor::point(n_)) {}

  /// Priors of both variances and of delta: precision Lambda [c x c], zero when flat.
  VariationalModel(Factorisation factors, Index n, Index p, const VariancePrior& prior,
                   Matrix precision)
      : factors_(std::move(factors)),
        n_(static_cast<double>(n)),
        p_(static_cast<double>(p)),
        random_(VarianceFactor::conjugate(prior.first, p_)),
        residual_(VarianceFactor::conjugate(prior.second, n_)),
        fixed_precision_(std::move(precision)),
        is_full_(true) {}

  bool is_full() const { return is_full_; }
  const Factorisation& factors() const { return factors_; }
  const VarianceFactor& random() const { return random_; }
  const VarianceFactor& residual() const { return residual_; }
  /// E[1 / sigma_b^2] and E[1 / sigma_e^2].
  double random_precision() const { return random_.precision(); }
  double residual_precision() const { return residual_.precision(); }
  double ratio() const { return residual_precision() / random_precision(); }
  void set_precisions(double random, double residual) {
    random_.set_precision(random);
    residual_.set_precision(residual);
  }

  /// The variances at which q(beta) is the posterior of a model with known ones.
  Share share(double kappa) const {
    const double odds = kappa * ratio();
    return {odds / (1 + odds), 1 / (1 + odds)};
  }
  double total(double kappa) const { return kappa / random_precision() + 1 / residual_precision(); }

  /// [c x c], covariance of q(delta): (E[1 / sigma_e^2] I + Lambda)^-1; zero for a point.
  Matrix fixed_covariance(Index c) const {
    if (!is_full_ || c == 0) return Matrix::Zero(c, c);
    Matrix precision = residual_precision() * Matrix::Identity(c, c);
    if (has_fixed_prior()) precision += fixed_precision_;
    return precision.llt().solve(Matrix::Identity(c, c));
  }

  /// Where q(delta) is best, less d, given the residual at d: along = Q'residual.
  Vector fixed_step(const Vector& along, const Vector& delta) const {
    if (!has_fixed_prior()) return along;
    Matrix precision = fixed_precision_;
    precision.diagonal().array() += residual_precision();
    return precision.llt().solve(residual_precision() * along - fixed_precision_ * delta);
  }

  const Matrix& fixed_precision() const { return fixed_precision_; }
  bool has_fixed_prior() const { return fixed_precision_.size() > 0; }

  /// With means that are best for the present variances: the best covariances of q(beta) and
  /// q(delta), then the best q of both variances. Returns the ELBO after it. O(number of columns).
  double update(const MeanMoments& means) {
    const double random = random_precision(), residual = residual_precision();
    const double ratio_now = residual / random;
    const double shrunk =
        factors_.terms({ratio_now / (1 + ratio_now), 1 / (1 + ratio_now)}, 1).trace;
    double entropy =
        0.5 * (p_ * (kLog2Pi + 1 - std::log(random)) - factors_.log_det_ratio(ratio_now));
    double fixed_trace = 0;
    if (is_full_ && means.delta.size() > 0) {
      const Index c = means.delta.size();
      const Matrix covariance = fixed_covariance(c);
      fixed_trace = covariance.trace();
      entropy += 0.5 * (static_cast<double>(c) * (kLog2Pi + 1) + log_determinant(covariance));
      if (has_fixed_prior()) {
        entropy -= 0.5 * (means.delta.dot(fixed_precision_ * means.delta) +
                          fixed_precision_.cwiseProduct(covariance).sum());
      }
    }
    const double random2 = means.effects2 + (p_ - shrunk) / random;
    const double residual2 = means.residual2 + fixed_trace + shrunk / residual;
    random_.update(random2);
    residual_.update(residual2);
    return -0.5 * (n_ + p_) * kLog2Pi + entropy + random_.value(random2) +
           residual_.value(residual2);
  }

  BoundPoint point(double elbo) const {
    return {elbo, 1 / random_precision(), 1 / residual_precision()};
  }

  /// Rounding of the ELBO: its terms are of the size of n + p and of itself.
  double rounding(double elbo) const {
    return 4 * std::numeric_limits<double>::epsilon() * (std::abs(elbo) + n_ + p_);
  }

 private:
  static constexpr double kLog2Pi = 1.8378770664093454836;

  static double log_determinant(const Matrix& a) {
    return 2 * a.llt().matrixLLT().diagonal().array().log().sum();
  }

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

  bool is_done(double value, double rounding) {
    const double gain = value - last_;
    last_ = value;
    ++steps_;
    if (steps_ < 3) {
      last_gain_ = gain;
      return false;
    }
    const double rate = last_gain_ > 0 ? gain / last_gain_ : 1;
    const double left = rate < 1 ? gain * std::max(rate, 0.0) / (1 - rate)
                                 : std::numeric_limits<double>::infinity();
    const bool is_small = gain <= rounding || (gain >= 0 && left <= tol_);
    last_gain_ = gain;
    n_small_ = is_small ? n_small_ + 1 : 0;
    return n_small_ >= 2;
  }

 private:
  double tol_;
  double last_ = -std::numeric_limits<double>::infinity();
  double last_gain_ = 0;
  int steps_ = 0;
  int n_small_ = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_MODEL_HPP
