#ifndef HDLMM_OPERATOR_KERNEL_OPERATOR_HPP
#define HDLMM_OPERATOR_KERNEL_OPERATOR_HPP

#include <memory>
#include <vector>

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// One effect per row of a known covariance matrix: X picks entry unit[i] for row i, and the
/// effects have prior correlation S = scale * K [q x q]. Units without data are predicted too.
class KernelOperator final : public DesignOperator {
 public:
  /// kernel: [q x q], symmetric, borrowed; unit: [n], 0-based; row_scale: [n] or empty; rounding:
  /// of the eigenvalues of the kernel itself. Throws InvalidInput.
  KernelOperator(const double* kernel, Index n_units, double scale, std::vector<Index> unit,
                 Vector row_scale, Rounding rounding = {});

 private:
  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override;

  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override;

  void do_add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                 const Context& context) const override;

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;

  double do_column_dot(Index, const ConstVector&) const override;

  void do_add_column(Index, double, Eigen::Ref<Vector>) const override;

  Vector do_prior_variances() const override { return scale_ * kernel_.diagonal(); }

  void fill_row_gram(Index j, Eigen::Ref<Vector> out) const;

  Matrix do_row_gram(const Context& context) const override;

  Matrix do_column_gram(const Context&) const override;

  Vector do_column_norms2() const override;

  /// |X E X'| <= |E| |X'X|, and X'X is diagonal.
  Rounding do_rounding() const override;

  bool do_has_identity_prior() const override { return false; }

  Index do_observed_units() const override;
  std::shared_ptr<const DesignOperator> do_column_form(const Context& context) const override;

  std::vector<Index> units_with_rows() const;

  MatrixMap kernel_;
  double scale_;
  std::vector<Index> unit_;
  Vector row_scale_;
  Rounding rounding_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_KERNEL_OPERATOR_HPP
