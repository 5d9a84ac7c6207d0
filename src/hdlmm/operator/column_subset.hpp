#ifndef HDLMM_OPERATOR_COLUMN_SUBSET_HPP
#define HDLMM_OPERATOR_COLUMN_SUBSET_HPP

#include <vector>

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// Some columns of another design, in any order: a block of the coefficients. Costs are those of
/// the columns. Borrows the design.
class ColumnSubset final : public DesignOperator {
 public:
  /// columns: 0-based, of a design with has_identity_prior().
  ColumnSubset(const DesignOperator& whole, std::vector<Index> columns);

  const std::vector<Index>& columns() const { return columns_; }

 private:
  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override;

  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override;

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;

  double do_column_dot(Index j, const ConstVector& v) const override;

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override;

  Matrix do_row_gram(const Context& context) const override;

  Matrix do_column_gram(const Context& context) const override;

  Vector do_column_norms2() const override;

  const DesignOperator& whole_;
  std::vector<Index> columns_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_COLUMN_SUBSET_HPP
