#ifndef HDLMM_CORE_SUM_LOG_HPP
#define HDLMM_CORE_SUM_LOG_HPP

#include <cmath>

#include "hdlmm/core/types.hpp"

namespace hdlmm {

/// Sum of logarithms of positive numbers: one logarithm for eight of them where no product leaves
/// the range of doubles.
inline double sum_log(const ConstVector& s) {
  constexpr Index kBlock = 8;
  const Index n = s.size();
  double sum = 0;
  Index i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    const double product = s.segment<kBlock>(i).prod();
    if (product > 1e-290 && product < 1e290) {
      sum += std::log(product);
    } else {
      sum += s.segment<kBlock>(i).array().log().sum();
    }
  }
  for (; i < n; ++i) sum += std::log(s[i]);
  return sum;
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_SUM_LOG_HPP
