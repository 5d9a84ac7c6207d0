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
#include "hdlmm/inference/terms/trust_region.hpp"

namespace hdlmm {

namespace {

constexpr double kZeroVariance = 1e-8;  ///< in units of what explains as much as the noise
constexpr double kSmallestStart = 0.05, kLargestStart = 1e4;
constexpr double kCornerStart = 5;
constexpr double kSameMode = 1e-7;  ///< in log-likelihood
constexpr double kStepOut = 0.04;   ///< variance that a direction out of a boundary begins with
constexpr int kStepsOut = 3;
constexpr double kGainOut = 1e-7;  ///< below, in -2 log-likelihood, a boundary is the maximum

/// Of every coefficient the relative s.d. with which it explains as much as the noise.
using TermScales = std::vector<Vector>;

TermScales scales_of(const Matrix& null_information, const std::vector<TermShape>& shapes) {
  const Index m = null_information.rows() - 1;
  TermScales out;
  Index at = 0;
  for (const TermShape& shape : shapes) {
    Vector scale(shape.width);
    for (const auto [row, col] : triangle_cells(shape.width)) {
      if (row == col) scale[row] = std::sqrt(null_information(m, m) / null_information(at, m));
      ++at;
    }
    out.push_back(std::move(scale));
  }
  return out;
}

/// The scale of every parameter of theta: that of its row.
Vector theta_scale(const TermScales& scales) {
  std::vector<double> out;
  for (const Vector& scale : scales) {
    for (const auto [row, col] : triangle_cells(scale.size())) out.push_back(scale[row]);
  }
  return Eigen::Map<const Vector>(out.data(), static_cast<Index>(out.size()));
}

Matrix scaled(const Matrix& s, const Vector& scale) {
  return scale.asDiagonal() * s * scale.asDiagonal();
}

Matrix unscaled(const Matrix& s, const Vector& scale) { return scaled(s, scale.cwiseInverse()); }

Matrix of_eigen(const SymmetricEigen& eigen) {
  const Matrix half = eigen.vectors * eigen.values.cwiseMax(0).cwiseSqrt().asDiagonal();
  return product_transpose(half, half);
}

class Search {
 public:
  Search(const TermsLikelihood& likelihood, const TermsOptions& options, const Context& context)
      : likelihood_(likelihood), options_(options), context_(context) {
    const TermsModel& model = likelihood.system().model();
    scales_ = scales_of(likelihood.system().null_information(), model.shapes);
    unit_ = theta_scale(scales_);
  }

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
  const std::vector<TermShape>& shapes() const { return likelihood_.system().model().shapes; }
  TermsMode ascend(const std::vector<Matrix>& start) {
    trace_.clear();
    TermsMode mode = climb(Covariances::of(shapes(), start));
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
    mode.trace = trace_;
    return mode;
  }

  /// One start for every coefficient: it has the variance, the others have little.
  std::vector<std::vector<Matrix>> corners() const {
    std::vector<std::vector<Matrix>> out;
    for (std::size_t k = 0; k < scales_.size(); ++k) {
      for (Index a = 0; scales_.size() + scales_[k].size() > 2 && a < scales_[k].size(); ++a) {
        std::vector<Matrix> start;
        for (std::size_t l = 0; l < scales_.size(); ++l) {
          Vector size = Vector::Constant(scales_[l].size(), kSmallestStart);
          if (l == k) size[a] = kCornerStart;
          start.push_back(scaled(size.asDiagonal(), scales_[l]));
        }
        out.push_back(std::move(start));
      }
    }
    return out;
  }

  bool is_spent() const { return static_cast<int>(trace_.size()) >= options_.max_evaluations; }

  std::optional<TermsEvaluation> evaluate(const Covariances& at, double radius) {
    std::optional<TermsEvaluation> out;
    try {
      out = likelihood_.evaluate(at, true, context_);
      if (!std::isfinite(out->value) || !(out->sigma2 > 0)) out.reset();
    } catch (const std::runtime_error&) {
      // V is not positive definite to rounding: no step goes there
    }
    const double none = std::numeric_limits<double>::quiet_NaN();
    trace_.push_back({out ? out->value : none, out ? out->sigma2 : none, radius, false});
    return out;
  }

  QuadraticModel model_at(const Covariances& at, const TermsEvaluation& e) const {
    QuadraticModel out;
    out.gradient = at.gradient(e.gradient).cwiseProduct(unit_);
    out.hessian = sandwich(at.jacobian(), e.profiled) + at.curvature(e.gradient);
    out.hessian = (unit_.asDiagonal() * out.hessian * unit_.asDiagonal()).eval();
    return out;
  }

  TermsMode climb(Covariances at) {
    double radius = std::max(1.0, at.theta().cwiseQuotient(unit_).norm());
    auto first = evaluate(at, radius);
    if (!first) throw std::runtime_error("the search for the variances has no start");
    trace_.back().is_accepted = true;
    TermsEvaluation e = std::move(*first);
    TermsStatus status = TermsStatus::evaluation_limit;
    while (!is_spent()) {
      const QuadraticModel model = model_at(at, e);
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
      Covariances next(shapes(), at.theta() + step.cwiseProduct(unit_));
      auto found = evaluate(next, radius);
      const double noise = 1e-13 * (std::abs(e.value) + likelihood_.count());
      const double gain = found ? 2 * (found->value - e.value) : -promised;
      const double ratio = (gain + noise) / (promised + noise);
      if (ratio < 0.25) radius = 0.25 * std::min(radius, step.norm());
      if (ratio > 0.75) radius = std::max(radius, 2 * step.norm());
      if (ratio > 1e-4) {
        at = std::move(next);
        e = std::move(*found);
        trace_.back().is_accepted = true;
      }
    }
    return {std::move(at), std::move(e), {}, status, {}, {}, 0, {}};
  }

