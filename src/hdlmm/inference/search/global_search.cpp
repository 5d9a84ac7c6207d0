#include "hdlmm/inference/search/global_search.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace hdlmm {

namespace {

/// Whether the cubic through slopes and curvatures at both ends changes sign between them.
bool hides_crossing(const ProfilePoint& a, const ProfilePoint& b, double& where) {
  if ((a.slope > 0) != (b.slope > 0)) return false;
  const double width = b.phi - a.phi;
  for (double t : {0.25, 0.5, 0.75}) {
    const double t2 = t * t, t3 = t2 * t;
    const double value = (2 * t3 - 3 * t2 + 1) * a.slope + (t3 - 2 * t2 + t) * width * a.curvature +
                         (3 * t2 - 2 * t3) * b.slope + (t3 - t2) * width * b.curvature;
    if ((value > 0) != (a.slope > 0)) {
      where = a.phi + t * width;
      return true;
    }
  }
  return false;
}

/// Where the cubic through slopes and curvatures at both ends of a bracket has its root.
double cubic_root(const ProfilePoint& a, const ProfilePoint& b) {
  const double width = b.phi - a.phi;
  double low = 0, high = 1;
  for (int i = 0; i < 30; ++i) {
    const double t = 0.5 * (low + high), t2 = t * t, t3 = t2 * t;
    const double value = (2 * t3 - 3 * t2 + 1) * a.slope + (t3 - 2 * t2 + t) * width * a.curvature +
                         (3 * t2 - 2 * t3) * b.slope + (t3 - t2) * width * b.curvature;
    (value > 0 ? low : high) = t;
  }
  return a.phi + 0.5 * (low + high) * width;
}

/// Root of the slope between a (positive) and b (not positive): Newton kept inside the bracket.
Mode refine(const ShareObjective& f, ProfilePoint a, ProfilePoint b, const SearchOptions& options) {
  if (options.is_brief) {
    const ProfilePoint inside = f.at(cubic_root(a, b));
    (inside.slope > 0 ? a : b) = inside;
  }
  Mode mode;
  mode.termination = Termination::iteration_limit;
  ProfilePoint current = a.slope < -b.slope ? a : b;
  mode.trace.push_back(current);
  const bool is_attainable = options.tol >= std::numeric_limits<double>::epsilon();
  const auto smallest = [&](double phi) {
    return std::max(options.tol, 2 * std::numeric_limits<double>::epsilon()) * (1 + std::abs(phi));
  };
  double last_change = 0;
  for (int i = 0; i < options.max_iter; ++i) {
    double next = current.phi - current.slope / current.curvature;
    const bool is_inside = next > a.phi && next < b.phi;
    const bool is_root = std::abs(next - current.phi) <= smallest(next);
    if (!(current.curvature < 0) || (!is_inside && !is_root)) next = 0.5 * (a.phi + b.phi);
    const double change = std::abs(next - current.phi);
    // steps of Newton's method shrink by their squares
    const double shrinks = last_change > 0 ? change / last_change : 1;
    if (options.is_brief && is_inside && change * shrinks * shrinks <= 0.01 * smallest(next)) {
      current.phi = next;
      current.share = Share::from_log_ratio(next, f.system().kappa());
      mode.termination = Termination::converged;
      break;
    }
    last_change = change;
    const bool is_exhausted = next == a.phi || next == b.phi || change == 0;
    const double last_slope = std::abs(current.slope);
    if (change > 0) {
      current = f.at(next);
      mode.trace.push_back(current);
      (current.slope > 0 ? a : b) = current;
    }
    if (is_exhausted || change <= smallest(next)) {
      mode.termination =
          is_attainable ? Termination::converged : Termination::tolerance_unattainable;
      break;
    }
    if (std::abs(current.slope) > 0.5 * last_slope && i > 3) {  // Newton stalls: halve the bracket
      const ProfilePoint middle = f.at(0.5 * (a.phi + b.phi));
      (middle.slope > 0 ? a : b) = middle;
      if (std::abs(middle.slope) < std::abs(current.slope)) current = middle;
    }
  }
  mode.point = current;
  return mode;
}

Mode boundary_mode(ModeKind kind, const ShareObjective& f) {
  Mode mode;
  mode.kind = kind;
  mode.point = f.at_share(kind == ModeKind::zero ? Share{0, 1} : Share{1, 0});
  mode.trace.push_back(mode.point);
  return mode;
}

std::vector<ProfilePoint> scan(const ShareObjective& f, const SearchOptions& options,
                               const Context& context) {
  std::vector<ProfilePoint> points;
  const std::vector<double> grid = log_ratio_grid(f.system(), options.step);
  for (std::size_t i = 0; i < grid.size(); ++i) {
    context.poll();
    context.progress("search", static_cast<double>(i + 1) / static_cast<double>(grid.size()));
    points.push_back(f.at(grid[i]));
  }
  return points;
}

/// To where the objective falls at both ends, and points between where it may turn twice.
void complete(const ShareObjective& f, bool rises_at_zero, std::vector<ProfilePoint>& points) {
  constexpr int kExtensions = 60;
  for (int i = 0; i < kExtensions && rises_at_zero && !(points.front().slope > 0); ++i) {
    points.insert(points.begin(), f.at(points.front().phi - 2));
  }
  const bool must_fall = !f.is_unbounded() && !f.has_limit_at_one();
  for (int i = 0; i < kExtensions && must_fall && points.back().slope > 0; ++i) {
    points.push_back(f.at(points.back().phi + 2));
  }
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    double where = 0;
    if (hides_crossing(points[i], points[i + 1], where)) {
      points.insert(points.begin() + static_cast<std::ptrdiff_t>(i) + 1, f.at(where));
      ++i;
    }
  }
}

}  // namespace

