#include "hdlmm/base/order_statistics.hpp"

#include <algorithm>
#include <stdexcept>

namespace hdlmm {

std::vector<double> order_statistics(std::vector<double> x, const std::vector<Index>& at) {
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
