#ifndef HDLMM_CORE_ORDER_STATISTICS_HPP
#define HDLMM_CORE_ORDER_STATISTICS_HPP

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "hdlmm/core/types.hpp"

namespace hdlmm {

/// The values that would stand at the positions `at` (from 0, ascending) if x were sorted; x has no
/// missing values. O(n) for a few positions.
inline std::vector<double> order_statistics(std::vector<double> x, const std::vector<Index>& at) {
  std::vector<double> out;
  auto first = x.begin();
  for (const Index position : at) {
    if (position < 0 || position >= static_cast<Index>(x.size())) {
      throw std::invalid_argument("positions in order_statistics");
    }
    const auto wanted = x.begin() + position;
    if (wanted >= first) {
      std::nth_element(first, wanted, x.end());
      first = wanted + 1;  // what stands before is not larger, and this one in its place
    }
    out.push_back(*wanted);
  }
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_ORDER_STATISTICS_HPP
