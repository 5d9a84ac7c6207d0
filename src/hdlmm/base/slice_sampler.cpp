#include "hdlmm/base/slice_sampler.hpp"

#include <algorithm>

namespace hdlmm {

void SliceSampler::learn(double jump) {
  if (!is_learning_) return;
  total_ += jump;
  count_ += 1;
  width_ = std::min(20.0, std::max(1e-3, 3 * total_ / count_));
}

}  // namespace hdlmm
