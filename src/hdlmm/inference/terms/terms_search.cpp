#include "hdlmm/inference/terms/terms_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/terms/minque.hpp"
#include "hdlmm/inference/terms/term_units.hpp"
#include "hdlmm/inference/terms/trust_region.hpp"

namespace hdlmm {

namespace {

constexpr double kZeroVariance = 1e-8;  ///< in units of what explains as much as the noise
constexpr double kStationary = 1e-6;    ///< length of the gradient of -2 log-likelihood
constexpr int kByInformation = 12;      ///< steps before exact Hessians
constexpr double kNearlyExact = 1e-6;   ///< of y'y: below, the terms may reproduce the response
constexpr double kCornerStart = 5;
constexpr double kSameMode = 1e-7;  ///< in log-likelihood
constexpr double kStepOut = 0.04;   ///< variance that a direction out of a boundary begins with
constexpr int kStepsOut = 3;
constexpr double kLittleNoise = 1e3, kNoNoise = 1e10;  ///< largest variance beside the noise
constexpr double kGainOut = 1e-7;  ///< below, in -2 log-likelihood, a boundary is the maximum

class Search {
 public:
  Search(const TermsObjective& objective, const TermsOptions& options, const Context& context)
      : objective_(objective),
        options_(options),
        context_(context),
        units_(objective.system().null_information(), objective.system().model().shapes) {}

  TermsMode run(const std::vector<Matrix>& start) {
    TermsMode best = ascend(start);
    std::vector<double> values = {best.evaluation.value};
    int total = static_cast<int>(best.trace.size());
    if (options_.has_corner_starts) {
      for (const std::vector<Matrix>& corner : corners()) {
        TermsMode other = ascend(corner);
        total += static_cast<int>(other.trace.size());
        values.push_back(other.evaluation.value);
        if (other.evaluation.value > best.evaluation.value + kSameMode) best = std::move(other);
      }
    }
    std::sort(values.rbegin(), values.rend());
    for (const double value : values) {
      if (best.modes.empty() || best.modes.back() - value > kSameMode) best.modes.push_back(value);
    }
    best.all_evaluations = total;
    return best;
  }

 private:
  const std::vector<TermShape>& shapes() const { return objective_.system().model().shapes; }

  TermsMode ascend(const std::vector<Matrix>& start) {
    trace_.clear();
    TermsMode mode = climb(units_.to_units(Covariances::of(shapes(), start)));
    for (int out = 0;; ++out) {
      settle_zeros(mode);
      certify(mode);
      if (mode.certificate.null_gain < kGainOut) break;
      if (out == kStepsOut) {
        mode.status = TermsStatus::saddle;
        break;
      }
      mode = climb(stepped_out(mode));
    }
    mode.is_unbounded = is_unbounded(mode);
    if (mode.is_unbounded && mode.status != TermsStatus::converged) {
      mode.status = TermsStatus::unbounded;
    }
    mode.trace = trace_;
    return mode;
  }

  /// Whether the likelihood still rises where all terms have variances beyond all bounds: they
  /// and the fixed effects then reproduce the response, or by ML a direction that the terms lack.
  bool is_unbounded(const TermsMode& mode) const {
    const TermsModel& model = objective_.system().model();
    Index columns = 0;
    for (const TermShape& shape : model.shapes) columns += shape.cols();
    const bool is_suspect = mode.status != TermsStatus::converged ||
                            mode.evaluation.fixed.rss < kNearlyExact * model.y.squaredNorm() ||
                            (objective_.is_ml() && columns + model.q.cols() >= model.rows());
    return is_suspect && value_at(1e13) > value_at(1e10) + 1;
  }

  double value_at(double variance) const {
    std::vector<Matrix> relative;
    for (Index k = 0; k < units_.size(); ++k) {
      const Index width = units_.width(k);
      relative.push_back(units_.from_units(k, variance * Matrix::Identity(width, width)));
    }
    try {
      return objective_.evaluate(Covariances::of(shapes(), relative), false, context_).value;
    } catch (const std::runtime_error&) {
      return std::numeric_limits<double>::quiet_NaN();
    }
  }

  /// One start for every coefficient: it has the variance, the others have little.
  std::vector<std::vector<Matrix>> corners() const {
    std::vector<std::vector<Matrix>> out;
    for (Index k = 0; k < units_.size(); ++k) {
      for (Index a = 0; units_.size() + units_.width(k) > 2 && a < units_.width(k); ++a) {
        std::vector<Matrix> start;
        for (Index l = 0; l < units_.size(); ++l) {
          Vector size = Vector::Constant(units_.width(l), kSmallestStart);
          if (l == k) size[a] = kCornerStart;
          start.push_back(units_.from_units(l, size.asDiagonal().toDenseMatrix()));
        }
        out.push_back(std::move(start));
      }
    }
    return out;
  }

