#ifndef HDLMM_MODEL_VARIANCE_FACTOR_HPP
#define HDLMM_MODEL_VARIANCE_FACTOR_HPP

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
  static VarianceFactor point(double count);

  static VarianceFactor conjugate(const ParameterDensity& prior, double count);

  bool is_point() const { return is_point_; }
  double shape() const { return shape_; }
  double scale() const { return shape_ / precision_; }
  /// E[1 / x].
  double precision() const { return precision_; }
  void set_precision(double precision) { precision_ = precision; }

  /// Best q(w), then best q(x). sum2: expected sum of squares of the numbers.
  void update(double sum2);

  /// E log p(numbers | x) + E log prior - E log q(x), less count/2 log 2 pi and the constant of the
  /// prior; densities are those of log_prior() by the measure of log variances.
  double value(double sum2) const;

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
