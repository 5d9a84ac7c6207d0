#include "hdlmm/inference/search/profile_intervals.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "hdlmm/base/local_maximum.hpp"
#include "hdlmm/inference/search/crossing.hpp"

namespace hdlmm {

namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// How many of the values of a criterion along the grid lie in the basin of its mode: an unbounded
/// one turns up again beyond, and what lies there belongs to no estimate.
template <typename IsBeyond>
std::size_t basin_size(const std::vector<double>& value, const IsBeyond& is_beyond,
                       bool is_unbounded) {
  if (!is_unbounded) return value.size();
  std::size_t lowest = value.size();
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (is_beyond(i) && (lowest == value.size() || value[i] < value[lowest])) lowest = i;
  }
  return lowest == value.size() ? lowest : lowest + 1;
}

/// Indices of the local maxima among the first `count` values that may be the largest one between
/// the points of the grid, the largest value's first; empty where none is a number.
std::vector<std::size_t> high_points(const std::vector<double>& value, std::size_t count) {
  constexpr double kBetweenPoints = 1;
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_below = (i > 0 && value[i] < value[i - 1]) ||
                          (i + 1 < count && value[i] < value[i + 1]) || std::isnan(value[i]);
    if (!is_below) found.push_back(i);
  }
  std::stable_sort(found.begin(), found.end(),
                   [&](std::size_t a, std::size_t b) { return value[a] > value[b]; });
  const auto is_low = [&](std::size_t i) { return value[i] < value[found[0]] - kBetweenPoints; };
  found.erase(std::find_if(found.begin(), found.end(), is_low), found.end());
  return found;
}

/// The criterion with one variance held at v: with tau^2 = v kappa / h or v / nu in the place of
/// its best value it falls by n / 2 (log t + 1 / t - 1), t the ratio of the two.
class HeldCriterion {
 public:
  HeldCriterion(const ProfiledLikelihood& criterion, const SearchedCurve& curve, bool is_residual,
                double floor, const Context& context)
      : criterion_(criterion),
        curve_(curve),
        is_residual_(is_residual),
        floor_(floor),
        context_(context) {
    begin_ = curve.grid.size();
    if (std::isfinite(curve.mode_phi)) return;
    // beside a mode at h = 0 all lies beyond: its basin is that of the profile itself
    std::vector<double> value;
    for (const ProfilePoint& point : curve.grid) value.push_back(point.value);
    begin_ = basin_size(
        value, [](std::size_t) { return true; }, curve.is_unbounded);
  }

  /// Height over the floor at log v; by the envelope theorem its slope is that at the best share.
  Height operator()(double log_v) const {
    std::vector<double> value;
    for (std::size_t i = 0; i < begin_; ++i) value.push_back(at(curve_.grid[i], log_v));
    const auto is_beyond = [this](std::size_t i) { return curve_.grid[i].phi > curve_.mode_phi; };
    const std::size_t count = std::isfinite(curve_.mode_phi)
                                  ? basin_size(value, is_beyond, curve_.is_unbounded)
                                  : value.size();
    double height = -std::numeric_limits<double>::infinity();
    ProfilePoint top;
    const auto raise = [&](const ProfilePoint& point) {
      const double found = at(point, log_v);
      if (found > height) height = found, top = point;
      return found;
    };
    const auto inside = [&](double phi) {
      context_.poll();
      return raise(criterion_.at(phi));
    };
    for (const std::size_t i : high_points(value, count)) {
      raise(curve_.grid[i]);
      const double from = curve_.grid[i > 0 ? i - 1 : 0].phi;
      const double to = curve_.grid[std::min(i + 1, count - 1)].phi;
      if (from < to) local_maximum(inside, from, to, 1e-6);
    }
    return {log_v, height - floor_,
            -0.5 * criterion_.degrees() * (1 - std::exp(-log_ratio(top, log_v)))};
  }

 private:
  double log_ratio(const ProfilePoint& point, double log_v) const {
    const double kappa = criterion_.system().kappa();
    const double tau2 =
        is_residual_ ? -std::log(point.share.nu) : std::log(kappa) - std::log(point.share.h);
    return log_v + tau2 - std::log(point.tau2);
  }

  double at(const ProfilePoint& point, double log_v) const {
    const double t = log_ratio(point, log_v);
    return point.value - 0.5 * criterion_.degrees() * (t + std::expm1(-t));
  }

  const ProfiledLikelihood& criterion_;
  const SearchedCurve& curve_;
  bool is_residual_;
  double floor_;
  const Context& context_;
  std::size_t begin_ = 0;
};

/// Some coefficients and the likelihood at one share; phi as in ProfilePoint.
struct CoefficientPoint {
  double phi = 0;
  Vector estimate;  ///< [k]
  Vector variance;  ///< [k], per tau^2
  double rss = 0;
  double log_det = 0;
};

class CoefficientCurve {
 public:
  CoefficientCurve(const MarginalSystem& system, const Matrix& rows, const Context& context)
      : system_(system), rows_(rows), context_(context) {}

  CoefficientPoint at(double phi) const {
    return at(phi, Share::from_log_ratio(phi, system_.kappa()));
  }

  CoefficientPoint at(double phi, const Share& share) const {
    context_.poll();
    const Evaluation e = system_.evaluate(share, Detail::all);
    CoefficientPoint point;
    point.phi = phi;
    point.estimate = rows_ * e.delta;
    point.variance = (rows_ * e.covariance).cwiseProduct(rows_).rowwise().sum();
    point.rss = e.rss;
    point.log_det = e.log_det_v;
    return point;
  }

