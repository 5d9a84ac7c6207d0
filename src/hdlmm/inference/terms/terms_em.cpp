#include "hdlmm/inference/terms/terms_em.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <limits>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/terms/expected_posterior.hpp"
#include "hdlmm/inference/terms/term_units.hpp"
#include "hdlmm/inference/terms/terms_expectation.hpp"

namespace hdlmm {

namespace {

constexpr double kSingularStart = 1e-12;  ///< of the largest eigenvalue
constexpr double kNearBoundary = 1e-2;    ///< in log-likelihood and in variances, in search units

class TermsEmRun {
 public:
  TermsEmRun(const TermsSystem& system, const TermsEmModel& model, const TermsEmOptions& options,
             const Context& context)
      : system_(system),
        model_(model),
        options_(options),
        context_(context),
        units_(system.null_information(), system.model().shapes) {}

  TermsEmResult run(TermsVariances state) {
    for (int i = 0; i <= options_.max_iter; ++i) {
      const TermsExpectation moments = expect(state);
      record(state, moments.value);
      if (is_settled(state)) return finished(TermsEmStatus::converged);
      if (is_near_limit(state, moments.value)) return finished(TermsEmStatus::boundary);
      if (is_running_away(moments.value, state.sigma2)) return finished(TermsEmStatus::unbounded);
      context_.progress("expectation maximisation", static_cast<double>(i) / options_.max_iter);
      if (i < options_.max_iter) state = maximise(state, moments);
    }
    return finished(TermsEmStatus::iteration_limit);
  }

  TermsVariances begin(const std::vector<Matrix>& start) const {
    const std::vector<TermShape>& shapes = system_.model().shapes;
    TermsVariances out;
    std::vector<Matrix> relative = start;
    if (relative.empty()) {
      const double share = 1 / static_cast<double>(shapes.size());
      for (Index k = 0; k < units_.size(); ++k) {
        const Index r = units_.width(k);
        relative.push_back(
            units_.from_units(k, share / static_cast<double>(r) * Matrix::Identity(r, r)));
      }
    }
    for (const Matrix& s : relative) {
      const Vector values = symmetric_eigen(s).values;
      check_input(values[0] > kSingularStart * values[values.size() - 1],
                  "a start of EM: a singular covariance stays singular");
    }
    const Covariances at = Covariances::of(shapes, relative);
    out.sigma2 = TermsLikelihood(system_, model_.is_ml ? Criterion::ml : Criterion::reml)
                     .evaluate(at, false, context_)
                     .sigma2;
    for (Index k = 0; k < at.size(); ++k) out.sigma.push_back(out.sigma2 * at.relative(k));
    return out;
  }

 private:
  Covariances relative(const TermsVariances& state) const {
    std::vector<Matrix> out;
    for (const Matrix& sigma : state.sigma) out.push_back(sigma / state.sigma2);
    return Covariances::of(system_.model().shapes, out);
  }

  TermsExpectation expect(const TermsVariances& state) const {
    return expect_terms(system_, relative(state), state.sigma2, model_.is_ml, model_.is_expanded,
                        model_.posterior, context_);
  }

  TermsVariances maximise(const TermsVariances& state, const TermsExpectation& moments) const {
    if (model_.posterior != nullptr) return maximise_expected(moments, *model_.posterior, state);
    const TermsModel& terms = system_.model();
    Vector alpha = Vector::Ones(terms.size());
    double noise = moments.noise;
    if (model_.is_expanded) {
      const Vector change = solve_positive(moments.gram, moments.cross).col(0);
      noise -= moments.cross.dot(change);
      alpha += change;
    }
    TermsVariances out;
    out.sigma2 = noise / static_cast<double>(terms.rows());
    for (Index k = 0; k < terms.size(); ++k) {
      const double levels = static_cast<double>(terms.shape(k).levels);
      // an alpha of zero, which is known to rounding only, would end EM on the boundary
      const double scale = std::max(alpha[k] * alpha[k], 1e-30);
      out.sigma.push_back(scale / levels * moments.second[static_cast<std::size_t>(k)]);
    }
    return out;
  }

