#include "hdlmm/inference/terms/posterior_surface.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

Matrix columns_of(const std::vector<Vector>& points, const std::vector<Index>& chosen) {
  Matrix out(points.front().size(), static_cast<Index>(chosen.size()));
  for (Index j = 0; j < out.cols(); ++j) {
    out.col(j) = points[static_cast<std::size_t>(chosen[static_cast<std::size_t>(j)])];
  }
  return out;
}

/// Points of a surface in m coordinates: enough for its trend, few enough to be read fast.
Index point_limit(Index m) { return std::max<Index>(200, (m + 1) * (m + 2)); }

}  // namespace

void PosteriorSurface::add_point(const VariancePoint& point) {
  if (!std::isfinite(point.density)) return;
  features_.push_back(posterior_.coordinates().features(point.x));
  outputs_.push_back(point.outputs);
  density_.push_back(point.density);
  best_ = std::max(best_, point.density);
}

void PosteriorSurface::add_draw(const Vector& x) { draws_.push_back(x); }

void PosteriorSurface::add_error(const VariancePoint& point, double log_density) {
  if (is_central(log_density)) errors_.push_back(std::abs(point.density - log_density));
}

/// Twice a log density falls by chi2 from its mode, were it normal: mean d, variance 2 d.
bool PosteriorSurface::is_central(double log_density) const {
  const double d = static_cast<double>(posterior_.coordinates().size());
  return log_density > best_ - 0.5 * (d + 4 * std::sqrt(d));
}

/// Those where the posterior has nearly all of its mass, well spread.
std::vector<Index> PosteriorSurface::chosen_points() const {
  const double allowed = 6 + 2.5 * static_cast<double>(posterior_.coordinates().size());
  std::vector<Index> near;
  Index first = 0;
  for (std::size_t i = 0; i < density_.size(); ++i) {
    if (!(density_[i] > best_ - allowed)) continue;
    if (density_[i] == best_) first = static_cast<Index>(near.size());
    near.push_back(static_cast<Index>(i));
  }
  const Index limit = point_limit(posterior_.coordinates().parameters());
  std::vector<Index> out;
  for (const Index i : RadialSurface::spread(columns_of(features_, near), first, limit)) {
    out.push_back(near[static_cast<std::size_t>(i)]);
  }
  return out;
}

void PosteriorSurface::fit() {
  fit_spread();
  judge();
  if (density_.empty()) return;
  const std::vector<Index> chosen = chosen_points();
  surface_ = RadialSurface(columns_of(features_, chosen), columns_of(outputs_, chosen));
}

void PosteriorSurface::judge() {
  constexpr std::size_t kFewest = 50;
  constexpr double kLargest = 0.1;
  tolerance_ = std::numeric_limits<double>::infinity();
  if (errors_.size() >= kFewest) {
    const double bound = 3 * *std::max_element(errors_.begin(), errors_.end());
    if (bound < kLargest) tolerance_ = bound;
  }
  errors_.clear();
}

/// Covariance of the later half of the draws, between the identity and which it lies.
void PosteriorSurface::fit_spread() {
  const Index d = posterior_.coordinates().size();
  const std::size_t half = draws_.size() / 2;
  const Index count = static_cast<Index>(draws_.size() - half);
  Matrix covariance = Matrix::Identity(d, d);
  if (count > 1) {
    Vector mean = Vector::Zero(d);
    for (std::size_t i = half; i < draws_.size(); ++i) mean += draws_[i];
    mean /= static_cast<double>(count);
    covariance = 1e-4 * Matrix::Identity(d, d);
    for (std::size_t i = half; i < draws_.size(); ++i) {
      const Vector centred = draws_[i] - mean;
      add_outer(1.0 / static_cast<double>(count), centred, centred, covariance);
    }
  }
  spread_ = upper_root(covariance);
}

Vector PosteriorSurface::direction(Random& random) const {
  Vector z(posterior_.coordinates().size());
  for (Index i = 0; i < z.size(); ++i) z[i] = random.normal();
  return spread_.size() > 0 ? transpose_times(spread_, z) : z;
}

double PosteriorSurface::log_density(const ConstVector& x) const {
  if (!posterior_.is_in_range(x)) return -std::numeric_limits<double>::infinity();
  const Index count = posterior_.marginal().read(outputs_.front().size());
  const RadialSurface::Value value = surface_.at(posterior_.coordinates().features(x), count);
  return posterior_.log_density(x, value.value) - 2 * value.beyond * value.beyond;
}

std::optional<VariancePoint> PosteriorSurface::trusted_point(const ConstVector& x) const {
  if (!posterior_.is_in_range(x)) return std::nullopt;
  const RadialSurface::Value value = surface_.at(posterior_.coordinates().features(x));
  const double density = posterior_.log_density(x, value.value);
  if (value.beyond > 0 || !is_central(density)) return std::nullopt;
  return VariancePoint{x, posterior_.marginal().summary(value.value), value.value, density, false};
}

}  // namespace hdlmm
