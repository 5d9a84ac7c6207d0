#include "hdlmm/inference/terms/row_polish.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/terms/term_units.hpp"
#include "hdlmm/inference/terms/trust_region.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

namespace hdlmm {

namespace {

constexpr double kNearSingular = 1e-3;       ///< smallest over largest eigenvalue of correlations
constexpr double kZeroDeviation = 1e-4;      ///< in units of what explains as much as the noise
constexpr double kSameMode = 1e-2;           ///< in log density
constexpr double kSmallestDeviation = 1e-8;  ///< of a start, where the density must be finite

/// C of a row chart: z by rows, each with one at the diagonal and made as long as one.
Matrix correlation_root(const Vector& z, Index width) {
  Matrix out = Matrix::Identity(width, width);
  Index at = 0;
  for (Index a = 1; a < width; ++a) {
    for (Index b = 0; b < a; ++b) out(a, b) = z[at++];
    out.row(a) /= out.row(a).norm();
  }
  return out;
}

/// A point of the search: for a half t block (s, z), for any other term theta in units of its own,
/// and t = log sigma_e^2 last. Covariances are relative and of the columns outside.
class RowChart {
 public:
  RowChart(const TermsPosterior& posterior, const TermsMode& mode)
      : model_(posterior.system().model()), prior_(posterior.prior()) {
    const std::vector<Matrix> relative = outside(model_, mode.at);
    const TermUnits units(posterior.system().null_information(), model_.shapes);
    std::vector<double> start;
    for (Index k = 0; k < model_.size(); ++k) {
      const Matrix& s = relative[static_cast<std::size_t>(k)];
      const Index r = model_.shape(k).width;
      const Matrix unit = congruent(model_.turns[static_cast<std::size_t>(k)],
                                    units.from_units(k, Matrix::Identity(r, r)));
      scale_.push_back(unit.diagonal().cwiseSqrt());
      const Vector own = prior_.is_row_block(k) ? rows_of(s, scale_.back()) : theta_of(s, k);
      first_.push_back(static_cast<Index>(start.size()));
      start.insert(start.end(), own.data(), own.data() + own.size());
    }
    start.push_back(std::log(mode.evaluation.sigma2));
    start_ = Eigen::Map<const Vector>(start.data(), static_cast<Index>(start.size()));
  }

  const Vector& start() const { return start_; }
  Index size() const { return start_.size(); }
  double sigma2(const Vector& x) const { return std::exp(x[size() - 1]); }

  Vector deviations(const Vector& x, Index k) const {
    const Index r = model_.shape(k).width;
    return x.segment(first_[static_cast<std::size_t>(k)], r)
        .cwiseProduct(scale_[static_cast<std::size_t>(k)]);
  }

  Matrix root(const Vector& x, Index k) const {
    const Index r = model_.shape(k).width, count = model_.shape(k).parameters();
    return correlation_root(x.segment(first_[static_cast<std::size_t>(k)] + r, count - r), r);
  }

  std::vector<Matrix> relative(const Vector& x) const {
    std::vector<Matrix> out;
    for (Index k = 0; k < model_.size(); ++k) {
      Matrix half;
      const auto at = static_cast<std::size_t>(k);
      if (prior_.is_row_block(k)) {
        half = deviations(x, k).asDiagonal() * root(x, k);
      } else {
        half = Matrix::Zero(scale_[at].size(), scale_[at].size());
        Index i = first_[at];
        for (const auto [row, col] : triangle_cells(half.rows())) half(row, col) = x[i++];
        half = Matrix(scale_[at].asDiagonal() * half);
      }
      out.push_back(product_transpose(half, half));
    }
    return out;
  }

  /// Log density of all half t blocks by deviations and correlations.
  double row_prior(const Vector& x) const {
    double out = 0;
    for (Index k = 0; k < model_.size(); ++k) {
      if (!prior_.is_row_block(k)) continue;
      const Vector sd = std::sqrt(sigma2(x)) * deviations(x, k);
      out += prior_.row_density(k, sd, root(x, k));
    }
    return out;
  }

