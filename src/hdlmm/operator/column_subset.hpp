#ifndef HDLMM_OPERATOR_COLUMN_SUBSET_HPP
#define HDLMM_OPERATOR_COLUMN_SUBSET_HPP

#include <algorithm>
#include <utility>
#include <vector>

#include "hdlmm/core/checks.hpp"
#include "hdlmm/core/lower_triangle.hpp"
#include "hdlmm/core/rank_update.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// Some columns of another design, in any order: a block of the coefficients. Costs are those of
/// the columns. Borrows the design.
class ColumnSubset final : public DesignOperator {
 public:
  /// columns: 0-based, of a design with has_identity_prior().
  ColumnSubset(const DesignOperator& whole, std::vector<Index> columns)
      : DesignOperator(whole.rows(), static_cast<Index>(columns.size())),
        whole_(whole),
        columns_(std::move(columns)) {
    check_indices(columns_, whole.cols(), "columns of a design");
  }

  const std::vector<Index>& columns() const { return columns_; }

 private:
  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override {
    for (Index k = 0; k < u.cols(); ++k) {
      for (Index j = 0; j < cols(); ++j) whole_.add_column(columns_[j], u(j, k), out.col(k));
    }
  }

  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override {
    for (Index k = 0; k < v.cols(); ++k) {
      for (Index j = 0; j < cols(); ++j) out(j, k) += whole_.column_dot(columns_[j], v.col(k));
    }
  }

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override {
    out.setZero();
    for (Index k = 0; k < out.cols(); ++k) whole_.add_column(columns_[first + k], 1, out.col(k));
  }

  double do_column_dot(Index j, const ConstVector& v) const override {
    return whole_.column_dot(columns_[j], v);
  }

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override {
    whole_.add_column(columns_[j], a, out);
  }

  Matrix do_row_gram(const Context& context) const override {
    Matrix gram = zero_lower(rows(), context);
    for (Index first = 0; first < cols(); first += kColumnBlock) {
      Matrix block(rows(), std::min(kColumnBlock, cols() - first));
      do_covariance_columns(first, block);
      add_outer_gram(block, gram, context);
    }
    return gram;
  }

  Matrix do_column_gram(const Context& context) const override {
    Matrix all(rows(), cols()), gram = zero_lower(cols(), context);
    do_covariance_columns(0, all);
    add_inner_gram(all, gram, context);
    return gram;
  }

  Vector do_column_norms2() const override {
    Vector out(cols()), column(rows());
    for (Index j = 0; j < cols(); ++j) {
      column.setZero();
      do_add_column(j, 1, column);
      out[j] = column.squaredNorm();
    }
    return out;
  }

  const DesignOperator& whole_;
  std::vector<Index> columns_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_COLUMN_SUBSET_HPP
