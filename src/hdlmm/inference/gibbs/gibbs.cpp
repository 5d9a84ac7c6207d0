#include "hdlmm/inference/gibbs/gibbs.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <vector>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/base/slice_sampler.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/inference/gibbs/gibbs_model.hpp"

namespace hdlmm {

namespace {

/// What a variance sees of n normal deviates with mean 0: their number and their squared length.
struct Deviates {
  double count = 0;
  double squares = 0;
};

/// One chain. The state: b = g / d^1/2 with g = U'X beta [r], t [c] and the logarithms of both
/// variances. beta's part outside the row space of X touches neither y nor the rest: it is
/// integrated out, so that sigma_b^2 given beta has r terms and not p. That is a collapsed Gibbs
/// sampler (Liu 1994): the p - r draws of the prior would only hold sigma_b^2 back.
class GibbsChain {
 public:
  GibbsChain(const GibbsModel& model, const GibbsOptions& options, Index index)
      : model_(model),
        options_(options),
        index_(index),
        random_(options.seed, static_cast<std::uint64_t>(index)) {
    start();
  }

  /// Make `count` sweeps and write what is kept into this chain's columns of the result.
  void advance(Index count, GibbsResult& result) {
    refresh();
    for (Index k = 0; k < count && !has_failed_; ++k) {
      if (sweep_ == options_.warmup) freeze();
      ++sweep_;
      make_sweep();
      if (!is_in_range()) {
        has_failed_ = true;
        return;
      }
      const Index after = sweep_ - options_.warmup;
      if (after > 0 && after % options_.thin == 0) record(after / options_.thin - 1, result);
    }
  }

  bool has_failed() const { return has_failed_; }
  Index sweep() const { return sweep_; }

 private:
  double random_variance() const { return std::exp(log_random_); }
  double residual_variance() const { return std::exp(log_residual_); }

  bool is_in_range() const {
    constexpr double kLimit = 690.775527898213705;  // log(1e300)
    return std::abs(log_random_) < kLimit && std::abs(log_residual_) < kLimit;
  }

  void start() {
    const GibbsModel& m = model_;
    const double spread = options_.start_spread;
    const double squares = m.y.squaredNorm() + m.y_null.squaredNorm() + m.null_rest2;
    const double x = spread * (2 * random_.uniform() - 1);
    const double total = std::log(std::max(1e-200, squares / static_cast<double>(m.n))) +
                         0.5 * spread * (2 * random_.uniform() - 1);
    set_variances(x, total);
    t_ = transpose_times(m.basis, m.y) + transpose_times(m.null_basis, m.y_null);
    for (Index k = 0; k < t_.size(); ++k) {
      t_[k] += spread * std::exp(0.5 * total) * random_.normal();
    }
    b_ = Vector::Zero(m.rank());
  }

  /// Keeps rounding from adding up: the sweeps only update f.
  void refresh() {
    f_ = model_.y - times(model_.basis, t_);
    f_null_ = model_.y_null - times(model_.null_basis, t_);
  }

  void freeze() {
    for (SliceSampler* slice : {&share_slice_, &total_slice_, &random_slice_, &residual_slice_}) {
      slice->freeze();
    }
  }

  void make_sweep() {
    if (options_.is_collapsed) draw_variances_without_effects();
    draw_effects();
    if (model_.n_fixed() > 0) {
      draw_fixed();
      if (options_.is_collapsed) recentre();
    }
    draw_variances();
  }

  /// x = log(h / (1 - h)), total = log tau^2: unit Jacobian to the logarithms of the variances.
  void set_variances(double x, double total) {
    log_random_ = total - softplus(-x) - std::log(model_.kappa);
    log_residual_ = total - softplus(x);
  }

  double log_prior_at(double log_random, double log_residual) const {
    return log_prior(model_.prior, log_random, log_residual, PriorMeasure::log_variances).value;
  }

  double log_prior_at_share(double x, double total) const {
    return log_prior_at(total - softplus(-x) - std::log(model_.kappa), total - softplus(x));
  }

