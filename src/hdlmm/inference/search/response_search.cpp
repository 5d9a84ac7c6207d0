#include "hdlmm/inference/search/response_search.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

constexpr Index kResponseBlock = 64;  // that one factor of V serves

/// (h / kappa) lambda_max / nu up to which forms by deletion keep ten digits.
constexpr double kDeletionCondition = 1e6;

/// Where the spectrum acts of the grid, below it, and where the residual variance all but vanishes.
/// Below it the slope is a line in the ratio: its signs at both ends say all of modes.
struct Grid {
  std::vector<double> below, active, beyond;

  Grid(const MarginalSystem& system, double step) {
    const double low = -std::log(system.max_eigenvalue()) - 4 - 0.5 * step;
    const double high = -std::log(system.min_eigenvalue()) + 4 + 0.5 * step;
    for (const double phi : log_ratio_grid(system, step)) {
      (phi < low ? below : phi <= high ? active : beyond).push_back(phi);
    }
  }
};

/// h = 0, then the active grid.
std::vector<Share> searched_shares(const MarginalSystem& system, const Grid& grid) {
  std::vector<Share> out = {Share{0, 1}};
  for (const double phi : grid.active) {
    out.push_back(Share::from_log_ratio(phi, system.kappa()));
  }
  return out;
}

SearchOptions quick_options(SearchOptions options) {
  options.is_brief = true;
  return options;
}

/// Not numbers where a point of the curve is none.
ShareLimits response_limits(const ProfiledLikelihood& likelihood, const SearchResult& found,
                            double best_value, const Grid& grid, double fall) {
  const double floor = best_value - fall;
  std::vector<ProfilePoint> points = found.grid;
  for (auto phi = grid.below.rbegin(); phi != grid.below.rend(); ++phi) {
    if (!(points.front().value >= floor)) break;
    points.insert(points.begin(), likelihood.at(*phi));
  }
  for (const double phi : grid.beyond) {
    if (!(points.back().value >= floor)) break;
    if (phi > points.back().phi) points.push_back(likelihood.at(phi));
  }
  bool has_mode_at_zero = false;
  for (const Mode& mode : found.modes) {
    has_mode_at_zero = has_mode_at_zero || mode.kind == ModeKind::zero;
    if (mode.kind != ModeKind::interior) continue;
    points.push_back(mode.point);
    points.back().slope = 0;
  }
  for (const ProfilePoint& point : points) {
    if (!std::isfinite(point.value) || !std::isfinite(point.slope)) return {NAN, NAN};
  }
  return profile_limits(likelihood, std::move(points), floor, has_mode_at_zero);
}

/// From evaluations at searched_shares().
ResponseFit searched_response(const ProfiledLikelihood& likelihood,
                              const std::vector<Evaluation>& at, const Grid& grid,
                              const SearchOptions& options) {
  ResponseFit out;
  std::vector<ProfilePoint> points;
  for (std::size_t i = 0; i < grid.active.size(); ++i) {
    points.push_back(likelihood.point_of(at[i + 1]));
    points.back().phi = grid.active[i];
    if (!std::isfinite(points.back().slope)) return out;
  }
  for (std::size_t i = 0; i < grid.beyond.size() && points.back().slope > 0; ++i) {
    points.push_back(likelihood.at(grid.beyond[i]));
  }
  if (likelihood.is_unbounded() || !(points.back().slope <= 0)) return out;
  out.value_at_zero = likelihood.point_of(at[0]).value;
  const bool rises_at_zero = likelihood.slope_at_zero(at[0]) > 0;
  SearchResult found = search_from_grid(likelihood, std::move(points), rises_at_zero, options);
  if (found.modes.empty()) return out;
  out.best = found.modes.front();
  out.is_plain = out.best.kind != ModeKind::one && out.best.termination == Termination::converged &&
                 std::isfinite(out.best.point.value);
  if (!out.is_plain) return out;
  out.at_best = likelihood.system().evaluate(out.best.point.share);
  // a brief refinement has its last step before it, and the rest of the point from there
  if (out.best.kind == ModeKind::interior) out.best.point = likelihood.point_of(out.at_best);
  if (options.fall > 0) {
    out.limits = response_limits(likelihood, found, out.best.point.value, grid, options.fall);
  }
  return out;
}

/// work(k) of every response in blocks that threads take, with progress.
template <typename Work>
void for_blocks(Index count, const Context& context, const Work& work) {
  std::atomic<Index> done{0};
  Context polled = context;
  polled.poll = [&] {
    context.poll();
    context.progress("responses", static_cast<double>(done) / static_cast<double>(count));
  };
  const Index blocks = divide_up(count, kResponseBlock);
  parallel_for(polled, blocks, [&](Index block) {
    const Index first = block * kResponseBlock;
    const Index size = std::min(kResponseBlock, count - first);
    work(first, size);
    done += size;
  });
  context.progress("responses", 1);
}

}  // namespace

