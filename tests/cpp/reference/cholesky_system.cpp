#include "cholesky_system.hpp"

#include <stdexcept>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm_test {

using hdlmm::add_product;
using hdlmm::check_input;
using hdlmm::Op;

CholeskySystem::CholeskySystem(Matrix k, Matrix q, Vector y, double kappa,
                               const SpectrumBounds& bounds, Context context)
    : k_(std::move(k)), q_(std::move(q)), y_(std::move(y)), context_(std::move(context)) {
  n_rows_ = y_.size();
  check_input(k_.rows() == n_rows_ && k_.cols() == n_rows_ && q_.rows() == n_rows_,
              "a system: rows of the kernel");
  n_fixed_ = q_.cols();
  kappa_ = kappa;
  min_eigenvalue_ = bounds.min_eigenvalue;
  max_eigenvalue_ = bounds.max_eigenvalue;
  null_dimension_ = n_rows_ - bounds.rank;
  ml_null_dimension_ = null_dimension_;
  null_residual_ = null_dimension_ > 0 ? y_.norm() : 0;
}

Evaluation CholeskySystem::do_evaluate(const Share& share, Detail) const {
  const Index n = n_rows_, c = n_fixed_;
  const double hk = share.h / kappa_;
  Matrix factor = hk * k_;
  factor.diagonal().array() += share.nu;
  if (!hdlmm::cholesky_in_place(factor, context_)) {
    throw std::runtime_error("V is not positive definite");
  }
  const Matrix inverse = solve(factor, Matrix::Identity(n, n));
  Evaluation out;
  out.share = share;
  out.log_det_v = 2 * factor.diagonal().array().log().sum();
  out.log_det_restricted = out.log_det_v;
  const Matrix p = c > 0 ? add_fixed_effects(factor, inverse, out) : inverse;
  const Matrix pk = product(p, k_), vk = product(inverse, k_);
  const Vector py = p * y_, kpy = k_ * py;
  out.rss = y_.dot(py);
  out.tr_vk = vk.trace();
  out.tr_vkvk = vk.cwiseProduct(vk.transpose()).sum();
  out.tr_v_noise = share.nu * inverse.trace();
  out.tr_pk = pk.trace();
  out.tr_pkpk = pk.cwiseProduct(pk.transpose()).sum();
  out.tr_p_noise = share.nu * p.trace();
  out.quad_k = py.dot(kpy);
  out.quad_kk = kpy.dot(p * kpy);
  out.quad_noise = share.nu * py.squaredNorm();
  return out;
}

Matrix CholeskySystem::add_fixed_effects(const Matrix& factor, const Matrix& inverse,
                                         Evaluation& out) const {
  const Matrix vq = solve(factor, q_);
  const Matrix information = q_.transpose() * vq;
  out.covariance = hdlmm::solve_positive(information, Matrix::Identity(n_fixed_, n_fixed_));
  out.log_det_restricted += hdlmm::log_determinant(information);
  const Matrix operation = out.covariance * vq.transpose();
  out.delta = operation * y_;
  out.covariance_k = operation * k_ * operation.transpose();
  out.covariance_noise = out.share.nu * operation * operation.transpose();
  Matrix p = inverse;
  add_product(-1, vq, Op::none, operation, Op::none, p, context_);
  return p;
}

Matrix CholeskySystem::solve(const Matrix& factor, Matrix b) const {
  hdlmm::solve_lower(factor, b, context_);
  hdlmm::solve_lower_transposed(factor, b, context_);
  return b;
}

Matrix CholeskySystem::product(const Matrix& a, const Matrix& b) const {
  Matrix out = Matrix::Zero(a.rows(), b.cols());
  add_product(1, a, Op::none, b, Op::none, out, context_);
  return out;
}

}  // namespace hdlmm_test
