#include "hdlmm/marginal/terms_system.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

Index TermsModel::parameters() const {
  Index out = 0;
  for (const TermShape& shape : shapes) out += shape.parameters();
  return out;
}

bool TermsModel::has_row_cells() const {
  return std::all_of(designs.begin(), designs.end(),
                     [](const auto& design) { return design->has_row_cells(); });
}

bool TermsModel::has_identity_prior() const {
  return std::all_of(designs.begin(), designs.end(),
                     [](const auto& design) { return design->has_identity_prior(); });
}

const Matrix& TermsSystem::null_information(const Context& context) const {
  if (null_information_.size() == 0) null_information_ = do_null_information(context);
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

Vector prediction_variances(const TermsFactor& factor, const std::vector<RowCells>& rows,
                            const ConstMatrix& z, const Matrix& covariance) {
  Vector out = factor.row_variances(rows);
  if (out.size() == 0) return out;
  Matrix rest = z;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const RowCells& cells = rows[k];
    if (cells.value.empty()) continue;
    const Matrix moved = factor.fixed_response(static_cast<Index>(k));
    for (Index i = 0; i < rest.rows(); ++i) {
      for (Index at = cells.start[i]; at < cells.start[i + 1]; ++at) {
        rest.row(i) -= cells.value[at] * moved.row(cells.column[at]);
      }
    }
  }
  return out + product(rest, covariance).cwiseProduct(rest).rowwise().sum();
}

Matrix covariances_with(const TermsModel& model, const Covariances& at, Index k,
                        const ConstMatrix& v, const Context& context) {
  Matrix out = Matrix::Zero(model.design(k).cols(), v.cols());
  model.design(k).add_covariance_product(v, out, context);
  const Index r = at.shape(k).width;
  for (Index j = 0; j < at.shape(k).levels; ++j) {
    const Matrix own = out.middleRows(j * r, r);
    out.middleRows(j * r, r) = product(at.relative(k), own);
  }
  return out;
}

Matrix level_covariances_by_rows(const TermsFactor& factor, const TermsModel& model,
                                 const Covariances& at, Index k, const Context& context) {
  const TermShape& shape = at.shape(k);
  const Index r = shape.width, n = model.rows();
  const Vector prior = model.design(k).prior_variances();
  Matrix out(r, shape.cols());
  const Index step = std::max(Index{1}, kColumnBlock / r);
  for (Index first = 0; first < shape.levels; first += step) {
    context.poll();
    const Index count = std::min(step, shape.levels - first);
    Matrix x(n, count * r);
    model.design(k).covariance_columns(first * r, x);
    for (Index j = 0; j < count; ++j) {
      const Matrix own = x.middleCols(j * r, r);
      x.middleCols(j * r, r) = product(own, at.relative(k));
    }
    const Matrix solved = factor.solve(x);
    for (Index j = 0; j < count; ++j) {
      const Index level = first + j;
      Matrix own = at.relative(k) * (r == 1 ? prior[level] : 1);
      subtract_transpose_product(x.middleCols(j * r, r), solved.middleCols(j * r, r), own);
      out.middleCols(level * r, r) = symmetric_part(own);
    }
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