  bool is_spent() const { return static_cast<int>(trace_.size()) >= options_.max_evaluations; }

  /// at: in the units of the search, as all below but the covariances of a mode. The evaluation has
  /// derivatives from when complete() is called, which is not for steps that lead nowhere.
  std::optional<TermsEvaluation> begin(const Covariances& at, double radius) {
    std::optional<TermsEvaluation> out;
    const Covariances outer = units_.from_units(at);
    complete_ = nullptr;
    try {
      out = objective_.begin(outer, context_, complete_);
      if (!std::isfinite(out->value) || !(out->sigma2 > 0)) out.reset();
    } catch (const std::runtime_error&) {
      // V is not positive definite to rounding: no step goes there
    }
    const double none = std::numeric_limits<double>::quiet_NaN();
    TermsStep step{out ? out->value : none, out ? out->sigma2 : none, radius, {}, false};
    for (Index k = 0; k < outer.size(); ++k) step.relative.push_back(outer.relative(k));
    trace_.push_back(std::move(step));
    return out;
  }

  void complete(TermsEvaluation& e) {
    complete_(e);
    complete_ = nullptr;
  }

  std::optional<TermsEvaluation> evaluate(const Covariances& at, double radius) {
    auto out = begin(at, radius);
    if (out) complete(*out);
    return out;
  }

  QuadraticModel model_at(const Covariances& at, const TermsEvaluation& e) const {
    QuadraticModel out;
    const std::vector<Matrix> g = units_.gradients(e.gradient);
    out.gradient = at.gradient(g);
    out.hessian = sandwich(at.jacobian(), units_.information(e.profiled)) + at.curvature(g);
    return out;
  }

  /// The same with the Hessian by differences of the gradient, where the average information, which
  /// is off by what the data happen to be, has not led to the end soon.
  QuadraticModel exact_model_at(const Covariances& at, const TermsEvaluation& e) {
    constexpr double kDifference = 1e-5;
    QuadraticModel out = model_at(at, e);
    const Index m = at.parameters();
    Matrix hessian(m, m);
    for (Index i = 0; i < m; ++i) {
      const Covariances near(shapes(), at.theta() + kDifference * Vector::Unit(m, i));
      const auto found = evaluate(near, 0);
      if (!found) return out;
      const Vector gradient = near.gradient(units_.gradients(found->gradient));
      hessian.col(i) = (gradient - out.gradient) / kDifference;
    }
    out.hessian = symmetric_part(hessian);
    return out;
  }

  /// Beside little noise w^2 the criterion is f + a w^2, a > 0 where there is none at all. In
  /// theta, which is relative to w, every step of Newton's takes a third of the way to the next
  /// power; so theta is scaled up at once, and must gain what a promises. wanted: the variance that
  /// is tried.
  bool leap(Covariances& at, TermsEvaluation& e, double& wanted) {
    const double largest = at.theta().cwiseAbs2().maxCoeff();
    if (largest < wanted || largest > 0.1 * kNoNoise || is_spent()) return false;
    const double promised = -0.5 * at.gradient(units_.gradients(e.gradient)).dot(at.theta());
    if (promised < options_.tol) return false;
    wanted = 10 * largest;
    const Covariances next(shapes(), std::sqrt(kNoNoise / largest) * at.theta());
    auto found = begin(next, 0);
    const double gain = found ? 2 * (found->value - e.value) : 0;
    if (!(gain > 0.25 * promised && gain < 4 * promised)) return false;
    complete(*found);
    at = units_.turn(next);
    e = std::move(*found);
    trace_.back().is_accepted = true;
    return true;
  }

  TermsMode climb(Covariances at) {
    at = units_.turn(at);
    double radius = std::max(1.0, at.theta().norm());
    auto first = evaluate(at, radius);
    if (!first) throw std::runtime_error("the search for the variances has no start");
    trace_.back().is_accepted = true;
    TermsEvaluation e = std::move(*first);
    TermsStatus status = TermsStatus::evaluation_limit;
    double wanted = kLittleNoise;
    for (int turn = 0; !is_spent(); ++turn) {
      if (leap(at, e, wanted)) radius = at.theta().norm();
      const QuadraticModel model = turn < kByInformation ? model_at(at, e) : exact_model_at(at, e);
      const Vector step = trust_step(model, radius);
      const double promised = -model.change(step);
      if (promised < options_.tol) {
        status = TermsStatus::converged;
        break;
      }
      if (radius < 1e-10) {
        status = TermsStatus::no_progress;
        break;
      }
      Covariances next(shapes(), at.theta() + step);
      auto found = begin(next, radius);
      const double noise = 1e-13 * (std::abs(e.value) + objective_.count());
      const double gain = found ? 2 * (found->value - e.value) : kUnknownGain;
      if (takes_step(gain, promised, noise, step.norm(), radius)) {
        complete(*found);
        at = units_.turn(next);
        e = std::move(*found);
        trace_.back().is_accepted = true;
      }
    }
    return {units_.from_units(at), std::move(e), {}, status, false, {}, {}, 0, {}};
  }

