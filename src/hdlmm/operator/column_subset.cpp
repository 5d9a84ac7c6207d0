#include "hdlmm/operator/column_subset.hpp"

#include <algorithm>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/rank_update.hpp"

namespace hdlmm {

ColumnSubset::ColumnSubset(const DesignOperator& whole, std::vector<Index> columns)
    : DesignOperator(whole.rows(), static_cast<Index>(columns.size())),
      whole_(whole),
      columns_(std::move(columns)) {
  check_indices(columns_, whole.cols(), "columns of a design");
}

void ColumnSubset::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                  const Context&) const {
  for (Index k = 0; k < u.cols(); ++k) {
    for (Index j = 0; j < cols(); ++j) whole_.add_column(columns_[j], u(j, k), out.col(k));
  }
}

void ColumnSubset::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                          const Context&) const {
  for (Index k = 0; k < v.cols(); ++k) {
    for (Index j = 0; j < cols(); ++j) out(j, k) += whole_.column_dot(columns_[j], v.col(k));
  }
}

void ColumnSubset::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  out.setZero();
  for (Index k = 0; k < out.cols(); ++k) whole_.add_column(columns_[first + k], 1, out.col(k));
}

double ColumnSubset::do_column_dot(Index j, const ConstVector& v) const {
  return whole_.column_dot(columns_[j], v);
}

void ColumnSubset::do_add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  whole_.add_column(columns_[j], a, out);
}

Matrix ColumnSubset::do_row_gram(const Context& context) const {
  Matrix gram = zero_lower(rows(), context);
  for (Index first = 0; first < cols(); first += kColumnBlock) {
    Matrix block(rows(), std::min(kColumnBlock, cols() - first));
    do_covariance_columns(first, block);
    add_outer_gram(block, gram, context);
  }
  return gram;
}

Matrix ColumnSubset::do_column_gram(const Context& context) const {
  Matrix all(rows(), cols()), gram = zero_lower(cols(), context);
  do_covariance_columns(0, all);
  add_inner_gram(all, gram, context);
  return gram;
}

Vector ColumnSubset::do_column_norms2() const {
  Vector out(cols()), column(rows());
  for (Index j = 0; j < cols(); ++j) {
    column.setZero();
    do_add_column(j, 1, column);
    out[j] = column.squaredNorm();
  }
  return out;
}

}  // namespace hdlmm
