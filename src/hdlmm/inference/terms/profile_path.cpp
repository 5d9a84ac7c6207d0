#include "hdlmm/inference/terms/profile_path.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

/// What a further step promises of twice the log-likelihood where a maximum is left; the promise is
/// counted as kept.
constexpr double kPromise = 1e-6;
constexpr int kMostSteps = 100;
constexpr double kSmallestRadius = 1e-9;

}  // namespace

ProfilePath::ProfilePath(const TermsLikelihood& likelihood, const ProfileStart& start,
                         const AskedParameter& asked, const std::vector<Matrix>& moments,
                         const Context& context)
    : asked_(asked),
      likelihood_(likelihood.system(), likelihood.is_ml() ? Criterion::ml : Criterion::reml,
                  start.sigma2, context),
      count_(likelihood.count()),
      value_(start.evaluation.value),
      ceiling_(std::numeric_limits<double>::infinity()) {
  const TermsModel& model = likelihood.system().model();
  start_.at.units = TermUnits(likelihood.system().null_information(), model.shapes);
  start_.is_finite = true;
  held_ = hold(asked, moments, model.turns, start.at, start_.at);
  if (!held_) return;
  if (is_contrast()) {
    const TermsFixed& fixed = start.evaluation.fixed;
    start_.at.u = asked.contrast.dot(fixed.delta);
    spread_ = asked.contrast.dot(times(fixed.covariance, asked.contrast));
  }
  start_.at.turn(held_->fixed_term());
  start_.model = likelihood_.model(start_.at, start.evaluation);
  if (asked.kind != HeldKind::correlation) return;
  for (const Index place : {asked.row, asked.col}) {
    AskedParameter variance{HeldKind::variance, asked.term, place, place, {}};
    const ProfilePath edge(likelihood, start, variance, moments, context);
    const ProfileMaximum none = edge.move(edge.start(), 0);
    if (none.is_finite) ceiling_ = std::min(ceiling_, none.loss);
  }
}

double ProfilePath::value(const HeldPoint& at) const {
  const bool is_variance = asked_.kind == HeldKind::variance ||
                           asked_.kind == HeldKind::covariance || asked_.kind == HeldKind::residual;
  return held_->value(at) * (is_variance ? likelihood_.unit() : 1);
}

double ProfilePath::curvature() const {
  if (is_contrast()) return 2 / (spread_ * likelihood_.unit());
  const Vector along = held_->along(start_.at);
  const Matrix free = held_->directions(start_.at, start_.model.gradient);
  const Vector bent = times(start_.model.hessian, along);
  QuadraticModel rest = held_->reduced(start_.at, start_.model);
  rest.gradient = transpose_times(free, bent);
  constexpr double kFar = 1e3;
  const double out = along.dot(bent) + rest.gradient.dot(trust_step(rest, kFar));
  return std::isfinite(out) && out > 0 ? out : 0;
}

ProfileMaximum ProfilePath::move(const ProfileMaximum& from, double to) const {
  ProfileMaximum out{predicted(from, to), {}, 0, 0, false, 1};
  TermsEvaluation e = evaluate(out.at);
  if (!std::isfinite(e.value)) {
    out.at = from.at;
    held_->settle(out.at, to);
    e = evaluate(out.at);
    ++out.evaluations;
    if (!std::isfinite(e.value)) return out;
  }
  double radius = std::max(1.0, out.at.x.head(out.at.parameters()).norm());
  double promised = 0;
  for (int step = 0;; ++step) {
    out.at.turn(held_->fixed_term());
    out.model = likelihood_.model(out.at, e);
    const QuadraticModel model = held_->reduced(out.at, out.model);
    const Vector change = trust_step(model, radius);
    promised = -model.change(change);
    if (promised < kPromise || radius < kSmallestRadius || step >= kMostSteps) break;
    HeldPoint next = out.at;
    next.x += times(held_->directions(out.at, out.model.gradient), change);
    held_->settle(next, to);
    ++out.evaluations;
    if (is_better(next, e, promised, radius, change.norm())) out.at = std::move(next);
  }
  out.is_finite = true;
  out.loss = 2 * (value_ - e.value) - (promised < kPromise ? promised : 0);
  out.slope = slope_at(out, e);
  if (out.loss > ceiling_) {
    out.loss = ceiling_;
    out.slope = 0;
  }
  return out;
}

bool ProfilePath::is_better(HeldPoint& next, TermsEvaluation& e, double promised, double& radius,
                            double length) const {
  TermsEvaluation found = evaluate(next);
  const double noise = 1e-13 * (std::abs(e.value) + count_);
  const double gain = 2 * (found.value - e.value);
  if (!takes_step(gain, promised, noise, length, radius)) return false;
  e = std::move(found);
  return true;
}

HeldPoint ProfilePath::predicted(const ProfileMaximum& from, double to) const {
  HeldPoint out = from.at;
  held_->settle(out, to);
  if (is_contrast()) {
    const auto rss = [&](double u) {
      const double off = u - start_.at.u;
      return likelihood_.unit() + off * off / spread_ / count_;
    };
    const double grown = std::log(rss(to) / rss(from.at.u));
    out.x.head(out.parameters()) *= std::exp(0.5 * grown);
    out.x[out.parameters()] += grown;
    return out;
  }
  const Vector moved = out.x - from.at.x;
  QuadraticModel there = from.model;
  there.gradient += times(there.hessian, moved);
  const QuadraticModel model = held_->reduced(out, there);
  const Vector step = trust_step(model, std::max(1.0, from.at.x.head(from.at.parameters()).norm()));
  out.x += times(held_->directions(out, there.gradient), step);
  held_->settle(out, to);
  return out;
}

TermsEvaluation ProfilePath::evaluate(const HeldPoint& at) const {
  TermsHeld held;
  if (is_contrast()) {
    held.contrast = asked_.contrast;
    held.value = at.u;
  }
  return likelihood_.evaluate(at, std::move(held));
}

double ProfilePath::slope_at(const ProfileMaximum& at, const TermsEvaluation& e) const {
  if (is_contrast()) return e.held_slope / (likelihood_.unit() * at.at.noise());
  return at.model.gradient.dot(held_->along(at.at));
}

}  // namespace hdlmm
