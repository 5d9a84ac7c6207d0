#include "hdlmm/objective/terms_likelihood.hpp"

#include <cmath>
#include <cstddef>
#include <memory>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

const double kLogTwoPi = std::log(2 * std::acos(-1.0));

/// (P y)'V_i P V_j (P y) for the parameters of S_k and V_e = I, from those of S_k alone: P V P = P
/// and V = I + sum_i s_i V_i, s the half vectors of S_k. along: (P y)'V_i (P y).
Matrix average_information(const Matrix& gram, const Vector& along, const Vector& half,
                           double rss) {
  const Index m = gram.rows();
  const Vector cross = along - times(gram, half);
  Matrix out(m + 1, m + 1);
  out.topLeftCorner(m, m) = gram;
  out.col(m).head(m) = cross;
  out.row(m).head(m) = cross.transpose();
  out(m, m) = rss - along.dot(half) - cross.dot(half);
  return out;
}

/// y'P y = |P y|^2 + sum_k beta_k'(I (x) S_k)^-1 beta_k, free of cancellation, as the sum over
/// terms is that of (X_k'P y)'beta_k; P y comes from the rows themselves.
double direct_rss(const TermsFactor& factor, const TermsModel& model, const Vector& delta) {
  const Vector py = factor.projected(delta);
  double out = py.squaredNorm();
  const std::vector<Vector> beta = factor.effects(delta);
  for (Index k = 0; k < model.size(); ++k) {
    Matrix fitted = Matrix::Zero(model.rows(), 1);
    model.design(k).add_product(beta[static_cast<std::size_t>(k)], fitted);
    out += fitted.col(0).dot(py);
  }
  return out;
}

/// Below this share of y'y the difference that y'P y is has lost digits.
constexpr double kSmallRest = 1e-4;

/// delta on the plane where the contrast has its value, and Var(delta) there: rss grows by the
/// square of the distance over the contrast's variance. Returns the derivative of rss by the value.
double hold_contrast(const TermsHeld& held, TermsFixed& fixed) {
  const Vector ray = times(fixed.covariance, held.contrast);
  const double variance = held.contrast.dot(ray);
  const double pull = (held.value - held.contrast.dot(fixed.delta)) / variance;
  fixed.delta += pull * ray;
  fixed.rss += pull * pull * variance;
  add_outer(-1 / variance, ray, ray, fixed.covariance);
  return 2 * pull;
}

}  // namespace

void settle_rss(const TermsFactor& factor, const TermsModel& model, TermsFixed& fixed) {
  if (!(fixed.rss < kSmallRest * model.y.squaredNorm())) return;
  fixed.rss = direct_rss(factor, model, fixed.delta);
}

double TermsLikelihood::count() const {
  const TermsModel& model = system().model();
  return static_cast<double>(model.rows() -
                             (criterion_ == Criterion::reml ? model.q.cols() : Index{0}));
}

TermsEvaluation TermsObjective::evaluate(const Covariances& at, bool derivatives,
                                         const Context& context) const {
  TermsCompletion complete;
  TermsEvaluation out = begin(at, context, complete);
  if (derivatives) complete(out);
  return out;
}

TermsEvaluation TermsLikelihood::begin(const Covariances& at, const Context& context,
                                       TermsCompletion& complete) const {
  context.poll();
  const std::shared_ptr<TermsFactor> factor = system().factor(at, context);
  complete = [this, factor, at](TermsEvaluation& e) {
    add_derivatives(*factor, at, is_ml(), {Vector::Zero(e.fixed.delta.size())}, e);
    add_outer(-1 / e.fixed.rss, e.along, e.along, e.profiled);
    e.profiled /= e.sigma2;
  };
  return value(*factor);
}

TermsEvaluation TermsLikelihood::value(const TermsFactor& factor) const {
  TermsEvaluation out;
  const Matrix gram = factor.data_gram();
  out.fixed = fixed_of(gram);
  settle_rss(factor, system().model(), out.fixed);
  if (held_.contrast.size() > 0) out.held_slope = hold_contrast(held_, out.fixed);
  out.log_det_v = factor.log_det();
  out.sigma2 = held_.sigma2 > 0 ? held_.sigma2 : out.fixed.rss / count();
  const double scaled_rss = held_.sigma2 > 0 ? out.fixed.rss / held_.sigma2 : count();
  out.value = -0.5 * (count() * (kLogTwoPi + std::log(out.sigma2)) + scaled_rss + out.log_det_v +
                      (criterion_ == Criterion::reml ? out.fixed.log_det : 0));
  return out;
}

Vector half_vectors(const Covariances& at) {
  Vector out(at.parameters());
  for (Index k = 0; k < at.size(); ++k) {
    out.segment(at.first(k), at.shape(k).parameters()) = half_vector(at.relative(k));
  }
  return out;
}

Matrix add_derivatives(const TermsFactor& factor, const Covariances& at, bool is_ml,
                       const ScaleDrift& drift, TermsEvaluation& out) {
  const double s2 = out.sigma2;
  // what traces need is made once, and solves by it too
  out.gradient = factor.traces();
  const std::vector<Matrix> slopes = factor.fixed_slopes();
  const ResponseMoments moments = factor.moments(out.fixed.delta);
  out.effects = factor.effects(out.fixed.delta);
  out.projected = factor.projected(out.fixed.delta);
  for (Index k = 0; k < at.size(); ++k) {
    Matrix& gradient = out.gradient[static_cast<std::size_t>(k)];
    const Index first = at.first(k), width = at.shape(k).width;
    if (!is_ml) gradient -= fixed_share(slopes, first, width, out.fixed.covariance);
    const auto along = moments.along_response.segment(first, at.shape(k).parameters());
    gradient -= of_cell_traces(along, width) / s2;
  }
  out.along = moments.along_response;
  out.profiled = moments.gram - sandwich(moments.along_fixed, out.fixed.covariance);
  const Vector half = half_vectors(at);
  const Vector along = out.along + transpose_times(moments.along_fixed, drift.delta);
  out.information = average_information(out.profiled, along, half, out.fixed.rss + drift.rss);
  out.information /= 2 * s2 * s2 * s2;
  Matrix residual = out.fixed.covariance;
  for (Index j = 0; j < at.parameters(); ++j) {
    Matrix slope = sandwich(out.fixed.covariance, slopes[static_cast<std::size_t>(j)]);
    residual -= half[j] * slope;
    out.slopes.push_back(std::move(slope));
  }
  out.slopes.push_back(std::move(residual));
  return moments.along_fixed;
}

}  // namespace hdlmm
