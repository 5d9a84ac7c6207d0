#include "hdlmm/inference/terms/terms_gibbs.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/inference/terms/conditional_moves.hpp"
#include "hdlmm/inference/terms/minque.hpp"
#include "hdlmm/inference/terms/posterior_surface.hpp"

namespace hdlmm {

namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// Of the square of a residual that is drawn: where rounding is more, it decides on sigma_e^2.
constexpr double kMostMissing = 0.01;

/// Every how many sweeps one moves without the surface: where that is far off, its chain stands.
constexpr Index kSafety = 50;

/// What all chains share.
struct Shared {
  const VariancePosterior& posterior;
  const TermsGibbsOptions& options;
  PosteriorSurface& surface;
  Vector start;
  TermsMoves moves;      ///< not automatic
  bool has_conditional;  ///< whether moves given the effects are there
};

/// One chain: x, and what V says there.
class TermsChain {
 public:
  TermsChain(const Shared& shared, Index index, const Context& context)
      : shared_(shared),
        context_(context),
        index_(index),
        random_(shared.options.seed, static_cast<std::uint64_t>(index)),
        axes_(static_cast<std::size_t>(shared.start.size())),
        conditional_(shared.posterior) {}

  /// Make `count` sweeps and write what is kept into this chain's columns of the result.
  void advance(Index count, TermsGibbsResult& result) {
    if (sweep_ == 0) start();
    for (Index k = 0; k < count && !has_failed_; ++k) {
      if (sweep_ == options().warmup) freeze();
      ++sweep_;
      make_sweep();
      if (!is_sound()) {
        has_failed_ = true;
        return;
      }
      if (is_warming()) new_draws_.push_back(point_.x);
      const Index after = sweep_ - options().warmup;
      if (after > 0 && after % options().thin == 0) record(after / options().thin - 1, result);
      if (shared_.moves != TermsMoves::conditional) factor_.reset();
    }
  }

  /// Hands over what the sweeps of the warm-up have seen.
  void give(PosteriorSurface& surface) {
    for (const VariancePoint& point : new_points_) surface.add_point(point);
    for (const Vector& x : new_draws_) surface.add_draw(x);
    for (const auto& [point, had] : new_errors_) surface.add_error(point, had);
    new_points_.clear();
    new_errors_.clear();
    new_draws_.clear();
  }

  bool has_failed() const { return has_failed_; }
  Index sweep() const { return sweep_; }
  double evaluations() const { return evaluations_; }
  double proposed() const { return proposed_; }
  double accepted() const { return accepted_; }

 private:
  const TermsGibbsOptions& options() const { return shared_.options; }
  Index size() const { return shared_.start.size(); }
  bool is_warming() const { return sweep_ <= options().warmup; }

  /// Well inside of the range of numbers, where a posterior without finite mass goes.
  bool is_sound() const {
    return std::isfinite(point_.density) && shared_.posterior.coordinates().reach(point_.x) < 600;
  }

  void start() {
    Vector x = shared_.start;
    const double spread = options().start_spread;
    Index i = 0;
    for (const TermShape& shape : shared_.posterior.coordinates().shapes()) {
      for (const auto [row, col] : triangle_cells(shape.width)) {
        if (row == col) x[i] += spread * (2 * random_.uniform() - 1);
        ++i;
      }
    }
    x[i] += 0.5 * spread * (2 * random_.uniform() - 1);
    point_ = evaluate(x);
  }

  void freeze() {
    for (SliceSampler& slice : axes_) slice.freeze();
    inner_.freeze();
    conditional_.freeze();
  }

  VariancePoint evaluate(const Vector& x) {
    std::unique_ptr<TermsFactor> factor;
    return evaluate_with_factor(x, factor);
  }

  void make_sweep() {
    if (shared_.moves == TermsMoves::conditional) {
      move_given_effects();
    } else if (shared_.moves == TermsMoves::slices || !shared_.surface.has_surface()) {
      move_along_axes();
    } else if (sweep_ % kSafety != 0) {
      move_by_surface();
    } else if (shared_.has_conditional) {
      move_given_effects();
    } else {
      move_at_random();
    }
  }

  /// All of them, but one at a time before there is a surface.
  void move_along_axes() {
    if (is_warming()) return move_along_axis(sweep_ % size());
    for (Index i = 0; i < size(); ++i) move_along_axis(i);
  }

  /// A slice of the posterior itself.
  void move_along_axis(Index i) {
    VariancePoint last = point_;
    const auto log_density = [&](double next) {
      last = next == point_.x[i] ? point_ : beside(i, next);
      return last.density;
    };
    SliceSampler& sampler = axes_[static_cast<std::size_t>(i)];
    if (sampler.step(point_.x[i], log_density, random_) == point_.x[i]) return;
    point_ = std::move(last);  // what was looked at last is what was taken
    factor_.reset();
  }

  /// The point with another number i.
  VariancePoint beside(Index i, double next) {
    Vector x = point_.x;
    x[i] = next;
    if (i < size() - 1) return evaluate(x);
    VariancePoint out = point_;  // V does not depend on sigma_e^2
    out.x = x;
    out.density = shared_.posterior.log_density(x, out.outputs);
    return out;
  }

