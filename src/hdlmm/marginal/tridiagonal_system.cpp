#include "hdlmm/marginal/tridiagonal_system.hpp"

#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

TridiagonalSystem::TridiagonalSystem(SpectralParts parts, double kappa)
    : SystemOfParts(std::move(parts), kappa) {
  if (!parts_.is_tridiagonal() || parts_.has_prior()) {
    throw std::invalid_argument("parts in TridiagonalSystem");
  }
}

TridiagonalSystem::Whitened TridiagonalSystem::whiten(const Share& share) const {
  Whitened w;
  w.hk = share.h / kappa_;
  if (!w.factor.make(parts_.d, parts_.beside, w.hk, share.nu)) {
    throw std::runtime_error("V is not positive definite");
  }
  const Index c = parts_.n_fixed();
  Matrix white(parts_.rank(), c + 1);
  white.leftCols(c) = parts_.z;
  white.col(c) = parts_.y;
  w.factor.whiten(white);
  fit_fixed_effects(parts_, share.nu, white.leftCols(c), white.col(c), w);
  return w;
}

std::unique_ptr<SystemOfParts> TridiagonalSystem::for_response(Vector y,
                                                               double null_residual) const {
  return std::make_unique<TridiagonalSystem>(parts_.with_response(std::move(y), null_residual),
                                             kappa_);
}

ResponseForms TridiagonalSystem::do_response_forms(const Share& share, const ConstMatrix& y,
                                                   const Vector& null_quadratics) const {
  const Whitened w = whiten(share);
  Matrix q_back = w.q;
  w.factor.whiten_transposed(q_back);
  ResponseForms out(null_quadratics);
  for_narrow_blocks(y.cols(), [&](Index first, Index size) {
    Matrix e = y.middleCols(first, size);
    w.factor.whiten(e);
    Matrix e_null = Matrix::Zero(parts_.null_in_fixed(), size);
    project_responses(w, e, e_null);
    const Vector null =
        null_quadratics.segment(first, size) + e_null.colwise().squaredNorm().transpose();
    out.rss.segment(first, size) = null + e.colwise().squaredNorm().transpose();
    w.factor.whiten_transposed(e);
    out.quad_noise.segment(first, size) = null + share.nu * e.colwise().squaredNorm().transpose();
    Matrix kept = multiply_tridiagonal(parts_.d, parts_.beside, e);
    const Matrix along = transpose_product(q_back, kept);
    for (Index j = 0; j < size; ++j) out.quad_k[first + j] = e.col(j).dot(kept.col(j));
    w.factor.whiten(kept);
    out.quad_kk.segment(first, size) = kept.colwise().squaredNorm().transpose();
    out.quad_kk.segment(first, size) -= along.colwise().squaredNorm().transpose();
  });
  return out;
}

Evaluation TridiagonalSystem::do_evaluate(const Share& share, Detail detail) const {
  const Whitened w = whiten(share);
  const Index c = parts_.n_fixed();
  const double nu = share.nu;
  // S^-1/2' of the basis and of the residual, and the rest of what K and I make of them
  Matrix back(parts_.rank(), c + 1);
  back.leftCols(c) = w.q;
  back.col(c) = w.e;
  w.factor.whiten_transposed(back);
  Matrix kept = multiply_tridiagonal(parts_.d, parts_.beside, back);
  const Matrix form = transpose_product(back, kept);
  w.factor.whiten(kept);

  Evaluation out;
  out.share = share;
  const double null_quad = null_quadratic(parts_, w, nu);
  const double log_s = w.factor.log_determinant();
  out.rss = w.e.squaredNorm() + null_quad;
  set_determinants(parts_, w, log_s, out);
  out.quad_k = form(c, c);
  out.quad_kk = kept.col(c).squaredNorm() - form.col(c).head(c).squaredNorm();
  out.quad_noise = nu * back.col(c).squaredNorm() + null_quad;
  if (detail != Detail::restricted) add_marginal(w, log_s, out);
  if (detail == Detail::marginal) return out;
  add_restricted_traces(w, back.leftCols(c), kept.leftCols(c), form.topLeftCorner(c, c), out);
  if (detail == Detail::all && c > 0) {
    add_coefficients(w, back.leftCols(c), form.topLeftCorner(c, c), out);
  }
  return out;
}

void TridiagonalSystem::add_marginal(const Whitened& w, double log_s, Evaluation& out) const {
  out.tr_vk = w.factor.trace_t();
  out.tr_vkvk = w.factor.trace_tt();
  out.tr_v_noise = out.share.nu * w.factor.trace_inverse() + parts_.null_dimension();
  if (!parts_.mean.is_present()) return;
  // with f = X m: a_i^2 = f_i^2 / d_i along eigenvectors, so the sums are forms of f and T^-1 f
  const double nu = out.share.nu;
  const Vector& f = parts_.mean.coordinates;
  const Vector& plain = parts_.mean.unscaled;
  const Vector once = w.factor.solve(f), twice = w.factor.solve(once);
  shift_determinant(parts_, w.hk, log_s, nu * plain.dot(once), nu * nu * plain.dot(twice),
                    nu * nu * once.dot(twice), out);
}

void TridiagonalSystem::add_restricted_traces(const Whitened& w, const ConstMatrix& q_back,
                                              const ConstMatrix& q_kept, const ConstMatrix& qkq,
                                              Evaluation& out) const {
  const Index rho = parts_.null_in_fixed(), m = parts_.null_dimension();
  out.tr_pk = w.factor.trace_t() - qkq.trace();
  out.tr_pkpk = w.factor.trace_tt() - 2 * q_kept.squaredNorm() + qkq.squaredNorm();
  out.tr_p_noise = out.share.nu * (w.factor.trace_inverse() - q_back.squaredNorm()) +
                   (rho - w.q_null.squaredNorm()) + (m - rho);
}

void TridiagonalSystem::add_coefficients(const Whitened& w, const ConstMatrix& q_back,
                                         const ConstMatrix& qkq, Evaluation& out) const {
  const double nu = out.share.nu;
  const Matrix qnq = nu * transpose_product(q_back, q_back) + transpose_product(w.q_null, w.q_null);
  set_coefficients(parts_, w, qkq, qnq, out);
  if (!parts_.mean.is_present()) return;
  Matrix f_white = parts_.mean.coordinates;
  w.factor.whiten(f_white);
  const ShiftedOperator o(parts_, w, f_white.col(0), w.hk);
  Matrix back = o.rows.transpose();
  w.factor.whiten_transposed(back);
  const Matrix ono = nu * transpose_product(back, back);
  add_outer(1, parts_.mean.unscaled, parts_.mean.constant, back);
  const Matrix kept = multiply_tridiagonal(parts_.d, parts_.beside, back);
  shift_coefficients(parts_, w, o, f_white.col(0), w.hk, transpose_product(back, kept), ono, out);
}

}  // namespace hdlmm
