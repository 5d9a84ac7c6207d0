#include "hdlmm/inference/terms/trust_region.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// In the eigenvectors of H: d(lambda) = -g / (e + lambda).
Vector shifted_step(const Vector& along, const Vector& values, double lambda) {
  return -along.cwiseQuotient((values.array() + lambda).matrix());
}

/// lambda > floor with |d(lambda)| = radius, by Newton on 1 / |d|, kept within a bracket.
double boundary_shift(const Vector& along, const Vector& values, double floor, double radius) {
  double low = floor, high = floor + along.norm() / radius;
  double lambda = high;
  for (int i = 0; i < 100; ++i) {
    const Vector step = shifted_step(along, values, lambda);
    const double size = step.norm();
    if (std::abs(size - radius) <= 1e-6 * radius) break;
    (size > radius ? low : high) = lambda;
    const double slope =
        step.cwiseAbs2().cwiseQuotient((values.array() + lambda).matrix()).sum() / size;
    double next = lambda + (size - radius) / radius * size / slope;
    if (!(next > low && next < high)) next = 0.5 * (low + high);
    if (next == lambda) break;
    lambda = next;
  }
  return lambda;
}

}  // namespace

double QuadraticModel::change(const Vector& step) const {
  return gradient.dot(step) + 0.5 * step.dot(times(hessian, step));
}

Vector trust_step(const QuadraticModel& model, double radius) {
  const SymmetricEigen eigen = symmetric_eigen(model.hessian);
  const Vector along = transpose_times(eigen.vectors, model.gradient);
  const double scale = std::max(eigen.values.cwiseAbs().maxCoeff(), 1e-300);
  const double floor = std::max(0.0, -eigen.values[0] + 1e-8 * scale);
  Vector step;
  if (floor == 0 && eigen.values[0] > 1e-14 * scale) {
    step = shifted_step(along, eigen.values, 0);
    if (step.norm() <= radius) return times(eigen.vectors, step);
  }
  step = shifted_step(along, eigen.values, std::max(floor, 1e-14 * scale));
  if (step.norm() > radius) {
    step = shifted_step(along, eigen.values, boundary_shift(along, eigen.values, floor, radius));
  } else if (eigen.values[0] < 0) {
    const double rest = radius * radius - step.squaredNorm();
    step[0] += std::copysign(std::sqrt(std::max(0.0, rest)), step[0]);
  }
  return times(eigen.vectors, step);
}

bool takes_step(double gain, double promised, double noise, double length, double& radius) {
  const bool is_known = std::isfinite(gain);
  const double ratio = is_known ? (gain + noise) / (promised + noise) : -1;
  if (ratio < 0.25) radius = 0.25 * std::min(radius, length);
  if (ratio > 0.75) radius = std::max(radius, 2 * length);
  return ratio > 1e-4;
}

}  // namespace hdlmm
