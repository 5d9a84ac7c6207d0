#include "hdlmm/operator/level_operator.hpp"

#include <cmath>
#include <cstddef>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/double_double.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

LevelOperator::LevelOperator(std::vector<Index> level, Index n_levels, Matrix values,
                             const Vector& row_scale)
    : DesignOperator(static_cast<Index>(level.size()),
                     checked_count(level, n_levels) * values.cols()),
      level_(std::move(level)),
      values_(std::move(values)),
      start_(static_cast<std::size_t>(n_levels) + 1, 0),
      member_(level_.size()) {
  check_input(values_.rows() == rows(), "a grouping factor: rows of the values");
  check_optional_length(row_scale.size(), rows(), "a grouping factor: length of the row scale");
  if (row_scale.size() > 0) values_.array().colwise() *= row_scale.array();
  for (const Index j : level_) ++start_[static_cast<std::size_t>(j) + 1];
  for (Index j = 0; j < n_levels; ++j) start_[j + 1] += start_[j];
  std::vector<Index> next(start_.begin(), start_.end() - 1);
  for (Index i = 0; i < rows(); ++i) member_[next[level_[i]]++] = i;
}

Index LevelOperator::checked_count(const std::vector<Index>& level, Index n_levels) {
  check_input(n_levels >= 0, "a grouping factor: number of levels");
  check_indices(level, n_levels, "levels of a grouping factor");
  return n_levels;
}

void LevelOperator::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                   const Context&) const {
  for (Index k = 0; k < u.cols(); ++k) {
    for (Index a = 0; a < width(); ++a) {
      for (Index i = 0; i < rows(); ++i) {
        out(i, k) += values_(i, a) * u(level_[i] * width() + a, k);
      }
    }
  }
}

void LevelOperator::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                           const Context&) const {
  for (Index k = 0; k < v.cols(); ++k) {
    std::vector<DoubleDouble> sums(static_cast<std::size_t>(cols()));
    for (Index a = 0; a < width(); ++a) {
      for (Index i = 0; i < rows(); ++i) {
        sums[level_[i] * width() + a].add_product(values_(i, a), v(i, k));
      }
    }
    for (Index j = 0; j < cols(); ++j) out(j, k) += sums[j].value();
  }
}

void LevelOperator::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  out.setZero();
  for (Index k = 0; k < out.cols(); ++k) do_add_column(first + k, 1, out.col(k));
}

double LevelOperator::do_column_dot(Index j, const ConstVector& v) const {
  const Index level = j / width(), a = j % width();
  DoubleDouble sum;
  for (Index at = start_[level]; at < start_[level + 1]; ++at) {
    sum.add_product(values_(member_[at], a), v[member_[at]]);
  }
  return sum.value();
}

void LevelOperator::do_add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  const Index level = j / width(), coefficient = j % width();
  for (Index at = start_[level]; at < start_[level + 1]; ++at) {
    out[member_[at]] += a * values_(member_[at], coefficient);
  }
}

Matrix LevelOperator::do_row_gram(const Context&) const {
  Matrix gram = Matrix::Zero(rows(), rows());
  for (Index level = 0; level + 1 < static_cast<Index>(start_.size()); ++level) {
    for (Index at = start_[level]; at < start_[level + 1]; ++at) {
      for (Index to = start_[level]; to < start_[level + 1]; ++to) {
        gram(member_[to], member_[at]) = values_.row(member_[to]).dot(values_.row(member_[at]));
      }
    }
  }
  return gram;
}

Matrix LevelOperator::do_column_gram(const Context&) const {
  Matrix gram = Matrix::Zero(cols(), cols());
  for (Index i = 0; i < rows(); ++i) {
    const Index first = level_[i] * width();
    for (Index a = 0; a < width(); ++a) {
      for (Index b = a; b < width(); ++b)
        gram(first + b, first + a) += values_(i, b) * values_(i, a);
    }
  }
  return gram;
}

Vector LevelOperator::do_column_norms2() const {
  Vector norms2 = Vector::Zero(cols());
  for (Index i = 0; i < rows(); ++i) {
    norms2.segment(level_[i] * width(), width()) += values_.row(i).cwiseAbs2().transpose();
  }
  return norms2;
}

Matrix uncorrelate_columns(Matrix& values) {
  const Index r = values.cols();
  const ThinQr factors = thin_qr(values);
  Matrix turn = Matrix::Identity(r, r);
  const Vector size = values.colwise().norm();
  for (Index j = 0; j < r; ++j) {
    const bool is_dependent = values.rows() < r || !(std::abs(factors.r(j, j)) > 1e-10 * size[j]);
    if (is_dependent) return turn;
  }
  solve_upper(factors.r, turn);
  const double root = std::sqrt(static_cast<double>(values.rows()));
  turn *= root;
  values = root * factors.q;
  return turn;
}

RowCells LevelOperator::do_row_cells() const {
  RowCells out;
  for (Index i = 0; i <= rows(); ++i) out.start.push_back(i * width());
  for (Index i = 0; i < rows(); ++i) {
    for (Index a = 0; a < width(); ++a) {
      out.column.push_back(level_[i] * width() + a);
      out.value.push_back(values_(i, a));
    }
  }
  return out;
}

}  // namespace hdlmm