  /// Variances that are zero but for rounding become so.
  void settle_zeros(TermsMode& mode) {
    std::vector<Matrix> relative;
    bool is_changed = false;
    mode.rank.clear();
    for (Index k = 0; k < mode.at.size(); ++k) {
      const Vector& scale = scales_[static_cast<std::size_t>(k)];
      SymmetricEigen eigen = symmetric_eigen(unscaled(mode.at.relative(k), scale));
      Index rank = 0;
      for (Index i = 0; i < eigen.values.size(); ++i) {
        const bool is_zero = eigen.values[i] < kZeroVariance;
        is_changed |= is_zero && eigen.values[i] != 0;
        if (is_zero) eigen.values[i] = 0;
        rank += !is_zero;
      }
      mode.rank.push_back(rank);
      const bool is_whole = rank == eigen.values.size();
      relative.push_back(is_whole ? mode.at.relative(k) : scaled(of_eigen(eigen), scale));
    }
    if (!is_changed) return;
    const Covariances at = Covariances::of(shapes(), relative);
    auto found = evaluate(at, 0);
    if (!found) return;
    mode.at = at;
    mode.evaluation = std::move(*found);
    trace_.back().is_accepted = true;
  }

  void certify(TermsMode& mode) {
    TermsCertificate out;
    out.gradient = mode.at.gradient(mode.evaluation.gradient).cwiseProduct(unit_).norm();
    steepest_ = -1;
    for (Index k = 0; k < mode.at.size(); ++k) {
      const Vector& scale = scales_[static_cast<std::size_t>(k)];
      const Matrix g = scaled(mode.evaluation.gradient[static_cast<std::size_t>(k)], scale);
      const Matrix s = unscaled(mode.at.relative(k), scale);
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
  }

  /// Of moving S_k along v v', whose slope is negative: slope^2 / (2 curvature).
  double promised_gain(const TermsMode& mode, Index k, const Vector& v, double slope) const {
    Vector along = Vector::Zero(mode.at.parameters());
    const Matrix square = scaled(product_transpose(v, v), scales_[static_cast<std::size_t>(k)]);
    along.segment(mode.at.first(k), mode.at.shape(k).parameters()) = half_vector(square);
    const double curvature = along.dot(times(mode.evaluation.profiled, along));
    return slope * slope / (2 * std::max(curvature, 1e-300));
  }

  Covariances stepped_out(const TermsMode& mode) const {
    std::vector<Matrix> relative;
    for (Index k = 0; k < mode.at.size(); ++k) relative.push_back(mode.at.relative(k));
    Matrix& s = relative[static_cast<std::size_t>(steepest_)];
    s += kStepOut * scaled(product_transpose(direction_, direction_),
                           scales_[static_cast<std::size_t>(steepest_)]);
    return Covariances::of(shapes(), relative);
  }

  const TermsLikelihood& likelihood_;
  TermsOptions options_;
  const Context& context_;
  TermScales scales_;
  Vector unit_;
  std::vector<TermsStep> trace_;
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
    default:
      return "saddle";
  }
}

TermsMode search_terms(const TermsLikelihood& likelihood, const std::vector<Matrix>& start,
                       const TermsOptions& options, const Context& context) {
  Search search(likelihood, options, context);
  return search.run(start.empty() ? starting_covariances(likelihood, context) : start);
}

std::vector<Matrix> starting_covariances(const TermsLikelihood& likelihood,
                                         const Context& context) {
  const TermsModel& model = likelihood.system().model();
  const Matrix b = likelihood.system().null_information();
  const Index m = b.rows() - 1;
  const TermScales scales = scales_of(b, model.shapes);
  const Covariances zero(model.shapes, Vector::Zero(m));
  const auto factor = likelihood.system().factor(zero, context);
  const ResponseMoments moments = factor->moments(Vector::Zero(model.q.cols()));
  Vector response(m + 1);
  response << moments.along_response, model.y.squaredNorm();
  const Vector unit = b.diagonal().cwiseSqrt().cwiseInverse();
  const Matrix scaled_b = unit.asDiagonal() * b * unit.asDiagonal();
  const Vector found =
      solve_positive(scaled_b, response.cwiseProduct(unit)).col(0).cwiseProduct(unit);
  const double residual = std::max(found[m], 0.01 * model.y.squaredNorm() / b(m, m));
  std::vector<Matrix> out;
  Index at = 0;
  for (std::size_t k = 0; k < model.shapes.size(); ++k) {
    const Index width = model.shapes[k].width, count = model.shapes[k].parameters();
    const Matrix s = symmetric_of(found.segment(at, count), width) / residual;
    SymmetricEigen eigen = symmetric_eigen(unscaled(s, scales[k]));
    eigen.values = eigen.values.cwiseMax(kSmallestStart).cwiseMin(kLargestStart);
    out.push_back(scaled(of_eigen(eigen), scales[k]));
    at += count;
  }
  return out;
}

Vector aliased_parameters(const Matrix& null_information) {
  constexpr double kSingular = 1e-10;
  Vector size = null_information.diagonal();
  const Index m = size.size() - 1;
  for (Index i = 0; i <= m; ++i) {
    // nothing of the term is left beside the fixed effects
    if (!(size[i] > 0)) return Vector::Unit(m + 1, i);
  }
  const Vector unit = size.cwiseSqrt().cwiseInverse();
  const SymmetricEigen eigen =
      symmetric_eigen(unit.asDiagonal() * null_information * unit.asDiagonal());
  if (eigen.values[0] > kSingular) return {};
  return eigen.vectors.col(0).cwiseAbs();
}

}  // namespace hdlmm
