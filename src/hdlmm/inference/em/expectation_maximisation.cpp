#include "hdlmm/inference/em/expectation_maximisation.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/em/restricted_em.hpp"
#include "hdlmm/inference/search/aitken_test.hpp"
#include "hdlmm/objective/penalised_likelihood.hpp"

namespace hdlmm {

namespace {

/// Whether the profile has a slope of this sign all the way from one log ratio up to another.
bool keeps_sign(const ShareObjective& f, double from, double to, double sign) {
  constexpr double kStep = 0.5;  // the grid of the direct search
  const int n = static_cast<int>(std::ceil((to - from) / kStep));
  for (int i = 0; i <= n; ++i) {
    const double phi = n > 0 ? from + (to - from) * i / n : from;
    if (!(sign * f.at(phi).slope > 0)) return false;
  }
  return true;
}

/// log(sigma_b^2 / sigma_e^2) now and after the next step, and where the profile is flat.
struct Course {
  double phi = 0, next = 0, low = 0, high = 0;

  Course(const MarginalSystem& system, const EmStep& step)
      : phi(std::log(step.state.random) - std::log(step.state.residual)),
        next(std::log(step.next.random) - std::log(step.next.residual)),
        low(-std::log(system.max_eigenvalue()) - 18),
        high(-std::log(system.min_eigenvalue()) + 22) {}

  bool is_far() const { return next < low || next > high; }
};

/// EM reaches a variance of zero as 1 / iterations only. Once the profile falls all the way from
/// the boundary to where EM is, and EM moves towards it, the limit is known: go there.
bool finish_at_boundary(const ShareObjective& f, const EmStep& step, EmResult& result) {
  constexpr double kNear = 0.1;
  const MarginalSystem& system = f.system();
  const Course at(system, step);
  const Share share = Share::from_log_ratio(at.next, system.kappa());
  EmStatus status;
  Share limit;
  if (at.next < at.phi && share.h < kNear) {
    if (f.slope_at_zero() > 0) return false;
    if (at.next > at.low && !keeps_sign(f, at.low, at.next, -1)) return false;
    limit = Share{0, 1};
    status = EmStatus::boundary_random;
  } else if (at.next > at.phi && share.nu < kNear && (f.is_unbounded() || f.has_limit_at_one())) {
    if (at.next < at.high && !keeps_sign(f, at.next, at.high, 1)) return false;
    limit = Share{1, 0};
    status = f.is_unbounded() ? EmStatus::unbounded : EmStatus::boundary_residual;
  } else {
    return false;
  }
  if (status != EmStatus::unbounded) {
    const ProfilePoint point = f.at_share(limit);
    if (!(point.value >= result.trace.back().value)) return false;
    result.trace.push_back({point.value, limit, point.tau2});
    result.state.random = point.tau2 * limit.h / system.kappa();
    result.state.residual = point.tau2 * limit.nu;
  }
  result.status = status;
  return true;
}

/// Whether the profile has its mode here, to ten times the bound of the projection: what is slow
/// can hide behind what is fast, after an extrapolation above all.
bool is_at_mode(const ShareObjective& f, const EmPoint& here, double tol) {
  const ProfilePoint point = f.at_share(here.share);
  const double left = std::abs(point.slope / point.curvature);
  return point.curvature < 0 &&
         std::max(left, std::abs(std::log(point.tau2 / here.tau2))) <= std::sqrt(tol);
}

/// Where three successive iterates point to: steplength -|r| / |v| on (log variances, delta).
/// Nothing where steps do not become shorter: length 1 is the last iterate itself.
std::optional<EmState> extrapolate(const std::vector<EmStep>& chain) {
  const auto as_vector = [](const EmState& state) {
    Vector out(2 + state.delta.size());
    out[0] = std::log(state.random);
    out[1] = std::log(state.residual);
    out.tail(state.delta.size()) = state.delta;
    return out;
  };
  constexpr double kLongest = 5;  // no variance may become zero by this
  const Vector first = as_vector(chain[0].state), middle = as_vector(chain[1].state);
  const Vector last = as_vector(chain[2].state);
  const Vector r = middle - first, v = last - middle - r;
  const double length = r.norm() / v.norm();
  if (!(length > 1) || std::isinf(length)) return std::nullopt;
  Vector to = first + 2 * length * r + length * length * v;
  for (Index k = 0; k < 2; ++k) {
    to[k] = std::min(std::max(to[k], last[k] - kLongest), last[k] + kLongest);
  }
  return EmState{std::exp(to[0]), std::exp(to[1]), to.tail(to.size() - 2)};
}

/// The course of one run: the trace, and the plain steps of EM since the last extrapolation.
class EmRun {
 public:
  EmRun(EmMap& map, double kappa, const EmState& start, const EmOptions& options)
      : map_(map), kappa_(kappa), options_(options), test_(options.tol) {
    chain_.push_back(map.advance(start));
    record(chain_.back());
  }

