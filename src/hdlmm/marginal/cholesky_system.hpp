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
  Evaluation do_evaluate(const Share& share) const override {
    const Index n = n_rows_, c = n_fixed_;
    const double hk = share.h / kappa_;
    Matrix v = hk * k_;
    v.diagonal().array() += share.nu;
    const Eigen::LLT<Matrix> factor(v);
    if (factor.info() != Eigen::Success) throw std::runtime_error("V is not positive definite");
    const Matrix inverse = factor.solve(Matrix::Identity(n, n));
    const Matrix vq = factor.solve(q_);
    const Eigen::LLT<Matrix> information(q_.transpose() * vq);
    Evaluation out;
    out.share = share;
    out.covariance = information.solve(Matrix::Identity(c, c));
    const Matrix p = inverse - vq * out.covariance * vq.transpose();
    const Matrix pk = p * k_, vk = inverse * k_;
    const Vector py = p * y_, kpy = k_ * py;
    out.rss = y_.dot(py);
    out.log_det_v = 2 * factor.matrixLLT().diagonal().array().log().sum();
    out.log_det_restricted = out.log_det_v;
    if (c > 0) {
      out.log_det_restricted += 2 * information.matrixLLT().diagonal().array().log().sum();
    }
    out.tr_vk = vk.trace();
    out.tr_vkvk = vk.cwiseProduct(vk.transpose()).sum();
    out.tr_v_noise = share.nu * inverse.trace();
    out.tr_pk = pk.trace();
    out.tr_pkpk = pk.cwiseProduct(pk.transpose()).sum();
    out.tr_p_noise = share.nu * p.trace();
    out.quad_k = py.dot(kpy);
    out.quad_kk = kpy.dot(p * kpy);
    out.quad_noise = share.nu * py.squaredNorm();
    const Matrix operation = out.covariance * vq.transpose();
    out.delta = operation * y_;
    out.covariance_k = operation * k_ * operation.transpose();
    out.covariance_noise = share.nu * operation * operation.transpose();
    return out;
  }

  Matrix k_;
  Matrix q_;
  Vector y_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP
