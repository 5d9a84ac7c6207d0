#include "hdlmm/inference/variational/squarem.hpp"

#include <limits>
#include <stdexcept>

namespace hdlmm {

namespace {

/// Far ahead a model may have no value.
double value_ahead(const FixedPoint& map, const Vector& state) {
  try {
    return map.update(state);
  } catch (const std::runtime_error&) {
    return -std::numeric_limits<double>::infinity();
  }
}

}  // namespace

bool iterate_squarem(const FixedPoint& map, const FullOptions& options, const Context& context) {
  const auto is_small = [&](const Vector& step, const Vector& at) {
    return step.cwiseAbs().maxCoeff() <= options.tol * (1 + at.cwiseAbs().maxCoeff());
  };
  bool is_converged = false;
  for (int rounds = 0; rounds < options.max_iter && !is_converged;) {
    context.poll();
    context.progress("variational Bayes", static_cast<double>(rounds) / options.max_iter);
    const Vector start = map.state();
    map.record(map.update(start));
    const Vector once = map.state();
    const double value = map.update(once);
    map.record(value);
    rounds += 2;
    const Vector twice = map.state();
    const Vector first = once - start, bend = twice - once - first;
    is_converged = is_small(first, once) && is_small(twice - once, twice);
    if (is_converged || !(bend.norm() > 0)) continue;
    const double length = first.norm() / bend.norm();
    if (!(length > 1)) continue;
    map.keep();
    const double ahead = value_ahead(map, start + 2 * length * first + length * length * bend);
    if (ahead >= value) {
      map.record(ahead);
      ++rounds;
    } else {
      map.back();
    }
  }
  context.progress("variational Bayes", 1);
  return is_converged;
}

}  // namespace hdlmm
