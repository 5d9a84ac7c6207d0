#ifndef HDLMM_OPERATOR_KERNEL_ROOT_OPERATOR_HPP
#define HDLMM_OPERATOR_KERNEL_ROOT_OPERATOR_HPP

#include <vector>

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// A kernel by a root R [u x p] of its cells: row i of X is that of its unit, times the row scale,
/// so that X X' is the kernel in the rows and coefficients are independent. O(n + u p) a product.
class KernelRootOperator final : public DesignOperator {
 public:
  /// unit: [n], rows of root; row_scale: [n].
  KernelRootOperator(Matrix root, std::vector<Index> unit, Vector row_scale);

 private:
  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                      const Context& context) const override;
  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context& context) const override;
  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;
  double do_column_dot(Index j, const ConstVector& v) const override;
  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override;
  Matrix do_row_gram(const Context& context) const override;
  Matrix do_column_gram(const Context& context) const override;
  Vector do_column_norms2() const override;

  /// Sums of squares of the row scale by unit, [u].
  Vector unit_weights() const;

  Matrix root_;
  std::vector<Index> unit_;
  Vector row_scale_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_KERNEL_ROOT_OPERATOR_HPP
