#include "hdlmm/operator/kernel_root_operator.hpp"

#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/rank_update.hpp"

namespace hdlmm {

KernelRootOperator::KernelRootOperator(Matrix root, std::vector<Index> unit, Vector row_scale)
    : DesignOperator(static_cast<Index>(unit.size()), root.cols()),
      root_(std::move(root)),
      unit_(std::move(unit)),
      row_scale_(std::move(row_scale)) {
  check_indices(unit_, root_.rows(), "rows of a kernel");
  check_input(row_scale_.size() == rows(), "a kernel: length of the row scale");
}

void KernelRootOperator::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                        const Context& context) const {
  Matrix effects = Matrix::Zero(root_.rows(), u.cols());
  hdlmm::add_product(1, root_, Op::none, u, Op::none, effects, context);
  for (Index k = 0; k < u.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) out(i, k) += row_scale_[i] * effects(unit_[i], k);
  }
}

void KernelRootOperator::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                                const Context& context) const {
  Matrix sums = Matrix::Zero(root_.rows(), v.cols());
  for (Index k = 0; k < v.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) sums(unit_[i], k) += row_scale_[i] * v(i, k);
  }
  hdlmm::add_product(1, root_, Op::transpose, sums, Op::none, out, context);
}

void KernelRootOperator::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  for (Index k = 0; k < out.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) out(i, k) = row_scale_[i] * root_(unit_[i], first + k);
  }
}

double KernelRootOperator::do_column_dot(Index j, const ConstVector& v) const {
  double sum = 0;
  for (Index i = 0; i < rows(); ++i) sum += row_scale_[i] * root_(unit_[i], j) * v[i];
  return sum;
}

void KernelRootOperator::do_add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  for (Index i = 0; i < rows(); ++i) out[i] += a * row_scale_[i] * root_(unit_[i], j);
}

Matrix KernelRootOperator::do_row_gram(const Context& context) const {
  Matrix x(rows(), cols()), gram = Matrix::Zero(rows(), rows());
  do_covariance_columns(0, x);
  add_outer_gram(x, gram, context);
  return gram;
}

Vector KernelRootOperator::unit_weights() const {
  Vector out = Vector::Zero(root_.rows());
  for (Index i = 0; i < rows(); ++i) out[unit_[i]] += row_scale_[i] * row_scale_[i];
  return out;
}

Matrix KernelRootOperator::do_column_gram(const Context& context) const {
  const Matrix weighted = unit_weights().cwiseSqrt().asDiagonal() * root_;
  Matrix gram = Matrix::Zero(cols(), cols());
  add_inner_gram(weighted, gram, context);
  return gram;
}

Vector KernelRootOperator::do_column_norms2() const {
  return (unit_weights().asDiagonal() * root_.cwiseAbs2()).colwise().sum();
}

}  // namespace hdlmm