  /// A random walk with steps of all sizes.
  void move_at_random() {
    const double step = std::exp(random_.normal()) / std::sqrt(static_cast<double>(size()));
    const Vector x = point_.x + step * shared_.surface.direction(random_);
    accept_or_not(x, 0, std::log(random_.uniform()));
  }

  void move_by_surface() {
    Vector x = point_.x;
    const double before = shared_.surface.log_density(x);
    double after = before;
    for (Index step = 0; step < 6 * size(); ++step) after = step_on_surface(x, after);
    const double log_level = std::log(random_.uniform());
    if (is_settled(x, point_.density - before, log_level)) return;
    look_at_error(accept_or_not(x, before - after, log_level), after);
  }

  /// A slice of the surface along a random direction from x, where it has the value `here`; what it
  /// has at the next x.
  double step_on_surface(Vector& x, double here) {
    const Vector direction = shared_.surface.direction(random_);
    double last = here;
    const auto log_density = [&](double at) {
      last = at == 0 ? here : shared_.surface.log_density(x + at * direction);
      return last;
    };
    const double next = inner_.step(0, log_density, random_);
    if (next == 0) return here;
    x += next * direction;
    return last;
  }

  /// Whether no error within the tolerance of the surface would change that x is accepted: then it
  /// is, and V is not asked. error: of the surface at the point, where that is known.
  bool is_settled(const Vector& x, double error, double log_level) {
    const double tolerance = shared_.surface.tolerance();
    const double most = point_.is_exact ? error : tolerance;
    if (is_warming() || !is_trusting_ || !(log_level < -tolerance - most)) return false;
    const std::optional<VariancePoint> next = shared_.surface.trusted_point(x);
    if (!next) return false;
    ++proposed_;
    ++accepted_;
    point_ = *next;
    factor_.reset();
    return true;
  }

  /// A surface that is off by more than was thought is trusted no longer.
  void look_at_error(const VariancePoint& point, double log_density) {
    if (!std::isfinite(point.density)) return;
    if (is_warming()) {
      new_errors_.emplace_back(point, log_density);
    } else if (std::abs(point.density - log_density) > shared_.surface.tolerance()) {
      is_trusting_ = is_trusting_ && !shared_.surface.trusted_point(point.x);
    }
  }

  VariancePoint accept_or_not(const Vector& x, double log_ratio, double log_level) {
    settle();
    std::unique_ptr<TermsFactor> factor;
    const VariancePoint next = evaluate_with_factor(x, factor);
    if (!is_warming()) ++proposed_;
    if (log_level < next.density - point_.density + log_ratio) {
      if (!is_warming()) ++accepted_;
      point_ = next;
      factor_ = std::move(factor);
    }
    return next;
  }

  /// The point is that of V itself.
  void settle() {
    if (point_.is_exact) return;
    point_ = evaluate_with_factor(point_.x, factor_);
  }

  VariancePoint evaluate_with_factor(const Vector& x, std::unique_ptr<TermsFactor>& factor) {
    ++evaluations_;
    VariancePoint out = shared_.posterior.at(x, context_, factor);
    if (is_warming()) new_points_.push_back(out);
    return out;
  }

  void move_given_effects() {
    settle();
    need_factor();
    const Covariances at = shared_.posterior.covariances(point_.x);
    const EffectDraw effects = draw_effects(shared_.posterior.system().model(), *factor_, at,
                                            fixed_posterior(), sigma2(), random_, context_);
    // where chains begin may be far from where they go
    if (!is_warming() && effects.missing > kMostMissing) {
      point_.density = kMissing;
      return;
    }
    const Vector x = conditional_.step(point_.x, effects, random_, context_);
    std::unique_ptr<TermsFactor> factor;
    const VariancePoint next = evaluate_with_factor(x, factor);
    // V that is not positive definite to rounding has no effects to go on with
    if (!std::isfinite(next.density)) return;
    point_ = next;
    factor_ = std::move(factor);
  }

  void need_factor() {
    if (factor_) return;
    ++evaluations_;
    factor_ = shared_.posterior.system().factor(shared_.posterior.covariances(point_.x), context_);
  }

  double sigma2() const { return std::exp(point_.x[size() - 1]); }

  FixedPosterior fixed_posterior() const {
    return shared_.posterior.marginal().fixed(point_.summary, sigma2());
  }

  void record(Index draw, TermsGibbsResult& result) {
    const Index column = index_ * options().draws + draw;
    result.relative.col(column) = half_vectors(shared_.posterior.coordinates().relative(point_.x));
    result.sigma2[column] = sigma2();
    result.delta.col(column) = draw_normal(fixed_posterior(), random_);
  }