  /// Both variances given t and y alone: y - A t ~ N(0, tau^2 (h / kappa D + nu I)). The effects
  /// are drawn next, so that (variances, effects) is one block. O(r) a value of the density.
  void draw_variances_without_effects() {
    f2_ = f_.cwiseAbs2();
    const double null2 = f_null_.squaredNorm() + model_.null_rest2;
    const double n = static_cast<double>(model_.n), m = n - static_cast<double>(model_.rank());
    double x = log_random_ + std::log(model_.kappa) - log_residual_;
    double total = log_residual_ + softplus(x);
    double quadratic = 0;
    const auto log_share = [&](double at) {
      const double h = logistic(at), nu = logistic(-at);
      s_ = (h / model_.kappa * model_.d).array() + nu;
      quadratic = f2_.cwiseQuotient(s_).sum() + (null2 > 0 ? null2 / nu : 0);
      const double log_det = sum_log(s_) - m * softplus(at);
      return -0.5 * (log_det + quadratic * std::exp(-total)) + log_prior_at_share(at, total);
    };
    x = share_slice_.step(x, log_share, random_);
    log_share(x);  // the quadratic form at the accepted value
    const auto log_total = [&](double at) {
      return -0.5 * (n * at + quadratic * std::exp(-at)) + log_prior_at_share(x, at);
    };
    total = total_slice_.step(total, log_total, random_);
    set_variances(x, total);
  }

  /// b given t: independent normals.
  void draw_effects() {
    const double sb2 = random_variance(), se2 = residual_variance(), sb = std::sqrt(sb2);
    for (Index i = 0; i < b_.size(); ++i) {
      const double s = model_.d[i] * sb2 + se2;
      const double mean = model_.root[i] * (sb2 / s) * f_[i];
      b_[i] = mean + sb * std::sqrt(se2 / s) * random_.normal();
    }
  }

  /// t given b: independent normals, for the basis is orthonormal and the prior diagonal.
  void draw_fixed() {
    const double se2 = residual_variance();
    residual_ = f_ - model_.root.cwiseProduct(b_);
    step_ =
        t_ + transpose_times(model_.basis, residual_) + transpose_times(model_.null_basis, f_null_);
    for (Index k = 0; k < step_.size(); ++k) {
      const double shrink = 1 / (1 + se2 * model_.precision[k]);
      step_[k] = shrink * step_[k] + std::sqrt(se2 * shrink) * random_.normal() - t_[k];
    }
    t_ += step_;
    f_ -= times(model_.basis, step_);
    f_null_ -= times(model_.null_basis, step_);
  }

  /// t given the fitted values g + A t and not given g: the hierarchical centring of Gelfand,
  /// Sahu & Carlin (1995), interwoven with the draw above (Yu & Meng 2011). It moves what that one
  /// cannot where K dominates the noise. Diagonal in S^-1 t; with a prior precision one Gibbs pass
  /// over those coordinates.
  void recentre() {
    const GibbsModel& m = model_;
    const double sb2 = random_variance(), se2 = residual_variance();
    const Vector pull = transpose_times(m.basis, b_.cwiseQuotient(m.root)) / sb2 +
                        transpose_times(m.null_basis, f_null_) / se2 - m.precision.cwiseProduct(t_);
    Vector slope = transpose_times(m.scaling, pull);
    const bool has_prior = m.scaled_precision.size() > 0;
    for (Index k = 0; k < slope.size(); ++k) {
      double curvature = m.scaled_gram[k] / sb2 + m.scaled_null[k] / se2;
      if (has_prior) curvature += m.scaled_precision(k, k);
      step_[k] = slope[k] / curvature + random_.normal() / std::sqrt(curvature);
      if (has_prior) slope -= step_[k] * m.scaled_precision.col(k);
    }
    const Vector shift = times(m.scaling, step_);
    const Vector along = times(m.basis, shift);
    t_ += shift;
    f_ -= along;
    f_null_ -= times(m.null_basis, shift);
    b_ -= along.cwiseQuotient(m.root);
  }

  /// Both variances given b and t.
  void draw_variances() {
    const Deviates random{static_cast<double>(model_.rank()), b_.squaredNorm()};
    const Deviates residual{static_cast<double>(model_.n),
                            (f_ - model_.root.cwiseProduct(b_)).squaredNorm() +
                                f_null_.squaredNorm() + model_.null_rest2};
    if (!model_.prior.is_on_shares) {
      log_random_ = draw_variance(model_.prior.first, random, log_random_);
      log_residual_ = draw_variance(model_.prior.second, residual, log_residual_);
      return;
    }
    const auto log_random = [&](double at) {
      return log_kernel(random, at) + log_prior_at(at, log_residual_);
    };
    log_random_ = random_slice_.step(log_random_, log_random, random_);
    const auto log_residual = [&](double at) {
      return log_kernel(residual, at) + log_prior_at(log_random_, at);
    };
    log_residual_ = residual_slice_.step(log_residual_, log_residual, random_);
  }