std::vector<double> log_ratio_grid(const MarginalSystem& system, double step) {
  const double low = -std::log(system.max_eigenvalue()), high = -std::log(system.min_eigenvalue());
  std::vector<double> grid;
  for (double phi = low - 14; phi < low - 4 - step; phi += 4 * step) grid.push_back(phi);
  const int active = static_cast<int>(std::ceil((high - low + 8) / step));
  for (int i = 0; i <= active; ++i) grid.push_back(low - 4 + (high - low + 8) * i / active);
  for (double phi = high + 4 + 4 * step; phi < high + 22; phi += 4 * step) grid.push_back(phi);
  return grid;
}

SearchResult search_all_modes(const ShareObjective& f, const SearchOptions& options,
                              const Context& context) {
  return search_from_grid(f, scan(f, options, context), f.slope_at_zero() > 0, options);
}

SearchResult search_from_grid(const ShareObjective& f, std::vector<ProfilePoint> grid,
                              bool rises_at_zero, const SearchOptions& options) {
  SearchResult result;
  result.is_unbounded = f.is_unbounded();
  result.grid = std::move(grid);
  complete(f, rises_at_zero, result.grid);
  if (!rises_at_zero) result.modes.push_back(boundary_mode(ModeKind::zero, f));
  for (std::size_t i = 0; i + 1 < result.grid.size(); ++i) {
    const ProfilePoint &a = result.grid[i], &b = result.grid[i + 1];
    if (a.slope > 0 && !(b.slope > 0)) {
      result.modes.push_back(refine(f, a, b, options));
    }
  }
  if (result.grid.back().slope > 0 && !result.is_unbounded && f.has_limit_at_one()) {
    result.modes.push_back(boundary_mode(ModeKind::one, f));
  }
  std::stable_sort(result.modes.begin(), result.modes.end(),
                   [](const Mode& a, const Mode& b) { return a.point.value > b.point.value; });
  return result;
}

}  // namespace hdlmm
