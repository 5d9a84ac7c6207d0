#include "hdlmm/marginal/spectral_system.hpp"

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

SpectralSystem SpectralSystem::with_response(Vector y, double null_residual) const {
  return SpectralSystem(parts_.with_response(std::move(y), null_residual), kappa_);
}

std::unique_ptr<SystemOfParts> SpectralSystem::for_response(Vector y, double null_residual) const {
  return std::make_unique<SpectralSystem>(with_response(std::move(y), null_residual));
}

ResponseForms SpectralSystem::do_response_forms(const Share& share, const ConstMatrix& y,
                                                const Vector& null_quadratics) const {
  const WhitenedData w = whiten(share);
  const Vector k = parts_.d.cwiseProduct(w.inverse), root = w.inverse.cwiseSqrt();
  ResponseForms out(null_quadratics);
  for_narrow_blocks(y.cols(), [&](Index first, Index size) {
    Matrix e = root.asDiagonal() * y.middleCols(first, size);
    Matrix e_null = Matrix::Zero(parts_.null_in_fixed(), size);
    project_responses(w, e, e_null);
    for (Index j = 0; j < size; ++j) {
      const double null = null_quadratics[first + j] + e_null.col(j).squaredNorm();
      const Vector e2 = e.col(j).cwiseAbs2(), ke = k.cwiseProduct(e.col(j));
      out.rss[first + j] = e2.sum() + null;
      out.quad_k[first + j] = k.dot(e2);
      out.quad_kk[first + j] = ke.squaredNorm() - transpose_times(w.q, ke).squaredNorm();
      out.quad_noise[first + j] = w.noise.dot(e2) + null;
    }
  });
  return out;
}

SpectralSystem SpectralSystem::with_prior_rows(Matrix rows) const {
  SpectralParts parts = parts_;
  parts.prior_rows = std::move(rows);
  check_shapes(parts);
  return SpectralSystem(std::move(parts), kappa_);
}

WhitenedData SpectralSystem::whiten(const Share& share) const {
  const double hk = share.h / kappa_;
  WhitenedData w;
  w.share = share;
  w.s = (hk * parts_.d).array() + share.nu;
  w.inverse = w.s.cwiseInverse();
  w.explained = hk * parts_.d.cwiseProduct(w.inverse);
  w.noise = share.nu * w.inverse;
  const Vector root = w.inverse.cwiseSqrt();
  fit_fixed_effects(parts_, share.nu, root.asDiagonal() * parts_.z, parts_.y.cwiseProduct(root), w);
  return w;
}

Evaluation SpectralSystem::do_evaluate(const Share& share, Detail detail) const {
  const WhitenedData w = whiten(share);
  const Vector k = parts_.d.cwiseProduct(w.inverse);
  const Vector e2 = w.e.cwiseAbs2();
  Evaluation out;
  out.share = share;
  const double null_quad = null_quadratic(parts_, w, share.nu);
  out.rss = e2.sum() + null_quad + w.e_prior.squaredNorm();
  const double log_s = sum_log(w.s);
  set_determinants(parts_, w, log_s, out);
  out.quad_k = k.dot(e2);
  out.quad_kk = k.cwiseAbs2().dot(e2) - transpose_times(w.q, k.cwiseProduct(w.e)).squaredNorm();
  out.quad_noise = w.noise.dot(e2) + null_quad;
  if (detail != Detail::restricted) add_marginal(w, k, log_s, out);
  if (detail == Detail::marginal) return out;

  Matrix qkq;
  add_restricted_traces(w, k, qkq, out);
  if (detail == Detail::all && parts_.n_fixed() > 0) add_coefficients(w, k, qkq, out);
  return out;
}

void SpectralSystem::add_marginal(const WhitenedData& w, const Vector& k, double log_s,
                                  Evaluation& out) const {
  out.tr_vk = k.sum();
  out.tr_vkvk = k.squaredNorm();
  out.tr_v_noise = w.noise.sum() + parts_.null_dimension();
  if (!parts_.mean.is_present()) return;
  const Vector a2 = parts_.mean.coordinates.cwiseAbs2();
  const Vector noise2 = w.noise.cwiseAbs2();
  shift_determinant(parts_, w.share.h / kappa_, log_s, a2.dot(w.noise), a2.dot(noise2),
                    a2.cwiseProduct(noise2).dot(k), out);
}

void SpectralSystem::add_restricted_traces(const WhitenedData& w, const Vector& k, Matrix& qkq,
                                           Evaluation& out) const {
  const Index rho = parts_.null_in_fixed(), m = parts_.null_dimension();
  const bool has_fixed = parts_.n_fixed() > 0;
  Vector leverage = Vector::Zero(parts_.rank());
  if (has_fixed) {
    leverage = w.q.rowwise().squaredNorm();
    qkq = weighted_gram(w.q, k);
  }
  const Vector free = 1 - leverage.array();
  out.tr_pk = k.dot(free);
  out.tr_pkpk = k.cwiseAbs2().dot(free - leverage) + qkq.squaredNorm();
  out.tr_p_noise = w.noise.dot(free) + (rho - w.q_null.squaredNorm()) + (m - rho);
}

void SpectralSystem::add_coefficients(const WhitenedData& w, const Vector& k, const Matrix& qkq,
                                      Evaluation& out) const {
  const Matrix qnq = weighted_gram(w.q, w.noise) + transpose_product(w.q_null, w.q_null);
  set_coefficients(parts_, w, qkq, qnq, out);
  if (!parts_.mean.is_present()) return;
  const double hk = w.share.h / kappa_;
  const Vector f_white =
      parts_.mean.coordinates.cwiseProduct(parts_.d.cwiseSqrt()).cwiseQuotient(w.s.cwiseSqrt());
  const ShiftedOperator o(parts_, w, f_white, hk);
  Matrix moved = o.rows * k.cwiseSqrt().asDiagonal();
  add_outer(1, parts_.mean.constant, parts_.mean.coordinates, moved);
  shift_coefficients(parts_, w, o, f_white, hk, product_transpose(moved, moved),
                     weighted_gram(o.rows.transpose(), w.noise), out);
}

}  // namespace hdlmm
