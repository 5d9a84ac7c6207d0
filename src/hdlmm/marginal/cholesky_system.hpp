#ifndef HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP
#define HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP

#include <stdexcept>
#include <utility>

#include "hdlmm/marginal/marginal_system.hpp"

namespace hdlmm {

/// What a host that knows the spectrum tells a system that does not compute it.
struct SpectrumBounds {
  double min_eigenvalue = 0;
  double max_eigenvalue = 0;
  Index rank = 0;
};

/// The marginal model of one random term through one dense Cholesky factor a share: O(n^3) each.
/// No eigenvectors and no shared code with SpectralSystem: the independent check of it.
class CholeskySystem final : public MarginalSystem {
 public:
  /// k: [n x n] symmetric; q: [n x c] orthonormal; y: [n].
  CholeskySystem(Matrix k, Matrix q, Vector y, double kappa, const SpectrumBounds& bounds)
      : k_(std::move(k)), q_(std::move(q)), y_(std::move(y)) {
    n_rows_ = y_.size();
    n_fixed_ = q_.cols();
    kappa_ = kappa;
    min_eigenvalue_ = bounds.min_eigenvalue;
    max_eigenvalue_ = bounds.max_eigenvalue;
    null_dimension_ = n_rows_ - bounds.rank;
    ml_null_dimension_ = null_dimension_;
    null_residual_ = null_dimension_ > 0 ? y_.norm() : 0;
  }

 private:
  /// Everything, whatever the detail: forming V^-1 costs more than all that is made of it.
  Evaluation do_evaluate(const Share& share, Detail) const override {
    const Index n = n_rows_, c = n_fixed_;
    const double hk = share.h / kappa_;
    Matrix v = hk * k_;
    v.diagonal().array() += share.nu;
    const Eigen::LLT<Matrix> factor(v);
    if (factor.info() != Eigen::Success) throw std::runtime_error("V is not positive definite");
    const Matrix inverse = factor.solve(Matrix::Identity(n, n));
    Evaluation out;
    out.share = share;
    out.log_det_v = 2 * factor.matrixLLT().diagonal().array().log().sum();
    out.log_det_restricted = out.log_det_v;
    const Matrix p = c > 0 ? add_fixed_effects(factor, inverse, out) : inverse;
    const Matrix pk = p * k_, vk = inverse * k_;
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

  /// Generalised least squares on Q into out; returns P.
  Matrix add_fixed_effects(const Eigen::LLT<Matrix>& factor, const Matrix& inverse,
                           Evaluation& out) const {
    const Matrix vq = factor.solve(q_);
    const Eigen::LLT<Matrix> information(q_.transpose() * vq);
    out.covariance = information.solve(Matrix::Identity(n_fixed_, n_fixed_));
    out.log_det_restricted += 2 * information.matrixLLT().diagonal().array().log().sum();
    const Matrix operation = out.covariance * vq.transpose();
    out.delta = operation * y_;
    out.covariance_k = operation * k_ * operation.transpose();
    out.covariance_noise = out.share.nu * operation * operation.transpose();
    return inverse - vq * operation;
  }

  Matrix k_;
  Matrix q_;
  Vector y_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP
