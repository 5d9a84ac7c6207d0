#include "hdlmm/inference/posterior/mixture.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

MixtureView::MixtureView(const SpectralSystem& system, const MixtureNodes& nodes)
    : system_(system), nodes_(nodes) {}

SpectralSystem MixtureView::at(Index k) const {
  if (nodes_.prior_root.rows() == 0) return system_;
  return system_.with_prior_rows(nodes_.tau[k] * nodes_.prior_root);
}

Vector mixed_projected_response(const SpectralFrame& frame, const MixtureView& view,
                                const ConstVector& weights, const Context& context) {
  const SpectralParts& parts = view.system().parts();
  check_input(weights.size() == view.nodes().size(), "weights of nodes: their number");
  const Index rho = parts.null_in_fixed();
  const bool has_prior = view.nodes().prior_root.rows() > 0;
  Vector along = Vector::Zero(parts.rank()), reached = Vector::Zero(rho);
  double rest = 0;
  for (Index k = 0; k < view.nodes().size(); ++k) {
    context.poll();
    const WhitenedData w = view.at(k).whiten(view.nodes().share(k));
    along += weights[k] * w.e.cwiseQuotient(w.s.cwiseSqrt());
    if (has_prior) reached += weights[k] / std::sqrt(w.share.nu) * w.e_null;
    if (parts.null_residual > 0) rest += weights[k] / w.share.nu;
  }
  Vector out = frame.unrotate(along);
  if (rho > 0 && has_prior) {
    out += parts.null_frame * reached;
  } else if (rho > 0) {
    out -= null_reach(parts) * transpose_times(parts.z.leftCols(rho), along);
  }
  if (parts.null_residual > 0) out += rest * parts.null_rest;
  return out;
}

Vector mixed_effects(const SpectralFrame& frame, const MixtureView& view,
                     const ConstVector& weights, const Context& context) {
  const SpectralParts& parts = view.system().parts();
  check_input(weights.size() == view.nodes().size(), "weights of nodes: their number");
  Vector along = Vector::Zero(parts.rank());
  double random = 0, residual = 0;
  for (Index k = 0; k < view.nodes().size(); ++k) {
    context.poll();
    const WhitenedData w = view.at(k).whiten(view.nodes().share(k));
    const double weight = weights[k] * view.prior_share(k);
    along += weight * w.e.cwiseQuotient(w.s.cwiseSqrt());
    random += weight;
    residual += weights[k] * w.share.nu;
  }
  return coefficients_along(frame, parts.d, along, residual / random, context);
}

Vector mixed_coefficient_variances(const SpectralFrame& frame, const MixtureView& view,
                                   const ConstVector& weights, const ConstVector& second,
                                   const Context& context) {
  const SpectralSystem& system = view.system();
  const Index m = view.nodes().size(), r = system.parts().rank(), c = system.n_fixed();
  check_input(weights.size() == m && second.size() == m, "weights of nodes: their number");
  const double total = weights.sum();
  Matrix means(r, m), fixed(r, m * c);
  Vector inside = Vector::Zero(r);
  double outside = 0;
  for (Index k = 0; k < m; ++k) {
    context.poll();
    const WhitenedData w = view.at(k).whiten(view.nodes().share(k));
    const double hk = view.prior_share(k);
    const Vector root = w.inverse.cwiseSqrt();
    inside += second[k] * hk * w.noise;
    outside += second[k] * hk;
    means.col(k) = hk * w.e.cwiseProduct(root);
    if (c > 0) fixed.middleCols(k * c, c) = std::sqrt(second[k]) * hk * (root.asDiagonal() * w.q);
  }
  const Vector centre = times(means, weights) / total;
  Matrix form(r, m * (c + 1));
  form.leftCols(m * c) = fixed;
  form.rightCols(m) = (means.colwise() - centre) * weights.cwiseMax(0.0).cwiseSqrt().asDiagonal();
  const Vector& d = system.parts().d;
  if (frame.is_diagonal()) {
    const Vector own = d.cwiseProduct(form.rowwise().squaredNorm());
    return inside + own;
  }
  // of F F', or of F where that has fewer columns, no more than forms are asked for
  const bool is_wide = form.cols() > r;
  if (is_wide) form = product_transpose(form, form);
  const Vector prior = frame.design().prior_variances();
  const Index p = prior.size(), block = std::min(kColumnBlock, p);
  Vector out(p);
  for (Index first = 0; first < p; first += block) {
    context.poll();
    context.progress("standard errors", static_cast<double>(first) / static_cast<double>(p));
    const Index size = std::min(block, p - first);
    const Matrix columns = frame.rotated_covariance_columns(first, size);
    const Matrix explained = d.cwiseInverse().asDiagonal() * columns.cwiseAbs2();
    const Vector free =
        (prior.segment(first, size) - explained.colwise().sum().transpose()).cwiseMax(0.0);
    const Matrix low = transpose_product(form, columns);
    const Matrix squares = low.cwiseProduct(is_wide ? columns : low);
    out.segment(first, size) =
        outside * free + transpose_times(explained, inside) + squares.colwise().sum().transpose();
  }
  return out;
}

MixedPoints mixed_points(const MixtureView& view, const PredictionRows& rows,
                         const Context& context) {
  const SpectralParts& parts = view.system().parts();
  const Index m = view.nodes().size(), count = rows.prior_variance.size();
  MixedPoints out{Matrix(count, m), Matrix(count, m)};
  for (Index k = 0; k < m; ++k) {
    context.poll();
    const SpectralSystem at = view.at(k);
    const WhitenedData w = at.whiten(view.nodes().share(k));
    const Vector weights = w.e.cwiseQuotient(w.s.cwiseSqrt());
    out.mean.col(k) = view.prior_share(k) * transpose_times(rows.covariance, weights);
    if (parts.n_fixed() > 0) {
      Vector delta = w.delta;
      delta.head(parts.null_in_fixed()) += parts.null_shift;
      out.mean.col(k) += times(rows.z, times(parts.turn, delta));
    }
    out.variance.col(k) = latent_variances(at, w, rows);
  }
  return out;
}

void draw_effects(const SpectralSystem& system, const WhitenedData& w, double tau,
                  const ConstMatrix& normals, Eigen::Ref<Matrix> delta, Eigen::Ref<Matrix> g) {
  const SpectralParts& parts = system.parts();
  const Index c = parts.n_fixed(), r = parts.rank(), rho = parts.null_in_fixed();
  const Vector spread =
      tau * (w.share.h / system.kappa() * parts.d.cwiseProduct(w.noise)).cwiseSqrt();
  g = spread.asDiagonal() * normals.bottomRows(r);
  g.colwise() += w.explained.cwiseProduct(parts.y);
  if (c == 0) return;
  delta = tau * product(w.inverse_factor, normals.topRows(c));
  delta.colwise() += w.delta;
  g -= w.explained.asDiagonal() * product(parts.z, delta);
  if (rho > 0) delta.topRows(rho).colwise() += parts.null_shift;
}

}  // namespace hdlmm
