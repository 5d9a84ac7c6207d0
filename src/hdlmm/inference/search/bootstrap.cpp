#include "hdlmm/inference/search/bootstrap.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {
namespace {

/// A response in the coordinates of a system, and what it moves the coefficients of Q by.
struct DrawnResponse {
  Vector y;
  double residual = 0;  ///< length of what lies in null(K), out of reach of the fixed effects
  Vector shift;         ///< [rho], along the columns of Q that reach null(K)
};

DrawnResponse draw_response(const SpectralParts& parts, const Vector& spread, double nu,
                            const RandomSource& random) {
  DrawnResponse out;
  const Index reached = parts.null_in_fixed(), rest = parts.null_dimension() - reached;
  out.y = spread.unaryExpr([&](double sd) { return sd * random.normal(); });
  out.shift.resize(reached);
  for (Index j = 0; j < reached; ++j) {
    out.shift[j] = std::sqrt(nu) * random.normal() / parts.null_scale[j];
  }
  if (rest > 0) out.residual = std::sqrt(nu * random.chi_squared(static_cast<double>(rest)));
  out.y -= times(parts.z.leftCols(reached), out.shift);
  return out;
}

Vector response_spread(const SpectralSystem& base, const Share& share) {
  return (share.h / base.kappa() * base.parts().d.array() + share.nu).sqrt();
}

}  // namespace

void skip_bootstrap_draws(const SpectralSystem& base, const Share& share, Index draws,
                          const RandomSource& random, const Context& context) {
  const Vector spread = response_spread(base, share);
  for (Index b = 0; b < draws; ++b) {
    context.poll();
    draw_response(base.parts(), spread, share.nu, random);
  }
}

Matrix bootstrap_fits(const SpectralSystem& base, Criterion criterion, const SearchOptions& options,
                      const Share& share, Index draws, const RandomSource& random,
                      const Context& context) {
  const SpectralParts& parts = base.parts();
  Context quiet;
  quiet.poll = context.poll;
  const Vector spread = response_spread(base, share);
  Matrix out =
      Matrix::Constant(draws, 4 + base.n_fixed(), std::numeric_limits<double>::quiet_NaN());
  for (Index b = 0; b < draws; ++b) {
    context.poll();
    context.progress("bootstrap", static_cast<double>(b + 1) / static_cast<double>(draws));
    DrawnResponse drawn = draw_response(parts, spread, share.nu, random);
    const SpectralSystem one = base.with_response(std::move(drawn.y), drawn.residual);
    const ProfiledLikelihood likelihood(one, criterion);
    const SearchResult result = search_all_modes(likelihood, options, quiet);
    if (result.modes.empty()) continue;
    const ProfilePoint& best = result.modes.front().point;
    out.row(b).head(4) << best.share.h, best.share.nu, best.tau2, best.value;
    out.row(b).tail(base.n_fixed()) = (one.evaluate(best.share).delta +
                                       times(parts.turn.leftCols(drawn.shift.size()), drawn.shift))
                                          .transpose();
  }
  return out;
}

}  // namespace hdlmm
