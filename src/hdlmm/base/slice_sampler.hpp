#ifndef HDLMM_BASE_SLICE_SAMPLER_HPP
#define HDLMM_BASE_SLICE_SAMPLER_HPP

#include <algorithm>
#include <cmath>

#include "hdlmm/base/random.hpp"

namespace hdlmm {

/// Univariate slice sampling by stepping out and shrinkage (Neal 2003, Ann. Statist. 31, section
/// 4). Leaves exp(log_density) invariant whatever the width, which is learnt until freeze().
class SliceSampler {
 public:
  /// The next value after x. A density that is not a number counts as zero.
  template <typename LogDensity>
  double step(double x, const LogDensity& log_density, Random& random) {
    const double level = log_density(x) + std::log(random.uniform());
    double left = x - width_ * random.uniform(), right = left + width_;
    const int left_limit = static_cast<int>(random.below(kMaxSteps));
    for (int k = 0; k < left_limit && log_density(left) > level; ++k) left -= width_;
    const int right_limit = kMaxSteps - 1 - left_limit;
    for (int k = 0; k < right_limit && log_density(right) > level; ++k) right += width_;
    for (int k = 0; k < kMaxShrinks; ++k) {
      const double candidate = left + random.uniform() * (right - left);
      if (log_density(candidate) > level) {
        learn(std::abs(candidate - x));
        return candidate;
      }
      (candidate < x ? left : right) = candidate;
    }
    return x;  // the interval has shrunk to x itself
  }

  /// From here on the width is fixed, as a Markov chain must have it.
  void freeze() { is_learning_ = false; }

 private:
  static constexpr int kMaxSteps = 64;
  static constexpr int kMaxShrinks = 200;

  /// Three mean jumps: about two and a half standard deviations of a normal density.
  void learn(double jump);

  double width_ = 1;
  double total_ = 1;  // the first guess counts as three jumps
  double count_ = 3;
  bool is_learning_ = true;
};

}  // namespace hdlmm

#endif  // HDLMM_BASE_SLICE_SAMPLER_HPP
