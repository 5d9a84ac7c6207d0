#ifndef HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP
#define HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP

#include <stdexcept>
#include <utility>

#include "hdlmm/core/checks.hpp"
#include "hdlmm/core/triangular.hpp"
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
  CholeskySystem(Matrix k, Matrix q, Vector y, double kappa, const SpectrumBounds& bounds,
                 Context context = Context())
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

 private:
  /// Everything, whatever the detail: forming V^-1 costs more than all that is made of it.
  Evaluation do_evaluate(const Share& share, Detail) const override {
    const Index n = n_rows_, c = n_fixed_;
    const double hk = share.h / kappa_;
    Matrix factor = hk * k_;
    factor.diagonal().array() += share.nu;
    if (!cholesky_in_place(factor, context_)) {
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

  /// Generalised least squares on Q into out; returns P.
  Matrix add_fixed_effects(const Matrix& factor, const Matrix& inverse, Evaluation& out) const {
    const Matrix vq = solve(factor, q_);
    const Eigen::LLT<Matrix> information(q_.transpose() * vq);
    out.covariance = information.solve(Matrix::Identity(n_fixed_, n_fixed_));
    out.log_det_restricted += 2 * information.matrixLLT().diagonal().array().log().sum();
    const Matrix operation = out.covariance * vq.transpose();
    out.delta = operation * y_;
    out.covariance_k = operation * k_ * operation.transpose();
    out.covariance_noise = out.share.nu * operation * operation.transpose();
    Matrix p = inverse;
    add_product(-1, vq, Op::none, operation, Op::none, p, context_);
    return p;
  }

  /// (L L')^-1 b.
  Matrix solve(const Matrix& factor, Matrix b) const {
    solve_lower(factor, b, context_);
    solve_lower_transposed(factor, b, context_);
    return b;
  }

  Matrix product(const Matrix& a, const Matrix& b) const {
    Matrix out = Matrix::Zero(a.rows(), b.cols());
    add_product(1, a, Op::none, b, Op::none, out, context_);
    return out;
  }

  Matrix k_;
  Matrix q_;
  Vector y_;
  Context context_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_CHOLESKY_SYSTEM_HPP