  EmResult& result() { return result_; }
  const EmStep& last() const { return chain_.back(); }
  bool has_time() const { return result_.iterations < options_.max_iter; }
  bool is_exhausted() const { return test_.is_exhausted(); }

  /// One step of EM; whether it is near enough to the limit.
  bool step() {
    chain_.push_back(map_.advance(EmState(chain_.back().next)));
    ++result_.iterations;
    record(chain_.back());
    const std::size_t n = chain_.size();
    if (test_.is_met(chain_[n - 2].state, chain_[n - 1].state)) return true;
    if (n == 3) {
      if (options_.accelerate && has_time()) leap();
      chain_.erase(chain_.begin(), chain_.end() - 1);
    }
    return false;
  }

 private:
  /// Try the extrapolated point; it counts only where the objective does not fall.
  void leap() {
    const std::optional<EmState> ahead = extrapolate(chain_);
    if (!ahead) return;
    const EmStep there = map_.advance(EmState(*ahead));
    ++result_.iterations;
    if (!(there.value >= chain_.back().value)) return;
    record(there);
    chain_.push_back(there);
    test_.restart();
  }

  void record(const EmStep& step) {
    const auto at = ScaledShare::from_variances(step.state.random, step.state.residual, kappa_);
    result_.trace.push_back({step.value, at.share, at.tau2});
    result_.state = step.state;
  }

  EmMap& map_;
  double kappa_;
  EmOptions options_;
  AitkenTest test_;
  std::vector<EmStep> chain_;
  EmResult result_;
};

}  // namespace

Matrix prior_root(const SpectralParts& parts, const Matrix& precision) {
  if (precision.size() == 0) return Matrix(0, parts.n_fixed());
  const SymmetricEigen eigen = symmetric_eigen(sandwich(parts.turn, precision));
  const Vector root = eigen.values.cwiseMax(0.0).cwiseSqrt();
  return root.asDiagonal() * eigen.vectors.transpose();
}

EmState start_em(const SpectralSystem& system) {
  const SpectralParts& parts = system.parts();
  const Index rho = parts.null_in_fixed();
  Vector delta = transpose_times(parts.z, parts.y);
  const Vector rest = parts.y - times(parts.z, delta);
  const Vector null = parts.null_scale.cwiseProduct(delta.head(rho));
  const double null2 = parts.null_residual * parts.null_residual + null.squaredNorm();
  const double df = static_cast<double>(parts.n - parts.n_fixed());
  const double tau2 = (rest.squaredNorm() + null2) / df;
  delta.head(rho) += parts.null_shift;
  return {0.5 * tau2 / system.kappa(), 0.5 * tau2, times(parts.turn, delta)};
}

EmResult iterate_em(EmMap& map, const ShareObjective& profile, const EmState& start,
                    const EmOptions& options, const Context& context) {
  constexpr int kBetweenChecks = 25;
  EmRun run(map, profile.system().kappa(), start, options);
  EmResult& result = run.result();
  for (int i = 0; run.has_time(); ++i) {
    const bool is_round = i % kBetweenChecks == 0;
    if (is_round) {
      context.poll();
      context.progress("expectation maximisation",
                       static_cast<double>(result.iterations) / options.max_iter);
    }
    const bool is_far = Course(profile.system(), run.last()).is_far();
    const bool is_due = (is_round && i > 0) || is_far;
    if (is_due && finish_at_boundary(profile, run.last(), result)) break;
    if (!run.step()) continue;
    if (run.is_exhausted() || is_at_mode(profile, result.trace.back(), options.tol)) {
      result.status = EmStatus::converged;
      break;
    }
  }
  context.progress("expectation maximisation", 1);
  return result;
}

EmResult fit_em(const SpectralSystem& system, const EmModel& model, const EmState& start,
                const EmOptions& options, const Context& context) {
  if (model.criterion == Criterion::reml) {
    RestrictedEm map(system, model);
    const ProfiledLikelihood profile(system, Criterion::reml);
    EmResult result = iterate_em(map, profile, start, options, context);
    result.state.delta = system.evaluate(result.trace.back().share).delta;
    return result;
  }
  MarginalEm map(system, model);
  const Matrix root = prior_root(system.parts(), model.fixed_precision);
  EmResult result;
  if (model.prior || root.rows() > 0) {
    const VariancePrior prior = model.prior.value_or(VariancePrior());
    const PenalisedLikelihood profile(system, prior, root);
    result = iterate_em(map, profile, start, options, context);
  } else {
    const ProfiledLikelihood profile(system, model.criterion);
    result = iterate_em(map, profile, start, options, context);
  }
  const EmPoint& last = result.trace.back();
  if (last.share.h == 0 || last.share.nu == 0) {
    const SpectralSystem at_total = system.with_prior_rows(std::sqrt(last.tau2) * root);
    result.state.delta = at_total.evaluate(last.share).delta;
  }
  return result;
}

}  // namespace hdlmm
