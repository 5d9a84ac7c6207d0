#include "hdlmm/operator/grouped_operator.hpp"

#include <cstddef>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/double_double.hpp"

namespace hdlmm {

GroupedOperator::GroupedOperator(std::vector<Index> level, Index n_levels, Vector row_scale)
    : DesignOperator(static_cast<Index>(level.size()), checked_count(level, n_levels)),
      level_(std::move(level)),
      row_scale_(row_scale.size() > 0 ? std::move(row_scale) : Vector::Ones(rows())),
      start_(static_cast<std::size_t>(n_levels) + 1, 0),
      member_(level_.size()) {
  check_input(row_scale_.size() == rows(), "a grouping factor: length of the row scale");
  for (const Index j : level_) ++start_[static_cast<std::size_t>(j) + 1];
  for (Index j = 0; j < cols(); ++j) start_[j + 1] += start_[j];
  std::vector<Index> next(start_.begin(), start_.end() - 1);
  for (Index i = 0; i < rows(); ++i) member_[next[level_[i]]++] = i;
}

Index GroupedOperator::checked_count(const std::vector<Index>& level, Index n_levels) {
  check_input(n_levels >= 0, "a grouping factor: number of levels");
  check_indices(level, n_levels, "levels of a grouping factor");
  return n_levels;
}

void GroupedOperator::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                     const Context&) const {
  for (Index k = 0; k < u.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) out(i, k) += row_scale_[i] * u(level_[i], k);
  }
}

void GroupedOperator::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                             const Context&) const {
  for (Index k = 0; k < v.cols(); ++k) {
    std::vector<DoubleDouble> sums(static_cast<std::size_t>(cols()));
    for (Index i = 0; i < rows(); ++i) sums[level_[i]].add_product(row_scale_[i], v(i, k));
    for (Index j = 0; j < cols(); ++j) out(j, k) += sums[j].value();
  }
}

void GroupedOperator::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  out.setZero();
  for (Index i = 0; i < rows(); ++i) {
    const Index k = level_[i] - first;
    if (k >= 0 && k < out.cols()) out(i, k) = row_scale_[i];
  }
}

double GroupedOperator::do_column_dot(Index j, const ConstVector& v) const {
  DoubleDouble sum;
  for (Index at = start_[j]; at < start_[j + 1]; ++at) {
    sum.add_product(row_scale_[member_[at]], v[member_[at]]);
  }
  return sum.value();
}

void GroupedOperator::do_add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  for (Index at = start_[j]; at < start_[j + 1]; ++at) {
    out[member_[at]] += a * row_scale_[member_[at]];
  }
}

Matrix GroupedOperator::do_row_gram(const Context&) const {
  Matrix gram = Matrix::Zero(rows(), rows());
  for (Index j = 0; j < rows(); ++j) {
    for (Index i = j; i < rows(); ++i) {
      if (level_[i] == level_[j]) gram(i, j) = row_scale_[i] * row_scale_[j];
    }
  }
  return gram;
}

Matrix GroupedOperator::do_column_gram(const Context&) const {
  return do_column_norms2().asDiagonal().toDenseMatrix();
}

RowCells GroupedOperator::do_row_cells() const {
  RowCells out;
  for (Index i = 0; i <= rows(); ++i) out.start.push_back(i);
  out.column = level_;
  out.value.assign(row_scale_.data(), row_scale_.data() + rows());
  return out;
}

Vector GroupedOperator::do_column_norms2() const {
  Vector norms2 = Vector::Zero(cols());
  for (Index i = 0; i < rows(); ++i) norms2[level_[i]] += row_scale_[i] * row_scale_[i];
  return norms2;
}

}  // namespace hdlmm
