#ifndef HDLMM_BASE_ORDER_STATISTICS_HPP
#define HDLMM_BASE_ORDER_STATISTICS_HPP

#include <vector>

#include "hdlmm/base/index.hpp"

namespace hdlmm {

/// The values that would stand at the positions `at` (from 0, ascending) if x were sorted; x has no
/// missing values. O(n) for a few positions.
std::vector<double> order_statistics(std::vector<double> x, const std::vector<Index>& at);

}  // namespace hdlmm

#endif  // HDLMM_BASE_ORDER_STATISTICS_HPP