  /// Deviations that are zero but for rounding become so; whether there is one.
  bool settle(Vector& x) const {
    bool out = false;
    for (Index k = 0; k < model_.size(); ++k) {
      if (!prior_.is_row_block(k)) continue;
      for (Index a = 0; a < model_.shape(k).width; ++a) {
        double& s = x[first_[static_cast<std::size_t>(k)] + a];
        if (std::abs(s) >= kZeroDeviation) continue;
        s = 0;
        out = true;
      }
    }
    return out;
  }

 private:
  static Vector rows_of(const Matrix& s, const Vector& scale) {
    const Index r = s.rows();
    Vector deviation = s.diagonal().cwiseMax(0).cwiseSqrt();
    deviation = deviation.cwiseMax(kSmallestDeviation * scale);
    Matrix correlation = s.cwiseQuotient(deviation * deviation.transpose());
    correlation.diagonal().setOnes();
    // away from singular correlations, where the density is zero
    const double smallest = symmetric_eigen(correlation).values[0];
    if (smallest < kNearSingular) {
      const double share = (kNearSingular - smallest) / (1 - smallest);
      correlation = (1 - share) * correlation + share * Matrix::Identity(r, r);
    }
    const Matrix root = upper_root(correlation).transpose();
    Vector out(r * (r + 1) / 2);
    out.head(r) = deviation.cwiseQuotient(scale);
    Index at = r;
    for (Index a = 1; a < r; ++a) {
      for (Index b = 0; b < a; ++b) out[at++] = root(a, b) / root(a, a);
    }
    return out;
  }

  Vector theta_of(const Matrix& s, Index k) const {
    const Vector& scale = scale_[static_cast<std::size_t>(k)];
    const Matrix inner = s.cwiseQuotient(scale * scale.transpose());
    return Covariances::of({model_.shape(k)}, {inner}).theta();
  }

  const TermsModel& model_;
  const TermsPrior& prior_;
  std::vector<Vector> scale_;
  std::vector<Index> first_;
  Vector start_;
};

class RowPolish {
 public:
  RowPolish(const TermsPosterior& posterior, const RowChart& chart, const TermsOptions& options,
            const Context& context)
      : posterior_(posterior), chart_(chart), options_(options), context_(context) {}

  TermsMode run(TermsMode mode) {
    Vector x = chart_.start();
    std::optional<ScaledPosterior> here = at(x);
    if (!here) return mode;
    TermsStatus status = TermsStatus::evaluation_limit;
    QuadraticModel model = model_at(x, *here);
    double radius = 1;
    for (int i = 0; i < options_.max_evaluations; ++i) {
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
      std::optional<ScaledPosterior> next = at(x + step);
      const double noise = 1e-13 * (std::abs(here->value) + posterior_.count());
      const double gain = next ? 2 * (next->value - here->value) : kUnknownGain;
      if (!takes_step(gain, promised, noise, step.norm(), radius)) continue;
      x += step;
      here = std::move(next);
      record(mode, x, *here, radius);
      model = model_at(x, *here);
    }
    const double gradient = model.gradient.norm();
    if (status != TermsStatus::converged && gradient < 1e-5) status = TermsStatus::converged;
    return finished(std::move(mode), x, status, gradient);
  }

 private:
  Covariances inner(const Vector& x) const {
    return inside(posterior_.system().model(), chart_.relative(x));
  }

  /// The posterior with the density of half t blocks by rows.
  std::optional<ScaledPosterior> at(const Vector& x) const {
    try {
      ScaledPosterior out = posterior_.at_scale(inner(x), chart_.sigma2(x), context_);
      out.value += chart_.row_prior(x);
      if (std::isfinite(out.value)) return out;
    } catch (const std::runtime_error&) {
      // V is not positive definite to rounding: no step goes there
    }
    return std::nullopt;
  }