  /// Log-likelihood at a value of coefficient j, the total variance maximised out.
  double value(const CoefficientPoint& point, Index j, double omega) const {
    const double off = omega - point.estimate[j];
    return -0.5 * (static_cast<double>(system_.n_rows()) *
                       std::log(point.rss + off * off / point.variance[j]) +
                   point.log_det);
  }

  double slope(const CoefficientPoint& point, Index j, double omega) const {
    const double off = omega - point.estimate[j];
    return -static_cast<double>(system_.n_rows()) * off /
           (point.rss * point.variance[j] + off * off);
  }

  Index n_rows() const { return system_.n_rows(); }

 private:
  const MarginalSystem& system_;
  const Matrix& rows_;
  const Context& context_;
};

/// The profile of one coefficient.
class CoefficientProfile {
 public:
  CoefficientProfile(const CoefficientCurve& curve, const std::vector<CoefficientPoint>& table,
                     const std::vector<bool>& is_beyond, bool is_unbounded, Index j)
      : curve_(curve), table_(table), is_beyond_(is_beyond), is_unbounded_(is_unbounded), j_(j) {}

  Limits limits(double fall) const {
    const auto own = [this](const CoefficientPoint& point) { return point.estimate[j_]; };
    const Best peak = best(own, 1e-9);
    if (peak.point.estimate.size() == 0) return {kNone, kNone};
    const double centre = peak.point.estimate[j_];
    const double unit =
        std::sqrt(peak.point.variance[j_] * peak.point.rss / static_cast<double>(curve_.n_rows()));
    const auto height = [&](double x) {
      const double omega = centre + unit * x;
      const Best at = best([omega](const CoefficientPoint&) { return omega; }, 1e-7);
      if (at.point.estimate.size() == 0) return Height{x, kNone, kNone};
      return Height{x, at.value - peak.value + fall, unit * curve_.slope(at.point, j_, omega)};
    };
    return {centre + unit * outward_crossing(height, 0, -1),
            centre + unit * outward_crossing(height, 0, 1)};
  }

 private:
  struct Best {
    double value = 0;
    CoefficientPoint point;
  };

  /// The highest share in the basin; omega: the value that the coefficient has at a point.
  template <typename Omega>
  Best best(const Omega& omega, double tol) const {
    std::vector<double> value;
    for (const CoefficientPoint& point : table_) value.push_back(at(point, omega));
    const auto beyond = [this](std::size_t i) { return is_beyond_[i]; };
    const std::size_t count = basin_size(value, beyond, is_unbounded_);
    Best out;
    out.value = -std::numeric_limits<double>::infinity();
    const auto raise = [&](CoefficientPoint point) {
      const double found = at(point, omega);
      if (found > out.value) out.value = found, out.point = std::move(point);
      return found;
    };
    const auto inside = [&](double phi) { return raise(curve_.at(phi)); };
    for (const std::size_t i : high_points(value, count)) {
      raise(table_[i]);
      // the first point has no variance at all, and below the second there is none to rounding
      const double from = table_[std::min(i > 1 ? i - 1 : 1, count - 1)].phi;
      const double to = table_[std::min(i + 1, count - 1)].phi;
      if (to > from) local_maximum(inside, from, to, tol);
    }
    return out;
  }

  template <typename Omega>
  double at(const CoefficientPoint& point, const Omega& omega) const {
    return curve_.value(point, j_, omega(point));
  }

  const CoefficientCurve& curve_;
  const std::vector<CoefficientPoint>& table_;
  const std::vector<bool>& is_beyond_;
  bool is_unbounded_;
  Index j_;
};

}  // namespace

Limits variance_limits(const ProfiledLikelihood& criterion, const SearchedCurve& curve,
                       const HeldVariance& held, double floor, const Context& context) {
  if (curve.grid.empty()) return {kNone, kNone};
  const HeldCriterion height(criterion, curve, held.is_residual, floor, context);
  double start = std::log(held.estimate > 0 ? held.estimate : held.scale);
  if (!(held.estimate > 0)) {
    // from an estimate at zero, down to where the interval has begun
    constexpr int kSteps = 100;
    constexpr double kStep = 4;
    for (int i = 0; i < kSteps && height(start).value < 0; ++i) start -= kStep;
  }
  const Share boundary = held.is_residual ? Share{1, 0} : Share{0, 1};
  const bool has_zero =
      !(held.is_residual && curve.is_unbounded) && criterion.at_share(boundary).value >= floor;
  return {has_zero ? 0 : std::exp(outward_crossing(height, start, -1)),
          std::exp(outward_crossing(height, start, 1))};
}

std::vector<Limits> coefficient_limits(const MarginalSystem& system, const SearchedCurve& curve,
                                       const Matrix& rows, double fall, const Context& context) {
  const CoefficientCurve coefficients(system, rows, context);
  constexpr double kNoVariance = -std::numeric_limits<double>::infinity();
  std::vector<CoefficientPoint> table{coefficients.at(kNoVariance, Share{0, 1})};
  std::vector<bool> is_beyond{false};
  for (const ProfilePoint& point : curve.grid) {
    table.push_back(coefficients.at(point.phi, point.share));
    is_beyond.push_back(point.phi > curve.mode_phi);
  }
  std::vector<Limits> out;
  for (Index j = 0; j < rows.rows(); ++j) {
    const CoefficientProfile profile(coefficients, table, is_beyond, curve.is_unbounded, j);
    out.push_back(profile.limits(fall));
  }
  return out;
}

}  // namespace hdlmm