  void record(const TermsVariances& state, double value) {
    TermsEmPoint point{value, state.sigma2, {}};
    const Covariances at = relative(state);
    for (Index k = 0; k < at.size(); ++k) point.relative.push_back(at.relative(k));
    result_.trace.push_back(std::move(point));
  }

  /// Whether Aitken's projection of the changes leaves nothing to go, twice in a row: the slowest
  /// of the latest rates counts, as in AitkenTest.
  bool is_settled(const TermsVariances& state) {
    constexpr std::size_t kMemory = 6;
    const Vector now = sizes(state);
    const double change = last_.size() > 0 ? (now - last_).norm() : 0;
    const bool has_two = change_ > 0;
    if (has_two) rates_.push_back(change / change_);
    if (rates_.size() > kMemory) rates_.pop_front();
    const bool is_first = last_.size() == 0;
    last_ = now;
    change_ = change;
    if (is_first) return false;
    if (change < 1e-14) return true;
    if (rates_.empty()) return false;
    const double rate = *std::max_element(rates_.begin(), rates_.end());
    const double left = rate < 1 ? change * rate / (1 - rate) : change / 1e-16;
    n_small_ = left < std::sqrt(options_.tol) / 10 ? n_small_ + 1 : 0;
    return n_small_ >= 2;
  }

  /// Of every term the log of its largest variance and all cells relative to it, then log
  /// sigma_e^2.
  Vector sizes(const TermsVariances& state) const {
    Vector out(system_.model().parameters() + units_.size() + 1);
    Index first = 0;
    for (Index k = 0; k < units_.size(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      const Matrix inner = units_.to_units(k, state.sigma[at]) / state.sigma2;
      const Index count = system_.model().shapes[at].parameters();
      const double largest = inner.diagonal().maxCoeff();
      out[first] = std::log(largest);
      out.segment(first + 1, count) = half_vector(inner) / largest;
      first += count + 1;
    }
    out[first] = std::log(state.sigma2);
    return out;
  }

  bool is_near_limit(const TermsVariances& state, double value) const {
    if (options_.limit.empty() || !(options_.limit_value - value < kNearBoundary)) return false;
    for (Index k = 0; k < units_.size(); ++k) {
      const auto at = static_cast<std::size_t>(k);
      const Matrix inner = units_.to_units(k, state.sigma[at] / state.sigma2 - options_.limit[at]);
      const double size = 1 + units_.to_units(k, options_.limit[at]).norm();
      if (!(inner.norm() < kNearBoundary * size)) return false;
    }
    return true;
  }

  /// Where the likelihood has no maximum, sigma_e^2 runs towards zero.
  bool is_running_away(double value, double sigma2) const {
    return !std::isfinite(value) || sigma2 < 1e-12 * result_.trace.front().sigma2;
  }

  TermsEmResult finished(TermsEmStatus status) {
    context_.progress("expectation maximisation", 1);
    result_.status = status;
    return std::move(result_);
  }

  const TermsSystem& system_;
  TermsEmModel model_;
  TermsEmOptions options_;
  const Context& context_;
  TermUnits units_;
  TermsEmResult result_;
  Vector last_;
  double change_ = 0;
  std::deque<double> rates_;
  int n_small_ = 0;
};

}  // namespace

std::string name(TermsEmStatus status) {
  switch (status) {
    case TermsEmStatus::converged:
      return "converged";
    case TermsEmStatus::boundary:
      return "boundary";
    case TermsEmStatus::unbounded:
      return "unbounded";
    default:
      return "iteration_limit";
  }
}

TermsEmResult fit_terms_em(const TermsSystem& system, const TermsEmModel& model,
                           const std::vector<Matrix>& start, const TermsEmOptions& options,
                           const Context& context) {
  check_input(!(model.is_expanded && model.posterior != nullptr),
              "PX-EM has no closed step under a prior of the variances");
  TermsEmRun run(system, model, options, context);
  return run.run(run.begin(start));
}

}  // namespace hdlmm
