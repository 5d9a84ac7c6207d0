#include "hdlmm/inference/posterior/prediction.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

Matrix null_reach(const SpectralParts& parts) {
  return parts.null_frame * parts.null_scale.cwiseInverse().asDiagonal();
}

Vector projected_response(const SpectralFrame& frame, const SpectralParts& parts,
                          const WhitenedData& w) {
  const Vector g = w.e.cwiseQuotient(w.s.cwiseSqrt());
  Vector out = frame.unrotate(g);
  const Index rho = parts.null_in_fixed();
  if (rho > 0 && parts.has_prior()) {
    out += times(parts.null_frame, w.e_null) / std::sqrt(w.share.nu);
  } else if (rho > 0) {
    out -= null_reach(parts) * transpose_times(parts.z.leftCols(rho), g);
  }
  if (parts.null_residual > 0) out += parts.null_rest / w.share.nu;
  return out;
}

Vector coefficients_along(const SpectralFrame& frame, const ConstVector& d, const ConstVector& c,
                          double ridge, const Context& context) {
  constexpr double kSpread = 1e4;
  constexpr int kPasses = 2;
  Vector out = frame.pull(c, context);
  const bool is_spread = d.size() > 0 && d.maxCoeff() > kSpread * ridge;
  if (frame.side() != Side::row || !is_spread) return out;
  const Matrix target = frame.unrotate(d.cwiseProduct(c));
  for (int pass = 0; pass < kPasses; ++pass) {
    Matrix rest = target;
    frame.design().add_product(-out, rest, context);
    const Vector along = frame.rotate(rest);
    out += frame.pull((along.array() / (d.array() + ridge)).matrix(), context);
  }
  return out;
}

Vector predicted_effects(const SpectralFrame& frame, const SpectralSystem& system,
                         const WhitenedData& w, const Context& context) {
  const double hk = w.share.h / system.kappa();
  const Vector c = hk * w.e.cwiseQuotient(w.s.cwiseSqrt());
  return coefficients_along(frame, system.parts().d, c, w.share.nu / hk, context);
}

Vector projection_diagonal(const SpectralFrame& frame, const SpectralParts& parts,
                           const WhitenedData& w) {
  const Index rho = parts.null_in_fixed();
  Vector out = frame.row_quadratic(w.inverse);
  const Matrix q_scaled = w.inverse.cwiseSqrt().asDiagonal() * w.q;
  Matrix along = frame.unrotate(q_scaled);
  if (rho > 0 && parts.has_prior()) {
    out += parts.null_frame.rowwise().squaredNorm() / w.share.nu;
    along += product(parts.null_frame, w.q_null) / std::sqrt(w.share.nu);
  } else if (rho > 0) {
    const Matrix reach = null_reach(parts);
    const Matrix z_a = parts.z.leftCols(rho);
    const Matrix scaled = w.inverse.asDiagonal() * z_a;
    out -= 2 * reach.cwiseProduct(frame.unrotate(scaled)).rowwise().sum();
    out += product(reach, transpose_product(z_a, scaled)).cwiseProduct(reach).rowwise().sum();
    subtract_product(reach, transpose_product(z_a, q_scaled), along);
  }
  out -= along.rowwise().squaredNorm();
  if (parts.null_dimension() > rho) {
    const Vector inside = frame.row_quadratic(Vector::Ones(parts.rank()));
    const Vector reached = parts.null_frame.rowwise().squaredNorm();
    const Vector rest = (1 - inside.array() - reached.array()).max(0);
    out += rest / w.share.nu;
  }
  return out;
}

PredictionRows prediction_rows(const SpectralFrame& frame, const ConstMatrix& covariance,
                               const ConstVector& prior_variance, const ConstMatrix& z) {
  const Index m = prior_variance.size();
  check_input(covariance.rows() == frame.design().rows(), "points of prediction: covariances");
  check_input(covariance.cols() == m && z.rows() == m, "points of prediction: their number");
  return {frame.rotate(covariance), prior_variance, z};
}

Vector latent_variances(const SpectralSystem& system, const WhitenedData& w,
                        const PredictionRows& rows) {
  const SpectralParts& parts = system.parts();
  const double hk = w.share.h / system.kappa();
  const Matrix inside = parts.d.cwiseInverse().asDiagonal() * rows.covariance.cwiseAbs2();
  const Vector outside = (rows.prior_variance - inside.colwise().sum().transpose()).cwiseMax(0.0);
  Vector out = hk * (outside + transpose_times(inside, w.noise));
  if (parts.n_fixed() > 0) {
    const Matrix whitened = w.inverse.cwiseSqrt().asDiagonal() * rows.covariance;
    const Matrix turned = product(rows.z, product(parts.turn, w.inverse_factor));
    const Matrix fixed = turned.transpose() - hk * transpose_product(w.q, whitened);
    out += fixed.colwise().squaredNorm().transpose();
  }
  return out;
}

Vector coefficient_variances(const SpectralFrame& frame, const SpectralSystem& system,
                             const WhitenedData& w, const Context& context) {
  if (frame.is_diagonal()) {
    const double hk = w.share.h / system.kappa();
    const Vector explained = w.explained.cwiseProduct(w.q.rowwise().squaredNorm());
    return hk * (w.noise + explained);
  }
  const Vector prior = frame.design().prior_variances();
  const Index p = prior.size(), c = system.n_fixed();
  const Index block = std::min(kColumnBlock, p);
  Vector out(p);
  for (Index first = 0; first < p; first += block) {
    context.poll();
    context.progress("standard errors", static_cast<double>(first) / static_cast<double>(p));
    const Index size = std::min(block, p - first);
    const PredictionRows rows{frame.rotated_covariance_columns(first, size),
                              prior.segment(first, size), Matrix::Zero(size, c)};
    out.segment(first, size) = latent_variances(system, w, rows);
  }
  return out;
}

}  // namespace hdlmm
