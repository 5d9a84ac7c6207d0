#include "hdlmm/marginal/terms_system.hpp"

#include <stdexcept>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

Index TermsModel::parameters() const {
  Index out = 0;
  for (const TermShape& shape : shapes) out += shape.parameters();
  return out;
}

TermsFixed fixed_of(const Matrix& data_gram) {
  const Index c = data_gram.rows() - 1;
  const Matrix a = data_gram.topLeftCorner(c, c);
  const Vector v = data_gram.col(c).head(c);
  TermsFixed out;
  out.covariance = solve_positive(a, Matrix::Identity(c, c));
  out.delta = times(out.covariance, v);
  out.rss = data_gram(c, c) - v.dot(out.delta);
  out.log_det = log_determinant(a);
  return out;
}

Matrix level_errors(const TermsFactor& factor, const Covariances& at, Index k) {
  const Index r = at.shape(k).width;
  Matrix out = factor.level_covariances(k);
  const Matrix fixed = factor.fixed_response(k);
  const Matrix root = upper_root(fixed_of(factor.data_gram()).covariance);
  const Matrix half = product_transpose(fixed, root);
  for (Index j = 0; j < at.shape(k).levels; ++j) {
    const auto own = half.middleRows(j * r, r);
    out.middleCols(j * r, r) += product_transpose(own, own);
  }
  return out;
}

Vector projection_diagonal(const TermsFactor& factor, const Matrix& q) {
  const Matrix solved = factor.solve(q);
  const Matrix root = upper_root(fixed_of(factor.data_gram()).covariance);
  return factor.inverse_diagonal() - product_transpose(solved, root).rowwise().squaredNorm();
}

Matrix fixed_share(const std::vector<Matrix>& slopes, Index first, Index width,
                   const Matrix& covariance) {
  Matrix out(width, width);
  Index i = first;
  for (const auto [row, col] : triangle_cells(width)) {
    const double trace = slopes[static_cast<std::size_t>(i++)].cwiseProduct(covariance).sum();
    out(row, col) = out(col, row) = row == col ? trace : trace / 2;
  }
  return out;
}

}  // namespace hdlmm
