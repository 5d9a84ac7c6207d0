#ifndef HDLMM_OPERATOR_KERNEL_OPERATOR_HPP
#define HDLMM_OPERATOR_KERNEL_OPERATOR_HPP

#include <cmath>
#include <utility>
#include <vector>

#include "hdlmm/core/checks.hpp"
#include "hdlmm/core/products.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// One effect per row of a known covariance matrix: X picks entry unit[i] for row i, and the
/// effects have prior correlation S = scale * K [q x q]. Units without data are predicted too.
class KernelOperator final : public DesignOperator {
 public:
  /// kernel: [q x q], symmetric, borrowed; unit: [n], 0-based; row_scale: [n] or empty; rounding:
  /// of the eigenvalues of the kernel itself. Throws InvalidInput.
  KernelOperator(const double* kernel, Index n_units, double scale, std::vector<Index> unit,
                 Vector row_scale, Rounding rounding = {})
      : DesignOperator(static_cast<Index>(unit.size()), n_units),
        kernel_(kernel, n_units, n_units),
        scale_(scale),
        unit_(std::move(unit)),
        row_scale_(row_scale.size() > 0 ? std::move(row_scale) : Vector::Ones(rows())),
        rounding_(rounding) {
    check_indices(unit_, n_units, "rows of a kernel");
    check_input(row_scale_.size() == rows(), "a kernel: length of the row scale");
  }

 private:
  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override {
    for (Index k = 0; k < u.cols(); ++k) {
      for (Index i = 0; i < rows(); ++i) out(i, k) += row_scale_[i] * u(unit_[i], k);
    }
  }

  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override {
    for (Index k = 0; k < v.cols(); ++k) {
      for (Index i = 0; i < rows(); ++i) out(unit_[i], k) += row_scale_[i] * v(i, k);
    }
  }

  void do_add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                 const Context& context) const override {
    Matrix sums = Matrix::Zero(cols(), v.cols());
    do_add_adjoint_product(v, sums, context);
    out += scale_ * polled_product(kernel_, sums, context);
  }

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override {
    for (Index k = 0; k < out.cols(); ++k) {
      for (Index i = 0; i < rows(); ++i) {
        out(i, k) = row_scale_[i] * (scale_ * kernel_(unit_[i], first + k));
      }
    }
  }

  double do_column_dot(Index, const ConstVector&) const override {
    throw std::logic_error("KernelOperator has no columns with independent coefficients");
  }

  void do_add_column(Index, double, Eigen::Ref<Vector>) const override {
    throw std::logic_error("KernelOperator has no columns with independent coefficients");
  }

  Vector do_prior_variances() const override { return scale_ * kernel_.diagonal(); }

  Matrix do_row_gram(const Context& context) const override {
    Matrix gram(rows(), rows());
    for (Index j = 0; j < rows(); ++j) {
      if (j % kColumnBlock == 0) context.poll();
      for (Index i = 0; i < rows(); ++i) {
        gram(i, j) = row_scale_[i] * row_scale_[j] * (scale_ * kernel_(unit_[i], unit_[j]));
      }
    }
    return gram;
  }

  Matrix do_column_gram(const Context&) const override {
    throw std::logic_error("KernelOperator has no column Gram matrix");
  }

  Vector do_column_norms2() const override {
    Vector norms2 = Vector::Zero(cols());
    for (Index i = 0; i < rows(); ++i) norms2[unit_[i]] += row_scale_[i] * row_scale_[i];
    return norms2;
  }

  /// |X E X'| <= |E| |X'X|, and X'X is diagonal.
  Rounding do_rounding() const override {
    Rounding out = rounding_;
    out.absolute *= std::abs(scale_) * do_column_norms2().maxCoeff();
    return out;
  }

  bool do_has_identity_prior() const override { return false; }

  MatrixMap kernel_;
  double scale_;
  std::vector<Index> unit_;
  Vector row_scale_;
  Rounding rounding_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_KERNEL_OPERATOR_HPP
