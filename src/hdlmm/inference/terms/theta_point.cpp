#include "hdlmm/inference/terms/theta_point.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

double ThetaPoint::noise() const { return std::exp(x[parameters()]); }

Covariances ThetaPoint::factors() const {
  return Covariances(units.shapes(), x.head(parameters()));
}

void ThetaPoint::turn(Index but) {
  const Covariances turned = units.turn(factors(), but);
  x.head(parameters()) = turned.theta();
}

TermsEvaluation PointLikelihood::evaluate(const ThetaPoint& at, TermsHeld held) const {
  TermsEvaluation out;
  out.value = std::numeric_limits<double>::quiet_NaN();
  if (!at.x.allFinite()) return out;
  held.sigma2 = unit_ * at.noise();
  const Covariances relative(at.units.shapes(), at.x.head(at.parameters()) / std::sqrt(at.noise()));
  try {
    out = TermsLikelihood(system_, criterion_, std::move(held))
              .evaluate(at.units.from_units(relative), true, context_);
  } catch (const std::runtime_error&) {
    // no likelihood there
  }
  return out;
}

QuadraticModel PointLikelihood::model(const ThetaPoint& at, const TermsEvaluation& e) const {
  const Index m = at.parameters();
  const Covariances here = at.factors();
  std::vector<Matrix> slopes = at.units.gradients(e.gradient);
  double along = 0;
  for (Index k = 0; k < here.size(); ++k) {
    Matrix& slope = slopes[static_cast<std::size_t>(k)];
    slope /= at.noise();
    along += slope.cwiseProduct(here.relative(k)).sum();
  }
  const double count = TermsLikelihood(system_, criterion_).count();
  QuadraticModel out;
  out.gradient.resize(m + 1);
  out.gradient.head(m) = here.gradient(slopes);
  out.gradient[m] = count - e.fixed.rss / (unit_ * at.noise()) - along;
  Matrix jacobian = Matrix::Zero(m + 1, m + 1);
  jacobian.topLeftCorner(m, m) = here.jacobian();
  jacobian(m, m) = at.noise();
  out.hessian = 2 * unit_ * unit_ * sandwich(jacobian, at.units.information(e.information));
  out.hessian.topLeftCorner(m, m) += here.curvature(slopes);
  out.hessian(m, m) += out.gradient[m];
  return out;
}

}  // namespace hdlmm
