#include "hdlmm/inference/terms/cone_projection.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/model/covariances.hpp"

namespace hdlmm {

namespace {

constexpr Index kPointsOfATask = 512;
constexpr double kConeGap = 1e-4;
constexpr int kConeSteps = 200;

const double kRootTwo = std::sqrt(2.0);

// A matrix stands here as its half vector with the cells beside the diagonal times the root of two:
// inner products are those of matrices, and the cone is its own dual.

Vector cell_scales(const std::vector<Index>& widths) {
  std::vector<double> scales;
  for (const Index width : widths) {
    for (const TriangleCell& cell : triangle_cells(width)) {
      scales.push_back(cell.row == cell.col ? 1 : kRootTwo);
    }
  }
  return Eigen::Map<const Vector>(scales.data(), static_cast<Index>(scales.size()));
}

/// The nearest positive semidefinite matrix to (a, root two b, c).
void make_psd_of_two(double* x) {
  const double mean = 0.5 * (x[0] + x[2]), half = 0.5 * (x[0] - x[2]), beside = x[1] / kRootTwo;
  const double radius = std::hypot(half, beside);
  if (mean >= radius) return;
  const double high = std::max(0.0, mean + radius);
  const double share = 0.5 * high / std::max(radius, 1e-300);
  x[0] = 0.5 * high + share * half;
  x[2] = 0.5 * high - share * half;
  x[1] = kRootTwo * share * beside;
}

void make_psd_of_any(Index width, double* x) {
  Eigen::Map<Vector> own(x, width * (width + 1) / 2);
  const Vector scales = cell_scales({width});
  const SymmetricEigen eigen = symmetric_eigen(symmetric_of(own.cwiseQuotient(scales), width));
  if (eigen.values[0] >= 0) return;
  const Matrix root = eigen.vectors * eigen.values.cwiseMax(0).cwiseSqrt().asDiagonal();
  own = half_vector(product_transpose(root, root)).cwiseProduct(scales);
}

void make_psd(const std::vector<Index>& widths, Vector& x) {
  double* own = x.data();
  for (const Index width : widths) {
    if (width == 1) {
      *own = std::max(0.0, *own);
    } else if (width == 2) {
      make_psd_of_two(own);
    } else {
      make_psd_of_any(width, own);
    }
    own += width * (width + 1) / 2;
  }
}

struct Congruence {
  Matrix root, inverse;
};

/// C^1/2 of a block of the metric that is about tr(C D C D), as an information is: the metric takes
/// the identity to C^2. In the coordinates C^1/2 D C^1/2 it is near to the identity.
Congruence metric_root(const ConstMatrix& own, Index width) {
  const Vector scales = cell_scales({width});
  const Vector identity = half_vector(Matrix::Identity(width, width));
  const Vector image = times(own, identity).cwiseQuotient(scales);
  const SymmetricEigen eigen = symmetric_eigen(symmetric_of(image, width));
  const double least = 1e-6 * std::max(eigen.values.cwiseAbs().maxCoeff(), 1e-300);
  const Vector roots = eigen.values.cwiseMax(least).cwiseSqrt().cwiseSqrt();
  const Matrix inverse = eigen.vectors * roots.cwiseInverse().asDiagonal();
  return {product_transpose(eigen.vectors * roots.asDiagonal(), eigen.vectors),
          product_transpose(inverse, eigen.vectors)};
}

/// In coordinates where the metric is near to the identity, which leave the cone as it is.
class ConeMetric {
 public:
  ConeMetric(const ConstMatrix& metric, const std::vector<Index>& widths) : widths_(widths) {
    const Vector scales = cell_scales(widths);
    check_input(metric.rows() == scales.size() && metric.cols() == scales.size(),
                "metric of a cone: shape");
    const Vector inverse = scales.cwiseInverse();
    const Matrix own = inverse.asDiagonal() * Matrix(metric) * inverse.asDiagonal();
    const Index m = scales.size();
    to_inner_ = Matrix::Zero(m, m);
    Matrix back = Matrix::Zero(m, m);
    Index at = 0;
    for (const Index width : widths) {
      const Index count = width * (width + 1) / 2;
      const Congruence turn = metric_root(own.block(at, at, count, count), width);
      to_inner_.block(at, at, count, count) =
          scales.segment(at, count).asDiagonal() * congruence_map(turn.root);
      back.block(at, at, count, count) =
          congruence_map(turn.inverse) * inverse.segment(at, count).asDiagonal();
      at += count;
    }
    inner_ = sandwich(back, metric);
    inverse_ = solve_positive(inner_, Matrix::Identity(m, m));
    largest_ = symmetric_eigen(inner_).values[m - 1];
  }

  /// By accelerated steps along the gradient (Beck & Teboulle 2009), begun anew where they turn
  /// back (O'Donoghue & Candes 2015), until the gap to the dual is closed.
  double distance(const ConstVector& given) const {
    const Vector point = times(to_inner_, given);
    const Index m = point.size();
    Vector slope(m), next(m);
    const double total = length(point, slope);
    Vector x = point;
    make_psd(widths_, x);
    Vector y = x;
    double momentum = 1;
    for (int i = 0;; ++i) {
      if (i % 4 == 0) {
        const Gap gap = gap_at(point, x, next, slope);
        if (gap.primal - gap.dual <= kConeGap * total || i >= kConeSteps) {
          return std::min(std::max(0.5 * (gap.primal + gap.dual), 0.0), total);
        }
      }
      next = y - point;
      multiply(inner_, next, slope);
      next = y - slope / largest_;
      make_psd(widths_, next);
      if ((y - next).dot(next - x) > 0) momentum = 1;
      const double faster = 0.5 * (1 + std::sqrt(1 + 4 * momentum * momentum));
      y = next + (momentum - 1) / faster * (next - x);
      momentum = faster;
      x.swap(next);
    }
  }

 private:
  struct Gap {
    double primal, dual;
  };

  /// Of a handful of numbers, without the memory that products by name take.
  static void multiply(const Matrix& a, const Vector& x, Vector& out) {
    out.setZero();
    for (Index j = 0; j < x.size(); ++j) out += x[j] * a.col(j);
  }

  double length(const Vector& x, Vector& scratch) const {
    multiply(inner_, x, scratch);
    return x.dot(scratch);
  }

  /// With the multiplier Lambda = H (x - p), made positive semidefinite: the distance is at least
  /// -2 Lambda'p - Lambda'H^-1 Lambda.
  Gap gap_at(const Vector& point, const Vector& x, Vector& apart, Vector& multiplier) const {
    apart = x - point;
    const double primal = length(apart, multiplier);
    make_psd(widths_, multiplier);
    multiply(inverse_, multiplier, apart);
    return {primal, -2 * multiplier.dot(point) - multiplier.dot(apart)};
  }

  std::vector<Index> widths_;
  Matrix to_inner_, inner_, inverse_;
  double largest_ = 1;
};

}  // namespace

Vector cone_distances(const ConstMatrix& metric, const std::vector<Index>& widths,
                      const ConstMatrix& points, const Context& context) {
  const ConeMetric cone(metric, widths);
  check_input(points.rows() == metric.rows(), "points beside a cone: shape");
  Vector out(points.cols());
  const Index tasks = (points.cols() + kPointsOfATask - 1) / kPointsOfATask;
  parallel_for(context, tasks, [&](Index task) {
    const Index first = task * kPointsOfATask;
    const Index last = std::min(first + kPointsOfATask, points.cols());
    for (Index i = first; i < last; ++i) out[i] = cone.distance(points.col(i));
  });
  return out;
}

}  // namespace hdlmm
