#include "hdlmm/inference/terms/term_units.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// Lower triangular D with D'T D = I: T = R R' with R = D^-T upper triangular, from the last column
/// to the first. Columns that depend on those after them keep a share of their own size.
Matrix lower_whitener(Matrix t) {
  const Index r = t.rows();
  const Vector size = t.diagonal();
  Matrix root = Matrix::Zero(r, r);
  for (Index j = r - 1; j >= 0; --j) {
    root(j, j) = std::sqrt(std::max(t(j, j), 1e-12 * size[j]));
    root.col(j).head(j) = t.col(j).head(j) / root(j, j);
    for (Index l = 0; l < j; ++l) t.col(l).head(j) -= root(l, j) * root.col(j).head(j);
  }
  Matrix out = Matrix::Identity(r, r);
  solve_lower(root.transpose(), out, Context());
  return out.triangularView<Eigen::Lower>();
}

}  // namespace

TermUnits::TermUnits(const Matrix& null_information, std::vector<TermShape> shapes)
    : shapes_(std::move(shapes)) {
  const Index m = null_information.rows() - 1;
  Index at = 0;
  for (const TermShape& shape : shapes_) {
    const Vector traces = null_information.col(m).segment(at, shape.parameters());
    const Matrix total = of_cell_traces(traces, shape.width);
    root_.push_back(lower_whitener(total / null_information(m, m)));
    Matrix inverse = Matrix::Identity(shape.width, shape.width);
    solve_lower(root_.back(), inverse, Context());
    inverse_.push_back(std::move(inverse));
    at += shape.parameters();
  }
}

void TermUnits::reorder(Index k, const Matrix& map, const Matrix& inverse_map, bool is_pair) {
  const auto at = static_cast<std::size_t>(k);
  const Matrix size = product(inverse_[at], map);
  Matrix root = lower_whitener(transpose_product(size, size));
  if (is_pair) root(1, 0) = 0;
  Matrix inverse = Matrix::Identity(root.rows(), root.cols());
  solve_lower(root, inverse, Context());
  root_[at] = product(map, root);
  inverse_[at] = product(inverse, inverse_map);
}

Matrix TermUnits::from_units(Index k, const Matrix& s) const {
  return congruent(root_[static_cast<std::size_t>(k)], s);
}

Matrix TermUnits::to_units(Index k, const Matrix& s) const {
  return congruent(inverse_[static_cast<std::size_t>(k)], s);
}

Matrix TermUnits::gradient(Index k, const Matrix& g) const {
  return sandwich(root_[static_cast<std::size_t>(k)], g);
}

Covariances TermUnits::from_units(const Covariances& inner) const {
  std::vector<Matrix> out;
  for (Index k = 0; k < size(); ++k) out.push_back(from_units(k, inner.relative(k)));
  return Covariances::of(shapes_, out);
}

Covariances TermUnits::to_units(const Covariances& outer) const {
  std::vector<Matrix> out;
  for (Index k = 0; k < size(); ++k) out.push_back(to_units(k, outer.relative(k)));
  return Covariances::of(shapes_, out);
}

Covariances TermUnits::turn(const Covariances& inner, Index but) {
  Vector theta = inner.theta();
  for (Index k = 0; k < size(); ++k) {
    if (k == but) continue;
    const auto at = static_cast<std::size_t>(k);
    const SymmetricEigen eigen = symmetric_eigen(inner.relative(k));
    const Matrix vectors = eigen.vectors.rowwise().reverse();
    root_[at] = product(root_[at], vectors);
    inverse_[at] = transpose_product(vectors, inverse_[at]);
    const Vector deviations = eigen.values.reverse().cwiseMax(0).cwiseSqrt();
    theta.segment(inner.first(k), inner.shape(k).parameters()) =
        half_vector(deviations.asDiagonal().toDenseMatrix());
  }
  return Covariances(shapes_, std::move(theta));
}

std::vector<Matrix> TermUnits::gradients(const std::vector<Matrix>& g) const {
  std::vector<Matrix> out;
  for (Index k = 0; k < size(); ++k) out.push_back(gradient(k, g[static_cast<std::size_t>(k)]));
  return out;
}

Matrix TermUnits::information(const Matrix& outer) const {
  Matrix map = Matrix::Identity(outer.rows(), outer.cols());
  Index first = 0;
  for (const Matrix& root : root_) {
    const Matrix own = congruence_map(root);
    map.block(first, first, own.rows(), own.cols()) = own;
    first += own.rows();
  }
  return sandwich(map, outer);
}

}  // namespace hdlmm