  static double log_kernel(const Deviates& deviates, double log_variance) {
    return -0.5 * (deviates.count * log_variance + deviates.squares * std::exp(-log_variance));
  }

  /// Conjugate; half-t by its scale mixture sigma^2 | a ~ IG(df / 2, df / a), a ~ IG(1 / 2,
  /// 1 / scale^2) (Wand et al. 2011), with a drawn afresh given sigma^2.
  double draw_variance(const ParameterDensity& prior, const Deviates& deviates,
                       double log_variance) {
    double shape = -1, scale = 0;
    switch (prior.kind) {
      case DensityKind::flat:
        break;
      case DensityKind::jeffreys:
        shape = 0;
        break;
      case DensityKind::inverse_gamma:
        shape = prior.a;
        scale = prior.b;
        break;
      case DensityKind::half_t: {
        const double mixing = prior.a * std::exp(-log_variance) + 1 / prior.b;
        shape = 0.5 * prior.a;
        scale = prior.a / random_.inverse_gamma(0.5 * (prior.a + 1), mixing);
        break;
      }
      case DensityKind::beta:
        throw std::invalid_argument("a beta density is one of a share, not of a variance");
    }
    shape += 0.5 * deviates.count;
    if (!(shape > 0)) return std::numeric_limits<double>::infinity();
    return std::log(scale + 0.5 * deviates.squares) - std::log(random_.gamma(shape));
  }

  void record(Index draw, GibbsResult& result) {
    result.random(draw, index_) = random_variance();
    result.residual(draw, index_) = residual_variance();
    if (model_.n_fixed() == 0) return;
    const Index column = index_ * options_.draws + draw;
    result.delta.col(column) = times(model_.turn, t_);
    const MeanShift& mean = model_.mean;
    if (!mean.is_present()) return;
    double shift = mean.coordinates.dot(b_);
    if (mean.rest2 > 0) shift += std::sqrt(mean.rest2 * random_variance()) * random_.normal();
    result.delta.col(column) -= shift * mean.constant;
  }

  const GibbsModel& model_;
  const GibbsOptions& options_;
  Index index_;
  Random random_;
  SliceSampler share_slice_, total_slice_, random_slice_, residual_slice_;
  double log_random_ = 0, log_residual_ = 0;
  Vector b_;       // [r]
  Vector t_;       // [c]
  Vector f_;       // [r], y - A t, kept up to date
  Vector f_null_;  // [rho], the same along null(K)
  Vector f2_, s_, residual_, step_;
  Index sweep_ = 0;
  bool has_failed_ = false;
};

/// Sweeps between two polls of the host: about 20 ms.
Index sweeps_per_round(const GibbsModel& model) {
  const double cost = static_cast<double>((model.rank() + 1) * (4 * model.n_fixed() + 100));
  return std::max<Index>(1, static_cast<Index>(std::min(1000.0, 2e7 / cost)));
}

}  // namespace

GibbsResult sample_gibbs(const SpectralSystem& system, const VariancePrior& prior,
                         const ConstMatrix& fixed_precision, const GibbsOptions& options,
                         const Context& context) {
  const GibbsModel model = make_gibbs_model(system, prior, fixed_precision);
  constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  GibbsResult result;
  result.random = Matrix::Constant(options.draws, options.chains, kMissing);
  result.residual = result.random;
  result.delta = Matrix::Constant(model.n_fixed(), options.draws * options.chains, kMissing);
  std::vector<GibbsChain> chains;
  chains.reserve(static_cast<std::size_t>(options.chains));
  for (Index j = 0; j < options.chains; ++j) chains.emplace_back(model, options, j);

  const Index total = options.warmup + options.draws * options.thin;
  const Index round = sweeps_per_round(model);
  for (Index done = 0; done < total && result.status == GibbsStatus::completed; done += round) {
    context.progress("sampling", static_cast<double>(done) / static_cast<double>(total));
    const Index count = std::min(round, total - done);
    parallel_for(context, options.chains,
                 [&](Index j) { chains[static_cast<std::size_t>(j)].advance(count, result); });
    for (Index j = options.chains - 1; j >= 0; --j) {
      const GibbsChain& chain = chains[static_cast<std::size_t>(j)];
      if (!chain.has_failed()) continue;
      result.status = GibbsStatus::improper;
      result.chain = j;
      result.sweep = chain.sweep();
    }
  }
  context.progress("sampling", 1);
  return result;
}

}  // namespace hdlmm
