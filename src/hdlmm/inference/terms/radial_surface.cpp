#include "hdlmm/inference/terms/radial_surface.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// Covariance of columns about their mean, with a little on its diagonal: points may lie in a
/// plane.
Matrix column_covariance(const Matrix& points, const Vector& centre) {
  const Matrix centred = points.colwise() - centre;
  Matrix out = product_transpose(centred, centred) / static_cast<double>(points.cols());
  out.diagonal().array() += 1e-12 + 1e-9 * out.diagonal().maxCoeff();
  return out;
}

double cube(double square) { return square * std::sqrt(square); }

Matrix radial_products(const Matrix& nodes) {
  const Index n = nodes.cols();
  Matrix out(n, n);
  for (Index j = 0; j < n; ++j) {
    for (Index i = 0; i < n; ++i) out(i, j) = cube((nodes.col(i) - nodes.col(j)).squaredNorm());
  }
  return out;
}

}  // namespace

RadialSurface::RadialSurface(const Matrix& points, const Matrix& values) {
  const Index m = points.rows(), n = points.cols();
  const Index linear = m + 1, quadratic = (m + 1) * (m + 2) / 2;
  if (n < 2 * linear) return;
  is_quadratic_ = n >= 2 * quadratic;
  standardise(points);
  Matrix basis(n, is_quadratic_ ? quadratic : linear);
  for (Index i = 0; i < n; ++i) basis.row(i) = monomials(nodes_.col(i)).transpose();
  // With the trend's columns Q: w = Pi w, (Pi Phi Pi + lambda I + Q Q') w = Pi f, Pi = I - Q Q'
  const ThinQr qr = thin_qr(basis);
  const Matrix phi = radial_products(nodes_);
  Matrix b = product(phi, qr.q);
  const Matrix inside = transpose_product(qr.q, b);
  subtract_product(qr.q, inside / 2, b);
  Matrix system = phi;
  subtract_product_transpose(qr.q, b, system);
  subtract_product_transpose(b, qr.q, system);
  const double size = std::max(1e-300, system.diagonal().cwiseAbs().maxCoeff());
  system += size * product_transpose(qr.q, qr.q);
  system.diagonal().array() += 1e-9 * size;
  if (!cholesky_in_place(system, Context())) return;
  Matrix right = values.transpose();
  subtract_product(qr.q, product_transpose(qr.q.transpose(), values), right);
  solve_lower(system, right, Context());
  solve_lower_transposed(system, right, Context());
  Matrix left = values.transpose();
  subtract_product(phi, right, left);
  Matrix coefficients = transpose_product(qr.q, left);
  solve_upper(qr.r, coefficients);
  weights_ = right.transpose();
  trend_ = coefficients.transpose();
}

void RadialSurface::standardise(const Matrix& points) {
  centre_ = points.rowwise().mean();
  const Matrix root = upper_root(column_covariance(points, centre_));
  whiten_ = Matrix::Identity(points.rows(), points.rows());
  solve_lower(root.transpose(), whiten_, Context());
  nodes_ = product(whiten_, points.colwise() - centre_);
  reach_ = std::sqrt(nodes_.colwise().squaredNorm().maxCoeff());
}

Vector RadialSurface::monomials(const ConstVector& z) const {
  const Index m = z.size();
  Vector out(is_quadratic_ ? (m + 1) * (m + 2) / 2 : m + 1);
  out[0] = 1;
  out.segment(1, m) = z;
  Index i = m + 1;
  for (Index j = 0; is_quadratic_ && j < m; ++j) {
    for (Index k = j; k < m; ++k) out[i++] = z[j] * z[k];
  }
  return out;
}

RadialSurface::Value RadialSurface::at(const ConstVector& point, Index count) const {
  const Vector z = times(whiten_, point - centre_);
  Vector radial(nodes_.cols());
  for (Index i = 0; i < radial.size(); ++i) radial[i] = cube((nodes_.col(i) - z).squaredNorm());
  return {times(weights_.topRows(count), radial) + times(trend_.topRows(count), monomials(z)),
          std::max(0.0, z.norm() - reach_)};
}

std::vector<Index> RadialSurface::spread(const Matrix& points, Index first, Index count) {
  RadialSurface frame;
  frame.standardise(points);
  const Index n = points.cols();
  std::vector<Index> out{first};
  Vector gap = Vector::Constant(n, std::numeric_limits<double>::infinity());
  while (static_cast<Index>(out.size()) < std::min(count, n)) {
    const Vector last = frame.nodes_.col(out.back());
    Index farthest = 0;
    for (Index i = 0; i < n; ++i) {
      gap[i] = std::min(gap[i], (frame.nodes_.col(i) - last).squaredNorm());
      if (gap[i] > gap[farthest]) farthest = i;
    }
    if (!(gap[farthest] > 1e-6)) break;
    out.push_back(farthest);
  }
  return out;
}

}  // namespace hdlmm
