#include "hdlmm/objective/terms_posterior.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

namespace hdlmm {

namespace {

const double kLogTwoPi = std::log(2 * std::acos(-1.0));

RestCurve rest_curve(const TermsFixed& fixed, const Matrix& root) {
  RestCurve out;
  out.rss = fixed.rss;
  if (root.size() == 0) return out;
  const SymmetricEigen eigen = symmetric_eigen(congruent(root, fixed.covariance));
  out.spread = eigen.values.cwiseMax(0.0);
  out.b2 = transpose_times(eigen.vectors, times(root, fixed.delta)).cwiseAbs2();
  return out;
}

template <typename Slope>
double turning_point(const Slope& slope, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-15 * (1 + std::abs(low)); ++i) {
    const double middle = 0.5 * (low + high);
    (slope(middle) > 0 ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// The highest maximum of a curve between two places where it rises and falls. A normal prior far
/// from the data makes two, see PenalisedLikelihood; otherwise there is one.
template <typename Slope, typename Value>
double best_turn(const Slope& slope, const Value& value, double low, double high, bool is_single) {
  constexpr double kStep = 0.25;
  for (int i = 0; i < 200 && !(slope(low) > 0); ++i) low -= 1 + 0.5 * i;
  for (int i = 0; i < 200 && slope(high) > 0; ++i) high += 1 + 0.5 * i;
  if (is_single) return turning_point(slope, low, high);
  double best = low, best_value = -std::numeric_limits<double>::infinity();
  const int steps = 1 + static_cast<int>((high - low) / kStep);
  for (int i = 0; i < steps; ++i) {
    const double a = low + (high - low) * i / steps, b = low + (high - low) * (i + 1) / steps;
    if (!(slope(a) > 0) || slope(b) > 0) continue;
    const double at = turning_point(slope, a, b);
    if (value(at) <= best_value) continue;
    best = at;
    best_value = value(at);
  }
  return best;
}

/// (half vectors of all S_k, 1): d parameters / d log sigma_e^2 per unit sigma_e^2.
Vector scale_direction(const Covariances& at) {
  Vector out(at.parameters() + 1);
  out << half_vectors(at), 1;
  return out;
}

/// The gradient of a log prior by the same parameters.
Vector flat_gradient(const Covariances& at, const TermsLogPrior& prior) {
  Vector out(at.parameters() + 1);
  for (Index k = 0; k < at.size(); ++k) {
    out.segment(at.first(k), at.shape(k).parameters()) =
        cell_traces(prior.terms[static_cast<std::size_t>(k)]);
  }
  out[at.parameters()] = prior.residual;
  return out;
}

}  // namespace

double RestCurve::value(double t) const {
  double out = rss * std::exp(-t);
  for (Index i = 0; i < b2.size(); ++i) out += b2[i] / (1 + std::exp(t) * spread[i]);
  return out;
}

double RestCurve::slope(double t) const {
  double out = -rss * std::exp(-t);
  for (Index i = 0; i < b2.size(); ++i) {
    const double x = std::exp(t) * spread[i];
    out -= b2[i] * x / ((1 + x) * (1 + x));
  }
  return out;
}

double RestCurve::bend(double t) const {
  double out = rss * std::exp(-t);
  for (Index i = 0; i < b2.size(); ++i) {
    const double x = std::exp(t) * spread[i];
    out -= b2[i] * x * (1 - x) / ((1 + x) * (1 + x) * (1 + x));
  }
  return out;
}

double RestCurve::total() const {
  double out = rss;
  for (Index i = 0; i < b2.size(); ++i) {
    if (spread[i] > 0) out += b2[i] / spread[i];
  }
  return out;
}

TermsPosterior::TermsPosterior(const TermsSystem& system, TermsPrior prior, Matrix precision)
    : TermsObjective(system), prior_(std::move(prior)), precision_(std::move(precision)) {
  if (precision_.size() == 0) return;
  const SymmetricEigen eigen = symmetric_eigen(precision_);
  root_ = eigen.values.cwiseMax(0.0).cwiseSqrt().asDiagonal() * eigen.vectors.transpose();
}

TermsLogPrior TermsPosterior::log_prior(const Covariances& at, double sigma2,
                                        bool has_curvature) const {
  const TermsModel& model = system().model();
  std::vector<Matrix> sigma = outside(model, at);
  for (Matrix& one : sigma) one *= sigma2;
  TermsLogPrior out = prior_.log_density(sigma, sigma2, TermsMeasure::stated, has_curvature);
  Matrix map = Matrix::Identity(at.parameters() + 1, at.parameters() + 1);
  for (Index k = 0; k < at.size(); ++k) {
    const auto term = static_cast<std::size_t>(k);
    out.terms[term] = sandwich(model.turns[term], out.terms[term]);
    const Index first = at.first(k), count = at.shape(k).parameters();
    if (has_curvature) map.block(first, first, count, count) = congruence_map(model.turns[term]);
  }
  if (has_curvature) out.curvature = sandwich(map, out.curvature);
  return out;
}

double TermsPosterior::log_prior(const Vector& delta) const {
  return precision_.size() == 0 ? 0 : -0.5 * times(root_, delta).squaredNorm();
}

double TermsPosterior::value_at(const Covariances& at, const RestCurve& rest, double log_det_v,
                                double t) const {
  return log_prior(at, std::exp(t), false).value -
         0.5 * (count() * (kLogTwoPi + t) + rest.value(t) + log_det_v);
}

double TermsPosterior::settled_scale(const Covariances& at, const RestCurve& rest,
                                     double log_det_v) const {
  const double n = count();
  const Vector along_scale = scale_direction(at);
  const auto slope = [&](double t) {
    const TermsLogPrior p = log_prior(at, std::exp(t), false);
    return std::exp(t) * along_scale.dot(flat_gradient(at, p)) - 0.5 * (n + rest.slope(t));
  };
  const auto value = [&](double t) { return value_at(at, rest, log_det_v, t); };
  const double low = std::log(rest.rss / n);
  const double high = std::max(low, std::log(rest.total() / n));
  return best_turn(slope, value, low, high, root_.size() == 0);
}

ScaleDrift TermsPosterior::settle_fixed(const Matrix& gram, const RestCurve& rest,
                                        TermsEvaluation& out) const {
  const Index c = gram.rows() - 1;
  ScaleDrift drift{Vector::Zero(c)};
  if (root_.size() == 0) return drift;
  const double s2 = out.sigma2;
  const Matrix a = gram.topLeftCorner(c, c) + s2 * precision_;
  out.fixed.covariance = solve_positive(a, Matrix::Identity(c, c));
  out.fixed.delta = times(out.fixed.covariance, gram.col(c).head(c));
  const Vector pull = times(precision_, out.fixed.delta);
  drift.delta = -s2 * times(out.fixed.covariance, pull);
  drift.rss = s2 * pull.dot(drift.delta);
  out.fixed.rss = -s2 * rest.slope(std::log(s2));
  return drift;
}

TermsFixed TermsPosterior::fixed_at(const TermsFactor& factor, double sigma2) const {
  const Matrix gram = factor.data_gram();
  TermsEvaluation out;
  out.sigma2 = sigma2;
  out.fixed = fixed_of(gram);
  settle_rss(factor, system().model(), out.fixed);
  settle_fixed(gram, rest_curve(out.fixed, root_), out);
  return out.fixed;
}

TermsEvaluation TermsPosterior::begin(const Covariances& at, const Context& context,
                                      TermsCompletion& complete) const {
  context.poll();
  const std::shared_ptr<TermsFactor> factor = system().factor(at, context);
  RestCurve rest;
  ScaleDrift drift;
  TermsEvaluation out = begin_at(*factor, at, 0, rest, drift);
  complete = [this, factor, at, rest, drift](TermsEvaluation& e) {
    const ScaleCurvature scale = add_derivatives_at(*factor, at, rest, drift, e);
    if (scale.own > 0) add_outer(-1 / scale.own, scale.cross, scale.cross, e.profiled);
  };
  return out;
}

TermsPosterior::ScaleCurvature TermsPosterior::add_derivatives_at(const TermsFactor& factor,
                                                                  const Covariances& at,
                                                                  const RestCurve& rest,
                                                                  const ScaleDrift& drift,
                                                                  TermsEvaluation& out) const {
  const Index m = at.parameters();
  const double s2 = out.sigma2;
  const Matrix along_fixed = add_derivatives(factor, at, true, drift, out);
  const TermsLogPrior prior = log_prior(at, s2, true);
  for (std::size_t k = 0; k < prior.terms.size(); ++k) {
    out.gradient[k] -= 2 * s2 * prior.terms[k];
  }
  const Vector along_scale = scale_direction(at);
  const Vector gradient = flat_gradient(at, prior), bent = times(prior.curvature, along_scale);
  const Vector turned = gradient + s2 * bent;
  ScaleCurvature scale;
  scale.own = rest.bend(std::log(s2)) - 2 * s2 * along_scale.dot(turned);
  scale.cross =
      (out.along + 2 * transpose_times(along_fixed, drift.delta)) / s2 - 2 * s2 * turned.head(m);
  scale.slope = count() + rest.slope(std::log(s2)) - 2 * s2 * along_scale.dot(gradient);
  out.profiled = out.profiled / s2 - 2 * s2 * s2 * prior.curvature.topLeftCorner(m, m);
  out.information -= prior.curvature;
  if (root_.size() > 0) {
    out.slopes.back() -= s2 * congruent(out.fixed.covariance, precision_);
  }
  return scale;
}

TermsEvaluation TermsPosterior::begin_at(const TermsFactor& factor, const Covariances& at,
                                         double sigma2, RestCurve& rest, ScaleDrift& drift) const {
  const Matrix gram = factor.data_gram();
  TermsEvaluation out;
  out.fixed = fixed_of(gram);
  settle_rss(factor, system().model(), out.fixed);
  out.log_det_v = factor.log_det();
  rest = rest_curve(out.fixed, root_);
  const double t = sigma2 > 0 ? std::log(sigma2) : settled_scale(at, rest, out.log_det_v);
  out.sigma2 = sigma2 > 0 ? sigma2 : std::exp(t);
  out.value = value_at(at, rest, out.log_det_v, t);
  drift = settle_fixed(gram, rest, out);
  return out;
}

TermsEvaluation TermsPosterior::evaluate_at_scale(const Covariances& at, double sigma2,
                                                  const Context& context,
                                                  ScaleCurvature& scale) const {
  context.poll();
  const TermsPosterior other(system(), prior_.without_row_blocks(), precision_);
  const auto factor = system().factor(at, context);
  RestCurve rest;
  ScaleDrift drift;
  TermsEvaluation out = other.begin_at(*factor, at, sigma2, rest, drift);
  scale = other.add_derivatives_at(*factor, at, rest, drift, out);
  return out;
}

ScaledPosterior TermsPosterior::at_scale(const Covariances& at, double sigma2,
                                         const Context& context) const {
  ScaleCurvature scale;
  const TermsEvaluation e = evaluate_at_scale(at, sigma2, context, scale);
  const Index m = at.parameters();
  ScaledPosterior out;
  out.value = e.value;
  out.gradient.resize(m + 1);
  for (Index k = 0; k < at.size(); ++k) {
    out.gradient.segment(at.first(k), at.shape(k).parameters()) =
        cell_traces(e.gradient[static_cast<std::size_t>(k)]);
  }
  out.gradient[m] = scale.slope;
  out.hessian.resize(m + 1, m + 1);
  out.hessian << e.profiled, scale.cross, scale.cross.transpose(), scale.own;
  return out;
}

TermsEvaluation TermsPosterior::evaluate_by_rows(const Covariances& at, double sigma2,
                                                 double row_prior, const Context& context) const {
  ScaleCurvature scale;
  TermsEvaluation out = evaluate_at_scale(at, sigma2, context, scale);
  out.value += row_prior;
  return out;
}

}  // namespace hdlmm
