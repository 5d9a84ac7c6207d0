#ifndef HDLMM_OPERATOR_LEVEL_OPERATOR_HPP
#define HDLMM_OPERATOR_LEVEL_OPERATOR_HPP

#include <vector>

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// Coefficients that vary by the level of a factor, (x | g): row i has its r values in the columns
/// r level[i] .. r level[i] + r - 1. O(n r) a product.
class LevelOperator : public DesignOperator {
 public:
  /// level: [n], 0-based; values: [n x r]; row_scale: [n] or empty. Throws InvalidInput.
  LevelOperator(std::vector<Index> level, Index n_levels, Matrix values, const Vector& row_scale);

 private:
  static Index checked_count(const std::vector<Index>& level, Index n_levels);

  Index width() const { return values_.cols(); }

  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override;

  /// Sums by level, compensated: balanced designs then agree with the closed form to the last
  /// digits.
  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override;

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;

  double do_column_dot(Index j, const ConstVector& v) const override;

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override;

  Matrix do_row_gram(const Context&) const override;

  Matrix do_column_gram(const Context&) const override;

  bool do_has_diagonal_column_gram() const override { return width() == 1; }

  Vector do_column_norms2() const override;

  bool do_has_row_cells() const override { return true; }

  RowCells do_row_cells() const override;

  std::vector<Index> level_;
  Matrix values_;              ///< rows times the row scale
  std::vector<Index> start_;   ///< [J + 1], where the rows of each level begin in member_
  std::vector<Index> member_;  ///< [n], rows by level
};

/// values [n x r] <- values T with columns of mean square one that are uncorrelated: coefficients
/// of them do not know the units or the origin of x. Returns T [r x r]; the identity where a column
/// depends on the others.
Matrix uncorrelate_columns(Matrix& values);

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_LEVEL_OPERATOR_HPP
