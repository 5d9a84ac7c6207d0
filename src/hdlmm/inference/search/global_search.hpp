#ifndef HDLMM_INFERENCE_SEARCH_GLOBAL_SEARCH_HPP
#define HDLMM_INFERENCE_SEARCH_GLOBAL_SEARCH_HPP

#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

enum class Termination { converged, iteration_limit, tolerance_unattainable };

struct SearchOptions {
  double tol = 1e-10;  ///< stop refining a mode when the step in phi is below tol * (1 + |phi|)
  int max_iter = 100;  ///< Newton steps for one mode
  double step = 0.5;   ///< grid step in phi where the spectrum is active
  /// Whether refinements begin where the cubic through both ends of a bracket has its root, and end
  /// with a step of Newton's method after which the caller evaluates: `value` and the rest are then
  /// those of the point before.
  bool is_brief = false;
  /// Of searches for many responses: how far below its maximum the criterion is at the limits that
  /// are found, see ResponseFit; 0 for none.
  double fall = 0;
};

enum class ModeKind { interior, zero, one };

struct Mode {
  ModeKind kind = ModeKind::interior;
  ProfilePoint point;
  Termination termination = Termination::converged;
  std::vector<ProfilePoint> trace;  ///< the points of its refinement, the last one the mode
};

struct SearchResult {
  std::vector<Mode> modes;         ///< by decreasing value
  std::vector<ProfilePoint> grid;  ///< ascending in phi
  bool is_unbounded = false;       ///< the objective tends to infinity as sigma_e^2 -> 0
};

/// phi from where no direction is explained to where all are, denser where the spectrum acts.
std::vector<double> log_ratio_grid(const MarginalSystem& system, double step);

/// Every local maximum over h in [0, 1], boundaries included, found by sign changes of the exact
/// slope on a grid in phi and refined by Newton's method. O(100 evaluations).
SearchResult search_all_modes(const ShareObjective& f, const SearchOptions& options,
                              const Context& context);

/// The same from points at log_ratio_grid() that are known already.
SearchResult search_from_grid(const ShareObjective& f, std::vector<ProfilePoint> grid,
                              bool rises_at_zero, const SearchOptions& options);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_GLOBAL_SEARCH_HPP