  /// Variances that are zero but for rounding become so.
  void settle_zeros(TermsMode& mode) {
    std::vector<Matrix> relative;
    bool is_changed = false;
    mode.rank.clear();
    for (Index k = 0; k < mode.at.size(); ++k) {
      const Matrix inner = units_.to_units(k, mode.at.relative(k));
      SymmetricEigen eigen = symmetric_eigen(inner);
      Index rank = 0;
      for (Index i = 0; i < eigen.values.size(); ++i) {
        const bool is_zero = eigen.values[i] < kZeroVariance;
        is_changed |= is_zero && eigen.values[i] != 0;
        if (is_zero) eigen.values[i] = 0;
        rank += !is_zero;
      }
      mode.rank.push_back(rank);
      const bool is_whole = rank == eigen.values.size();
      relative.push_back(is_whole ? inner : matrix_of(eigen));
    }
    if (!is_changed) return;
    const Covariances at = Covariances::of(shapes(), relative);
    auto found = evaluate(at, 0);
    if (!found) return;
    mode.at = units_.from_units(at);
    mode.evaluation = std::move(*found);
    trace_.back().is_accepted = true;
  }

  void certify(TermsMode& mode) {
    TermsCertificate out;
    const std::vector<Matrix> gradients = units_.gradients(mode.evaluation.gradient);
    out.gradient = units_.to_units(mode.at).gradient(gradients).norm();
    steepest_ = -1;
    for (Index k = 0; k < mode.at.size(); ++k) {
      const Matrix& g = gradients[static_cast<std::size_t>(k)];
      const Matrix s = units_.to_units(k, mode.at.relative(k));
      out.complementarity = std::max(out.complementarity, product(g, s).norm());
      const Index nullity = shapes()[static_cast<std::size_t>(k)].width - mode.rank[k];
      if (nullity == 0) continue;
      const Matrix basis = symmetric_eigen(s).vectors.leftCols(nullity);
      const SymmetricEigen inward = symmetric_eigen(sandwich(basis, g));
      if (!(inward.values[0] < 0)) continue;
      const Vector direction = times(basis, inward.vectors.col(0));
      const double gain = promised_gain(mode, k, direction, inward.values[0]);
      if (gain <= out.null_gain) continue;
      out.null_gain = gain;
      steepest_ = k;
      direction_ = direction;
    }
    mode.certificate = out;
    // steps along a direction that is flat but for rounding may promise more than they gain
    const bool is_stationary = out.gradient < kStationary;
    if (is_stationary && mode.status == TermsStatus::evaluation_limit) {
      mode.status = TermsStatus::converged;
    }
  }

  /// Of moving S_k along v v', whose slope is negative: slope^2 / (2 curvature).
  double promised_gain(const TermsMode& mode, Index k, const Vector& v, double slope) const {
    Vector along = Vector::Zero(mode.at.parameters());
    const Matrix square = units_.from_units(k, product_transpose(v, v));
    along.segment(mode.at.first(k), mode.at.shape(k).parameters()) = half_vector(square);
    const double curvature = along.dot(times(mode.evaluation.profiled, along));
    return slope * slope / (2 * std::max(curvature, 1e-300));
  }

  Covariances stepped_out(const TermsMode& mode) const {
    std::vector<Matrix> relative;
    for (Index k = 0; k < mode.at.size(); ++k) {
      relative.push_back(units_.to_units(k, mode.at.relative(k)));
    }
    relative[static_cast<std::size_t>(steepest_)] +=
        kStepOut * product_transpose(direction_, direction_);
    return Covariances::of(shapes(), relative);
  }

  const TermsObjective& objective_;
  TermsOptions options_;
  const Context& context_;
  TermUnits units_;
  std::vector<TermsStep> trace_;
  TermsCompletion complete_;  ///< of the latest evaluation
  Index steepest_ = -1;
  Vector direction_;
};

}  // namespace

std::string name(TermsStatus status) {
  switch (status) {
    case TermsStatus::converged:
      return "converged";
    case TermsStatus::evaluation_limit:
      return "evaluation_limit";
    case TermsStatus::no_progress:
      return "no_progress";
    case TermsStatus::unbounded:
      return "unbounded";
    default:
      return "saddle";
  }
}

TermsMode search_terms(const TermsObjective& objective, const std::vector<Matrix>& start,
                       const TermsOptions& options, const Context& context) {
  Search search(objective, options, context);
  return search.run(start.empty() ? starting_covariances(objective, context) : start);
}

}  // namespace hdlmm
