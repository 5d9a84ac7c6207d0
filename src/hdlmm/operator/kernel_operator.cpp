#include "hdlmm/operator/kernel_operator.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/symmetric_root.hpp"
#include "hdlmm/operator/kernel_root_operator.hpp"

namespace hdlmm {

KernelOperator::KernelOperator(const double* kernel, Index n_units, double scale,
                               std::vector<Index> unit, Vector row_scale, Rounding rounding)
    : DesignOperator(static_cast<Index>(unit.size()), n_units),
      kernel_(kernel, n_units, n_units),
      scale_(scale),
      unit_(std::move(unit)),
      row_scale_(row_scale.size() > 0 ? std::move(row_scale) : Vector::Ones(rows())),
      rounding_(rounding) {
  check_indices(unit_, n_units, "rows of a kernel");
  check_input(row_scale_.size() == rows(), "a kernel: length of the row scale");
}

void KernelOperator::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                    const Context&) const {
  for (Index k = 0; k < u.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) out(i, k) += row_scale_[i] * u(unit_[i], k);
  }
}

void KernelOperator::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                            const Context&) const {
  for (Index k = 0; k < v.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) out(unit_[i], k) += row_scale_[i] * v(i, k);
  }
}

void KernelOperator::do_add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                               const Context& context) const {
  Matrix sums = Matrix::Zero(cols(), v.cols());
  do_add_adjoint_product(v, sums, context);
  out += scale_ * lower_symmetric_product(kernel_, sums, context);
}

void KernelOperator::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  for (Index k = 0; k < out.cols(); ++k) {
    for (Index i = 0; i < rows(); ++i) {
      out(i, k) = row_scale_[i] * (scale_ * kernel_(unit_[i], first + k));
    }
  }
}

double KernelOperator::do_column_dot(Index, const ConstVector&) const {
  throw std::logic_error("KernelOperator has no columns with independent coefficients");
}

void KernelOperator::do_add_column(Index, double, Eigen::Ref<Vector>) const {
  throw std::logic_error("KernelOperator has no columns with independent coefficients");
}

Matrix KernelOperator::do_row_gram(const Context& context) const {
  const Index n = rows();
  Matrix gram(n, n);
  parallel_for(context_for(static_cast<double>(n) * n, context), divide_up(n, kColumnBlock),
               [&](Index task) {
                 const Index end = std::min(n, (task + 1) * kColumnBlock);
                 for (Index j = task * kColumnBlock; j < end; ++j) fill_row_gram(j, gram.col(j));
               });
  return gram;
}

void KernelOperator::fill_row_gram(Index j, Eigen::Ref<Vector> out) const {
  for (Index i = j; i < rows(); ++i) {
    out[i] = row_scale_[i] * row_scale_[j] * (scale_ * kernel_(unit_[i], unit_[j]));
  }
}

std::vector<Index> KernelOperator::units_with_rows() const {
  std::vector<Index> out = unit_;
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Index KernelOperator::do_observed_units() const {
  return static_cast<Index>(units_with_rows().size());
}

std::shared_ptr<const DesignOperator> KernelOperator::do_column_form(const Context& context) const {
  const std::vector<Index> seen = units_with_rows();
  const Index size = static_cast<Index>(seen.size());
  std::vector<Index> place(static_cast<std::size_t>(cols()), 0), unit;
  for (Index a = 0; a < size; ++a) place[static_cast<std::size_t>(seen[a])] = a;
  for (const Index u : unit_) unit.push_back(place[static_cast<std::size_t>(u)]);
  Matrix cells(size, size);
  for (Index b = 0; b < size; ++b) {
    for (Index a = b; a < size; ++a) cells(a, b) = scale_ * kernel_(seen[a], seen[b]);
  }
  std::optional<Matrix> root = symmetric_root(cells, context);
  if (!root || root->cols() == 0) return nullptr;
  return std::make_shared<KernelRootOperator>(std::move(*root), std::move(unit), row_scale_);
}

Matrix KernelOperator::do_column_gram(const Context&) const {
  throw std::logic_error("KernelOperator has no column Gram matrix");
}

Vector KernelOperator::do_column_norms2() const {
  Vector norms2 = Vector::Zero(cols());
  for (Index i = 0; i < rows(); ++i) norms2[unit_[i]] += row_scale_[i] * row_scale_[i];
  return norms2;
}

Rounding KernelOperator::do_rounding() const {
  Rounding out = rounding_;
  out.absolute *= std::abs(scale_) * do_column_norms2().maxCoeff();
  return out;
}

}  // namespace hdlmm
