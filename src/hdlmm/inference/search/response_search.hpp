#ifndef HDLMM_INFERENCE_SEARCH_RESPONSE_SEARCH_HPP
#define HDLMM_INFERENCE_SEARCH_RESPONSE_SEARCH_HPP

#include <limits>
#include <vector>

#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/inference/search/profile_limits.hpp"
#include "hdlmm/marginal/deleted_rows.hpp"
#include "hdlmm/marginal/fixed_fit.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

/// What the search for one of many responses found.
struct ResponseFit {
  /// The highest mode lies inside or at h = 0 and nothing about it is unusual; where it is false,
  /// the response is to be fitted by itself, and nothing else is said here.
  bool is_plain = false;
  Mode best;
  double value_at_zero = 0;
  Evaluation at_best;  ///< Detail::all
  /// Profile limits of h where SearchOptions::fall asks for them, not numbers where they are to be
  /// found by a fit of the response itself.
  ShareLimits limits{std::numeric_limits<double>::quiet_NaN(),
                     std::numeric_limits<double>::quiet_NaN()};
};

/// search_all_modes() for many responses of one decomposition, which share the points of the grid.
///
/// On the grid V is factored once for all responses of a block; each bracket is then refined alone.
/// Threads take blocks of responses, so that results do not depend on their number. O(n c) a
/// response and point.
std::vector<ResponseFit> search_responses(const SystemOfParts& system,
                                          const RotatedResponses& responses, Criterion criterion,
                                          const SearchOptions& options, const Context& context);

/// Responses that lack some rows. References only.
struct DeletedResponses {
  const RotatedResponses& rotated;                 ///< with any numbers at the rows that they lack
  ConstMatrix y;                                   ///< [n x m], the same before they were rotated
  ConstMatrix vectors;                             ///< [n x r], U
  ConstMatrix q;                                   ///< [n x c]
  const std::vector<std::vector<Index>>& missing;  ///< rows, ascending, by response
};

/// The same for these, see DeletedSystem: O(r (f + c)^2) a response and point.
std::vector<ResponseFit> search_deleted(const SystemOfParts& system,
                                        const DeletedResponses& responses, Criterion criterion,
                                        const SearchOptions& options, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_RESPONSE_SEARCH_HPP
