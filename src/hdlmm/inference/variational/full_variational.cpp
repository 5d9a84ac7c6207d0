#include "hdlmm/inference/variational/full_variational.hpp"

#include <cmath>

#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// Means that are jointly best for the model's expected precisions: the posterior means of a model
/// with known variances, from one evaluation of it.
///
/// With V tau^2 the covariance of y given delta, mu = hk X'P y and y - Q d - X mu = nu P y.
MeanMoments best_means(const SpectralSystem& system, const VariationalModel& model) {
  const Share share = model.share(system.kappa());
  const double hk = share.h / system.kappa();
  Evaluation e;
  if (model.has_fixed_prior()) {
    const Matrix root = upper_root(model.fixed_precision());
    const double tau = std::sqrt(model.total(system.kappa()));
    e = system.with_prior_rows(tau * root * system.parts().turn).evaluate(share);
  } else {
    e = system.evaluate(share);
  }
  return {hk * hk * e.quad_k, share.nu * e.quad_noise, e.delta};
}

/// Log expected precisions, the only state of the iteration.
using State = Eigen::Vector2d;

State state_of(const VariationalModel& model) {
  return {std::log(model.random_precision()), std::log(model.residual_precision())};
}

double update_from(const State& state, const SpectralSystem& system, VariationalModel& model) {
  model.set_precisions(std::exp(state[0]), std::exp(state[1]));
  return model.update(best_means(system, model));
}

}  // namespace

FullResult iterate_collapsed(const SpectralSystem& system, VariationalModel& model,
                             const FullOptions& options, const Context& context) {
  FullResult result;
  const auto record = [&](double elbo) { result.trace.push_back(model.point(elbo)); };
  const auto is_small = [&](const State& step, const State& at) {
    return step.cwiseAbs().maxCoeff() <= options.tol * (1 + at.cwiseAbs().maxCoeff());
  };
  const auto n_rounds = [&] { return static_cast<int>(result.trace.size()); };
  while (n_rounds() < options.max_iter && !result.is_converged) {
    context.poll();
    context.progress("variational Bayes", static_cast<double>(n_rounds()) / options.max_iter);
    const State start = state_of(model);
    record(update_from(start, system, model));
    const State once = state_of(model);
    const double elbo = update_from(once, system, model);
    record(elbo);
    const State twice = state_of(model);
    const State first = once - start, bend = twice - once - first;
    result.is_converged = is_small(first, once) && is_small(twice - once, twice);
    if (result.is_converged || !(bend.norm() > 0)) continue;
    const double length = first.norm() / bend.norm();
    if (!(length > 1)) continue;
    const VariationalModel safe = model;
    const double ahead =
        update_from(start + 2 * length * first + length * length * bend, system, model);
    if (ahead >= elbo) {
      record(ahead);
    } else {
      model = safe;
    }
  }
  context.progress("variational Bayes", 1);
  return result;
}

}  // namespace hdlmm
