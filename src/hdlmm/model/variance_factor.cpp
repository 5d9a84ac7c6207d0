#include "hdlmm/model/variance_factor.hpp"

#include <cmath>
#include <stdexcept>

namespace hdlmm {

VarianceFactor VarianceFactor::point(double count) {
  VarianceFactor out;
  out.is_point_ = true;
  out.shape_ = 0.5 * count;
  return out;
}

VarianceFactor VarianceFactor::conjugate(const ParameterDensity& prior, double count) {
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

void VarianceFactor::update(double sum2) {
  if (is_half_t_) {
    const double w_shape = 0.5 * (half_t_.a + 1);
    w_scale_ = 1 / half_t_.b + half_t_.a * precision_;
    prior_scale_ = half_t_.a * w_shape / w_scale_;
  }
  precision_ = shape_ / (prior_scale_ + 0.5 * sum2);
}

double VarianceFactor::value(double sum2) const {
  const double fit = precision_ * (prior_scale_ + 0.5 * sum2);
  if (is_point_) return shape_ * std::log(precision_) - fit;
  double out = shape_ * (1 - std::log(scale())) + std::lgamma(shape_) - fit;
  if (is_half_t_) {
    const double w_shape = 0.5 * (half_t_.a + 1);
    out += w_shape * (1 - std::log(w_scale_ / half_t_.a)) - w_shape / (w_scale_ * half_t_.b);
  }
  return out;
}

}  // namespace hdlmm