  /// Chain rule from (half vectors of S, t) and the prior of rows, by differences of both, which
  /// cost nothing beside an evaluation.
  QuadraticModel model_at(const Vector& x, const ScaledPosterior& here) const {
    constexpr double kStep = 1e-4;
    const Index m = chart_.size();
    const auto place = [&](const Vector& at) {
      Vector out(here.gradient.size());
      out << inner_half(at), at[m - 1];
      return out;
    };
    const auto rest = [&](const Vector& at) {
      return here.gradient.dot(place(at)) - 2 * chart_.row_prior(at);
    };
    Matrix jacobian(here.gradient.size(), m);
    QuadraticModel out;
    out.gradient.resize(m);
    out.hessian.resize(m, m);
    for (Index i = 0; i < m; ++i) {
      const Vector e = kStep * Vector::Unit(m, i);
      jacobian.col(i) =
          (8 * (place(x + e) - place(x - e)) - (place(x + 2 * e) - place(x - 2 * e))) /
          (12 * kStep);
      out.gradient[i] =
          (8 * (rest(x + e) - rest(x - e)) - (rest(x + 2 * e) - rest(x - 2 * e))) / (12 * kStep);
      for (Index j = 0; j <= i; ++j) {
        const Vector f = kStep * Vector::Unit(m, j);
        out.hessian(i, j) = out.hessian(j, i) =
            (rest(x + e + f) - rest(x + e - f) - rest(x - e + f) + rest(x - e - f)) /
            (4 * kStep * kStep);
      }
    }
    out.hessian += sandwich(jacobian, here.hessian);
    return out;
  }

  /// Half vectors of S inside, without the factor that Covariances make.
  Vector inner_half(const Vector& x) const {
    return half_vectors(turned_inside(posterior_.system().model(), chart_.relative(x)));
  }

  void record(TermsMode& mode, const Vector& x, const ScaledPosterior& here, double radius) const {
    TermsStep step{here.value, chart_.sigma2(x), radius, {}, true};
    const Covariances at = inner(x);
    for (Index k = 0; k < at.size(); ++k) step.relative.push_back(at.relative(k));
    mode.trace.push_back(std::move(step));
  }

  TermsMode finished(TermsMode mode, Vector x, TermsStatus status, double gradient) const {
    const bool has_zero = chart_.settle(x);
    const Covariances there = inner(x);
    mode.at = there;
    mode.evaluation = has_zero ? posterior_.evaluate_by_rows(there, chart_.sigma2(x),
                                                             chart_.row_prior(x), context_)
                               : posterior_.evaluate(there, true, context_);
    mode.status = status;
    mode.certificate = {};
    mode.certificate.gradient = gradient;
    for (Index k = 0; k < there.size(); ++k) {
      if (!posterior_.prior().is_row_block(k)) continue;
      mode.rank[static_cast<std::size_t>(k)] = (chart_.deviations(x, k).array() != 0).count();
    }
    // what the search came near without ending there is the same mode
    std::vector<double> modes = {mode.evaluation.value};
    for (const double value : mode.modes) {
      if (modes.back() - value > kSameMode) modes.push_back(value);
    }
    mode.modes = std::move(modes);
    return mode;
  }

  const TermsPosterior& posterior_;
  const RowChart& chart_;
  TermsOptions options_;
  const Context& context_;
};

}  // namespace

TermsMode polish_rows(const TermsPosterior& posterior, TermsMode mode, const TermsOptions& options,
                      const Context& context) {
  bool is_needed = false;
  const std::vector<Matrix> relative = outside(posterior.system().model(), mode.at);
  for (Index k = 0; k < mode.at.size(); ++k) {
    if (!posterior.prior().is_row_block(k)) continue;
    const Vector values = symmetric_eigen(relative[static_cast<std::size_t>(k)]).values;
    is_needed |= mode.status != TermsStatus::converged ||
                 !(values[0] > kNearSingular * values[values.size() - 1]);
  }
  if (!is_needed) return mode;
  const RowChart chart(posterior, mode);
  return RowPolish(posterior, chart, options, context).run(std::move(mode));
}

}  // namespace hdlmm
