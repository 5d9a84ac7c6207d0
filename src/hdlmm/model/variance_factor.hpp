#ifndef HDLMM_MODEL_VARIANCE_FACTOR_HPP
#define HDLMM_MODEL_VARIANCE_FACTOR_HPP

#include <cmath>
#include <stdexcept>

#include "hdlmm/model/variance_prior.hpp"

namespace hdlmm {

/// q of one variance x of `count` independent normal numbers: an inverse gamma under a conjugate
/// prior, or a point where x is estimated by maximum likelihood.
///
/// A half t prior of x^(1/2) with df a and squared scale b is x | w ~ IG(a/2, a/w), w ~ IG(1/2,
/// 1/b) (Wand, Ormerod, Padoan & Fruehwirth 2011, Bayesian Analysis 6, result 5), with a factor
/// q(w) of its own. flat = IG(-1, 0) and jeffreys = IG(0, 0).
class VarianceFactor {
 public:
  static VarianceFactor point(double count) {
    VarianceFactor out;
    out.is_point_ = true;
    out.shape_ = 0.5 * count;
    return out;
  }

  static VarianceFactor conjugate(const ParameterDensity& prior, double count) {
    VarianceFactor out;
    double shape = 0;
    switch (prior.kind) {
      case DensityKind::flat:
        shape = -1;
        break;
      case DensityKind::jeffreys:
        break;
      case DensityKind::inverse_gamma:
        shape = prior.a;
        out.prior_scale_ = prior.b;
        break;
      case DensityKind::half_t:
        shape = 0.5 * prior.a;
        out.is_half_t_ = true;
        out.half_t_ = prior;
        break;
      default:
        throw std::invalid_argument("VarianceFactor: a density of a variance is needed");
    }
    out.shape_ = shape + 0.5 * count;
    return out;
  }

  bool is_point() const { return is_point_; }
  double shape() const { return shape_; }
  double scale() const { return shape_ / precision_; }
  /// E[1 / x].
  double precision() const { return precision_; }
  void set_precision(double precision) { precision_ = precision; }

  /// Best q(w), then best q(x). sum2: expected sum of squares of the numbers.
  void update(double sum2) {
    if (is_half_t_) {
      const double w_shape = 0.5 * (half_t_.a + 1);
      w_scale_ = 1 / half_t_.b + half_t_.a * precision_;
      prior_scale_ = half_t_.a * w_shape / w_scale_;
    }
    precision_ = shape_ / (prior_scale_ + 0.5 * sum2);
  }

  /// E log p(numbers | x) + E log prior - E log q(x), less count/2 log 2 pi and the constant of the
  /// prior; densities are those of log_prior() by the measure of log variances.
  double value(double sum2) const {
    const double fit = precision_ * (prior_scale_ + 0.5 * sum2);
    if (is_point_) return shape_ * std::log(precision_) - fit;
    double out = shape_ * (1 - std::log(scale())) + std::lgamma(shape_) - fit;
    if (is_half_t_) {
      const double w_shape = 0.5 * (half_t_.a + 1);
      out += w_shape * (1 - std::log(w_scale_ / half_t_.a)) - w_shape / (w_scale_ * half_t_.b);
    }
    return out;
  }

 private:
  bool is_point_ = false;
  bool is_half_t_ = false;
  ParameterDensity half_t_;
  double shape_ = 0;
  double prior_scale_ = 0;  ///< of the inverse gamma prior; a E[1 / w] for a half t
  double w_scale_ = 1;
  double precision_ = 1;
};

}  // namespace hdlmm

#endif  // HDLMM_MODEL_VARIANCE_FACTOR_HPP
