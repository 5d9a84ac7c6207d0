#include "hdlmm/inference/search/crossing.hpp"

namespace hdlmm {

double inverse_cubic(const Height& a, const Height& b) {
  const double width = b.value - a.value, t = -a.value / width;
  return a.x + t * t * (3 - 2 * t) * (b.x - a.x) +
         t * (1 - t) * width * ((1 - t) / a.slope - t / b.slope);
}

}  // namespace hdlmm