std::vector<ResponseFit> search_responses(const SystemOfParts& system,
                                          const RotatedResponses& responses, Criterion criterion,
                                          const SearchOptions& options, const Context& context) {
  const ProfiledLikelihood of_system(system, criterion);
  const SearchOptions quick = quick_options(options);
  const Grid grid(system, options.step);
  const std::vector<Share> shares = searched_shares(system, grid);
  std::vector<Evaluation> base;
  for (const Share& share : shares) {
    context.poll();
    base.push_back(system.evaluate(share, of_system.detail()));
  }
  const Index count = responses.y.cols();
  std::vector<ResponseFit> out(static_cast<std::size_t>(count));
  for_blocks(count, context, [&](Index first, Index size) {
    std::vector<ResponseForms> forms;
    for (const Share& share : shares) {
      forms.push_back(system.response_forms(share, responses.y.middleCols(first, size),
                                            responses.null_residual.segment(first, size)));
    }
    for (Index k = 0; k < size; ++k) {
      const auto own =
          system.for_response(responses.y.col(first + k), responses.null_residual[first + k]);
      const ProfiledLikelihood likelihood(*own, criterion);
      std::vector<Evaluation> at;
      for (std::size_t i = 0; i < shares.size(); ++i) {
        at.push_back(forms[i].within(base[i], k));
      }
      ResponseFit& fit = out[static_cast<std::size_t>(first + k)];
      fit = searched_response(likelihood, at, grid, quick);
      if (!fit.is_plain) continue;
      const SpectralParts& parts = system.parts();
      fit.at_best.delta +=
          times(parts.turn.leftCols(parts.null_in_fixed()), responses.shift.col(first + k));
    }
  });
  return out;
}

namespace {

Deletion deletion_of(const SpectralParts& parts, const DeletedResponses& responses, Index k) {
  const std::vector<Index>& missing = responses.missing[static_cast<std::size_t>(k)];
  const Index f = static_cast<Index>(missing.size()), rho = parts.null_in_fixed();
  const Vector shift = responses.rotated.shift.col(k);
  const Vector moved = times(parts.turn.leftCols(rho), shift);
  Deletion out;
  out.rows.resize(parts.rank(), f);
  out.fixed_rows.resize(f, rho);
  out.y_rows.resize(f);
  for (Index j = 0; j < f; ++j) {
    const Index row = missing[static_cast<std::size_t>(j)];
    out.rows.col(j) = responses.vectors.row(row).transpose();
    out.fixed_rows.row(j) = parts.null_frame.row(row);
    out.y_rows[j] = responses.y(row, k) - responses.q.row(row).dot(moved);
  }
  out.fixed_rows *= parts.null_scale.asDiagonal();
  out.y = responses.rotated.y.col(k);
  out.y_rows -= transpose_times(out.rows, out.y);
  out.shift = shift;
  out.null_residual = responses.rotated.null_residual[k];
  return out;
}

bool keeps_digits(const MarginalSystem& system, const Share& share) {
  return share.h / system.kappa() * system.max_eigenvalue() <= kDeletionCondition * share.nu;
}

}  // namespace

std::vector<ResponseFit> search_deleted(const SystemOfParts& system,
                                        const DeletedResponses& responses, Criterion criterion,
                                        const SearchOptions& options, const Context& context) {
  const SpectralParts& parts = system.parts();
  const Index count = responses.y.cols();
  check_input(static_cast<Index>(responses.missing.size()) == count &&
                  responses.rotated.y.cols() == count && responses.y.rows() == parts.n &&
                  responses.vectors.rows() == parts.n && responses.q.rows() == parts.n &&
                  responses.vectors.cols() == parts.rank(),
              "responses that lack rows: shapes");
  const SearchOptions quick = quick_options(options);
  const Grid grid(system, options.step);
  const DeletionNodes nodes(parts, system.kappa(), searched_shares(system, grid));
  std::vector<ResponseFit> out(static_cast<std::size_t>(count));
  for_blocks(count, context, [&](Index first, Index size) {
    for (Index k = first; k < first + size; ++k) {
      const DeletedSystem own(parts, system.kappa(), deletion_of(parts, responses, k));
      const ProfiledLikelihood likelihood(own, criterion);
      ResponseFit& fit = out[static_cast<std::size_t>(k)];
      fit = searched_response(likelihood, own.evaluate_nodes(nodes, likelihood.detail()), grid,
                              quick);
      fit.is_plain = fit.is_plain && keeps_digits(own, fit.best.point.share);
      const Share upper{fit.limits.upper, 1 - fit.limits.upper};
      if (!keeps_digits(own, upper)) fit.limits = {NAN, NAN};
    }
  });
  return out;
}

}  // namespace hdlmm
