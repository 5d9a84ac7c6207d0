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
Vector state_of(const VariationalModel& model) {
  return Eigen::Vector2d(std::log(model.random_precision()), std::log(model.residual_precision()));
}

}  // namespace

FullResult iterate_collapsed(const SpectralSystem& system, VariationalModel& model,
                             const FullOptions& options, const Context& context) {
  FullResult result;
  VariationalModel safe = model;
  FixedPoint map;
  map.state = [&] { return state_of(model); };
  map.update = [&](const Vector& state) {
    model.set_precisions(std::exp(state[0]), std::exp(state[1]));
    return model.update(best_means(system, model));
  };
  map.record = [&](double elbo) { result.trace.push_back(model.point(elbo)); };
  map.keep = [&] { safe = model; };
  map.back = [&] { model = safe; };
  result.is_converged = iterate_squarem(map, options, context);
  return result;
}

}  // namespace hdlmm
