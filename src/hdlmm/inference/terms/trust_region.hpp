#ifndef HDLMM_INFERENCE_TERMS_TRUST_REGION_HPP
#define HDLMM_INFERENCE_TERMS_TRUST_REGION_HPP

#include <limits>

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// A quadratic model at a point: gradient g and Hessian h.
struct QuadraticModel {
  Vector gradient;
  Matrix hessian;

  /// g'd + 1/2 d'Hd.
  double change(const Vector& step) const;
};

/// The minimiser of a model over |d| <= radius, negative curvature included (More & Sorensen 1983,
/// SIAM J. Sci. Stat. Comput. 4): d = -(H + lambda I)^-1 g, lambda >= max(0, -smallest eigenvalue).
/// In the hard case, g orthogonal to the lowest eigenvector, that one is added.
Vector trust_step(const QuadraticModel& model, double radius);

/// Of a step to where nothing is known.
constexpr double kUnknownGain = std::numeric_limits<double>::quiet_NaN();

/// Whether a step is taken, by what it gained beside what the model promised, both counted with the
/// rounding `noise` of the gain; sets the radius for the next one from the length of this. A gain
/// that is not finite is not taken: far down a promise is less than the noise, and whatever stood
/// in for an unknown gain could pass for one.
bool takes_step(double gain, double promised, double noise, double length, double& radius);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TRUST_REGION_HPP