  const Shared& shared_;
  const Context& context_;
  Index index_;
  Random random_;
  std::vector<SliceSampler> axes_;
  SliceSampler inner_;
  ConditionalMoves conditional_;
  VariancePoint point_;
  std::unique_ptr<TermsFactor> factor_;  ///< of V at the point, or none
  std::vector<VariancePoint> new_points_;
  std::vector<Vector> new_draws_;
  std::vector<std::pair<VariancePoint, double>> new_errors_;  ///< and what the surface had
  bool is_trusting_ = true;                                   ///< in the tolerance of the surface
  Index sweep_ = 0;
  double evaluations_ = 0, proposed_ = 0, accepted_ = 0;
  bool has_failed_ = false;
};

/// Sweeps of the warm-up after which the surface is fitted: the axes first, then ever longer
/// stretches, the last at its end.
std::vector<Index> fitting_sweeps(Index warmup, Index size) {
  std::vector<Index> out;
  for (Index at = 3 * size, step = 10; at < warmup; at += step, step *= 2) out.push_back(at);
  if (warmup > 0) out.push_back(warmup);
  return out;
}

/// Where chains begin: no nearer to 0 than this of y^2, which is about one. Less is rounding, and
/// so far down a density may have no slope left.
constexpr double kLeastStart = 1e-8;

Vector starting_point(const TermsSystem& system, const VariancePosterior& posterior,
                      const Context& context) {
  const TermsLikelihood likelihood(system, Criterion::reml);
  const std::vector<Matrix> relative = starting_covariances(likelihood, context);
  const Covariances at = Covariances::of(system.model().shapes, relative);
  const double sigma2 = likelihood.evaluate(at, false, context).sigma2;
  return posterior.coordinates().coordinates(relative, std::log(std::max(kLeastStart, sigma2)));
}

/// Chains run beside each other have a thread each, one alone all of them.
Context chain_context(const Context& context, Index chains) {
  if (context.n_threads == 1 || chains == 1) {
    Context out = context;
    out.progress = [](const std::string&, double) {};
    return out;
  }
  Context out;
  out.kernels = context.kernels;
  return out;
}

TermsMoves chosen_moves(const TermsSystem& system, TermsMoves wanted) {
  if (wanted != TermsMoves::automatic) return wanted;
  const bool is_small = system.is_cheap() && system.model().has_identity_prior();
  return is_small ? TermsMoves::conditional : TermsMoves::surface;
}

TermsGibbsResult empty_result(const TermsModel& model, const TermsGibbsOptions& options) {
  const Index all = options.draws * options.chains;
  TermsGibbsResult out;
  out.relative = Matrix::Constant(model.parameters(), all, kMissing);
  out.sigma2 = Vector::Constant(all, kMissing);
  out.delta = Matrix::Constant(model.q.cols(), all, kMissing);
  return out;
}

void finish(const std::vector<TermsChain>& chains, TermsGibbsResult& result) {
  double proposed = 0;
  for (std::size_t j = 0; j < chains.size(); ++j) {
    result.evaluations += chains[j].evaluations();
    result.accepted += chains[j].accepted();
    proposed += chains[j].proposed();
  }
  result.accepted /= proposed;
  for (std::size_t j = chains.size(); j-- > 0;) {
    if (!chains[j].has_failed()) continue;
    result.status = TermsGibbsStatus::improper;
    result.chain = static_cast<Index>(j);
    result.sweep = chains[j].sweep();
  }
}

}  // namespace

TermsGibbsResult sample_terms(const TermsSystem& system, const TermsPrior& prior,
                              const Matrix& fixed_precision, const TermsGibbsOptions& options,
                              const Context& context) {
  const VariancePosterior posterior(system, prior, fixed_precision);
  PosteriorSurface surface(posterior);
  const Shared shared{posterior,
                      options,
                      surface,
                      starting_point(system, posterior, context),
                      chosen_moves(system, options.moves),
                      system.model().has_identity_prior()};
  const Context own = chain_context(context, options.chains);
  std::vector<TermsChain> chains;
  chains.reserve(static_cast<std::size_t>(options.chains));
  for (Index j = 0; j < options.chains; ++j) chains.emplace_back(shared, j, own);

  TermsGibbsResult result = empty_result(system.model(), options);
  const Index total = options.warmup + options.draws * options.thin;
  std::vector<Index> fits = fitting_sweeps(options.warmup, posterior.coordinates().size());
  const auto has_failed = [](const TermsChain& chain) { return chain.has_failed(); };
  const Index round = system.is_cheap() ? 20 : 1;
  for (Index done = 0; done < total && std::none_of(chains.begin(), chains.end(), has_failed);) {
    context.progress("sampling", static_cast<double>(done) / static_cast<double>(total));
    const Index next = fits.empty() ? total : fits.front();
    const Index count = std::min(round, next - done);
    parallel_for(context, options.chains,
                 [&](Index j) { chains[static_cast<std::size_t>(j)].advance(count, result); });
    done += count;
    if (fits.empty() || done < fits.front()) continue;
    fits.erase(fits.begin());
    for (TermsChain& chain : chains) chain.give(surface);
    if (shared.moves == TermsMoves::surface) surface.fit();
  }
  finish(chains, result);
  context.progress("sampling", 1);
  return result;
}

}  // namespace hdlmm
