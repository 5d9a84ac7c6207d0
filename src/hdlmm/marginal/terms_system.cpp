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

const Matrix& TermsSystem::null_information() const {
  if (null_information_.size() == 0) null_information_ = do_null_information();
  return null_information_;
}

Vector response_turn(const Vector& delta) {
  Vector out(delta.size() + 1);
  out << -delta, 1;
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

Matrix level_errors(const TermsFactor& factor, const Covariances& at, Index k,
                    const Matrix& covariance) {
  const Index r = at.shape(k).width;
  Matrix out = factor.level_covariances(k);
  const Matrix fixed = factor.fixed_response(k);
  const Matrix root = upper_root(covariance);
  const Matrix half = product_transpose(fixed, root);
  for (Index j = 0; j < at.shape(k).levels; ++j) {
    const auto own = half.middleRows(j * r, r);
    out.middleCols(j * r, r) += product_transpose(own, own);
  }
  return out;
}

Vector projection_diagonal(const TermsFactor& factor, const Matrix& q, const Matrix& covariance) {
  const Matrix solved = factor.solve(q);
  const Matrix root = upper_root(covariance);
  return factor.inverse_diagonal() - product_transpose(solved, root).rowwise().squaredNorm();
}

Matrix fixed_share(const std::vector<Matrix>& slopes, Index first, Index width,
                   const Matrix& covariance) {
  Vector traces(width * (width + 1) / 2);
  for (Index i = 0; i < traces.size(); ++i) {
    traces[i] = slopes[static_cast<std::size_t>(first + i)].cwiseProduct(covariance).sum();
  }
  return of_cell_traces(traces, width);
}

}  // namespace hdlmm
