#ifndef HDLMM_MARGINAL_MINIMUM_DEGREE_HPP
#define HDLMM_MARGINAL_MINIMUM_DEGREE_HPP

#include <functional>

#include "hdlmm/base/context.hpp"
#include "hdlmm/marginal/level_graph.hpp"

namespace hdlmm {

/// Whether a level of so many columns that meets so many others is better eliminated than left.
using IsGain = std::function<bool(Index width, Index met)>;

/// Eliminates levels while that is a gain, first the one that likely meets fewest columns, by the
/// bound of Amestoy, Davis & Duff (1996, SIAM J. Matrix Anal. Appl. 17). Those that meet very many
/// from the beginning are left: they would be the last.
void eliminate_fewest(LevelGraph& graph, const IsGain& is_gain, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_MINIMUM_DEGREE_HPP
