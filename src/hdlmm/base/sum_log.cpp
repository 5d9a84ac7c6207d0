#include "hdlmm/base/sum_log.hpp"

#include <cmath>

namespace hdlmm {

double sum_log(const ConstVector& s) {
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
