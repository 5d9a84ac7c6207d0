#include "hdlmm/inference/search/aitken_test.hpp"

#include <cstddef>

namespace hdlmm {

void AitkenTest::restart() {
  random_.has_last = false;
  residual_.has_last = false;
}

double AitkenTest::Sequence::project(double before, double after) {
  constexpr std::size_t kMemory = 6;
  const double change = std::abs(std::log(after / before));
  const double rounding =
      8 * std::numeric_limits<double>::epsilon() * (1 + std::abs(std::log(after)));
  const double previous = last;
  const bool has_previous = has_last;
  last = change;
  has_last = true;
  if (change <= rounding) return 0;
  if (!has_previous) return std::numeric_limits<double>::infinity();
  rates.push_back(change / previous);
  if (rates.size() > kMemory) rates.pop_front();
  const double rate = *std::max_element(rates.begin(), rates.end());
  if (!(rate < 1)) return std::numeric_limits<double>::infinity();
  return change * rate / (1 - rate);
}

}  // namespace hdlmm
