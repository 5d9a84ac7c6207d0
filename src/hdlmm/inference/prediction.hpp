#ifndef HDLMM_INFERENCE_PREDICTION_HPP
#define HDLMM_INFERENCE_PREDICTION_HPP

#include <algorithm>
#include <cmath>

#include "hdlmm/marginal/spectral_system.hpp"

namespace hdlmm {

namespace prediction_detail {

/// What is left of the null space's coefficients in the rows: null_frame T^-1, [n x rho].
inline Matrix null_reach(const SpectralParts& parts) {
  return parts.null_frame * parts.null_scale.cwiseInverse().asDiagonal();
}

}  // namespace prediction_detail

/// P y [n] for V at the share of w; finite at nu = 0 whenever REML is.
inline Vector projected_response(const SpectralFrame& frame, const SpectralParts& parts,
                                 const WhitenedData& w) {
  const Vector g = w.e.cwiseQuotient(w.s.cwiseSqrt());
  Vector out = frame.unrotate(g);
  const Index rho = parts.null_in_fixed();
  if (rho > 0 && parts.has_prior()) {
    out += parts.null_frame * w.e_null / std::sqrt(w.share.nu);
  } else if (rho > 0) {
    out -= prediction_detail::null_reach(parts) * (parts.z.leftCols(rho).transpose() * g);
  }
  if (parts.null_residual > 0) out += parts.null_rest / w.share.nu;
  return out;
}

/// S X'U c [p], the coefficients beta with X beta = U diag(d) c, for c [r].
///
/// X' makes nothing of null(K), so nothing of null(K) goes into it: P y is of the size of y / nu
/// there, and its rounding would drown the coefficients where nu is small. From the rows' side
/// small eigenvalues do the same to large ones where d is large beside ridge = nu kappa / h: the
/// rounding of X beta is then found by one more product and its coefficients are taken out, which
/// leaves the root of that ratio.
inline Vector coefficients_along(const SpectralFrame& frame, const ConstVector& d,
                                 const ConstVector& c, double ridge, const Context& context) {
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

/// sigma_b^2 S X'P y in units of tau^2, [p]: the effects, at the share of w.
inline Vector predicted_effects(const SpectralFrame& frame, const SpectralSystem& system,
                                const WhitenedData& w, const Context& context) {
  const double hk = w.share.h / system.kappa();
  const Vector c = hk * w.e.cwiseQuotient(w.s.cwiseSqrt());
  return coefficients_along(frame, system.parts().d, c, w.share.nu / hk, context);
}

/// diag(P) [n] for V at the share of w. O(n r), O(n c^2) for a grouping factor.
///
/// P = E'S^-1/2 (I - q q') S^-1/2 E + N N'/nu, where E = U' - z_a T^-1 null_frame' and N spans what
/// of null(K) the fixed effects do not reach: no difference of large terms as nu -> 0. Under a
/// prior of the coefficients null(K) is no longer free, and its rows count like the others.
inline Vector projection_diagonal(const SpectralFrame& frame, const SpectralParts& parts,
                                  const WhitenedData& w) {
  const Index rho = parts.null_in_fixed();
  Vector out = frame.row_quadratic(w.inverse);
  const Matrix q_scaled = w.inverse.cwiseSqrt().asDiagonal() * w.q;
  Matrix along = frame.unrotate(q_scaled);
  if (rho > 0 && parts.has_prior()) {
    out += parts.null_frame.rowwise().squaredNorm() / w.share.nu;
    along += parts.null_frame * w.q_null / std::sqrt(w.share.nu);
  } else if (rho > 0) {
    const Matrix reach = prediction_detail::null_reach(parts);
    const Matrix z_a = parts.z.leftCols(rho);
    const Matrix scaled = w.inverse.asDiagonal() * z_a;
    out -= 2 * reach.cwiseProduct(frame.unrotate(scaled)).rowwise().sum();
    out += (reach * (z_a.transpose() * scaled)).cwiseProduct(reach).rowwise().sum();
    along -= reach * (z_a.transpose() * q_scaled);
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

/// Points at which the latent value z'omega + x'beta is wanted.
struct PredictionRows {
  Matrix covariance;      ///< [r x m], U' X S x
  Vector prior_variance;  ///< [m], x'S x
  Matrix z;               ///< [m x c], coordinates in the basis Q
};

/// covariance: [n x m] = X S x. Throws InvalidInput.
inline PredictionRows prediction_rows(const SpectralFrame& frame, const ConstMatrix& covariance,
                                      const ConstVector& prior_variance, const ConstMatrix& z) {
  const Index m = prior_variance.size();
  check_input(covariance.rows() == frame.design().rows(), "points of prediction: covariances");
  check_input(covariance.cols() == m && z.rows() == m, "points of prediction: their number");
  return {frame.rotate(covariance), prior_variance, z};
}

/// Var(z'omega + x'beta | y) / tau^2 [m], omega integrated out under a flat prior.
///
/// Section 4 as a sum of terms that cannot be negative: what of x lies outside the rows of X, what
/// lies inside and is shrunk, and the fixed effects' share |F'z - q'S^-1/2 f|^2.
inline Vector latent_variances(const SpectralSystem& system, const WhitenedData& w,
                               const PredictionRows& rows) {
  const SpectralParts& parts = system.parts();
  const double hk = w.share.h / system.kappa();
  const Matrix inside = parts.d.cwiseInverse().asDiagonal() * rows.covariance.cwiseAbs2();
  const Vector outside = (rows.prior_variance - inside.colwise().sum().transpose()).cwiseMax(0.0);
  Vector out = hk * (outside + inside.transpose() * w.noise);
  if (parts.n_fixed() > 0) {
    const Matrix whitened = w.inverse.cwiseSqrt().asDiagonal() * rows.covariance;
    const Matrix fixed =
        w.inverse_factor.transpose() * parts.turn.transpose() * rows.z.transpose() -
        hk * (w.q.transpose() * whitened);
    out += fixed.colwise().squaredNorm().transpose();
  }
  return out;
}

/// Var(beta_j | y) / tau^2 for every coefficient [p]: the prediction error variances.
/// O(n r p) when the row side was decomposed, O(p r) for the column side, in blocks of columns;
/// O(p c) for a grouping factor, where each coefficient has a direction of its own.
inline Vector coefficient_variances(const SpectralFrame& frame, const SpectralSystem& system,
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

#endif  // HDLMM_INFERENCE_PREDICTION_HPP
