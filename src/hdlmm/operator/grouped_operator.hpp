#ifndef HDLMM_OPERATOR_GROUPED_OPERATOR_HPP
#define HDLMM_OPERATOR_GROUPED_OPERATOR_HPP

#include <vector>

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// The indicator matrix of a factor: row i has its one in column level[i]. O(n) a product.
class GroupedOperator final : public DesignOperator {
 public:
  /// level: [n], 0-based; row_scale: [n] or empty. Throws InvalidInput.
  GroupedOperator(std::vector<Index> level, Index n_levels, Vector row_scale);

 private:
  static Index checked_count(const std::vector<Index>& level, Index n_levels);

  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override;

  /// Group sums, compensated: balanced designs then agree with the closed form to the last digits.
  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override;

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;

  double do_column_dot(Index j, const ConstVector& v) const override;

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override;

  Matrix do_row_gram(const Context&) const override;

  Matrix do_column_gram(const Context&) const override;

  bool do_has_diagonal_column_gram() const override { return true; }

  Vector do_column_norms2() const override;

  bool do_has_row_cells() const override { return true; }

  RowCells do_row_cells() const override;

  std::vector<Index> level_;
  Vector row_scale_;
  std::vector<Index> start_;   ///< [p + 1], where the rows of each level begin in member_
  std::vector<Index> member_;  ///< [n], rows by level
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_GROUPED_OPERATOR_HPP
