#ifndef HDLMM_INFERENCE_AITKEN_TEST_HPP
#define HDLMM_INFERENCE_AITKEN_TEST_HPP

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <limits>

namespace hdlmm {

/// How far both log variances still have to go, by Aitken's projection of the plain steps of a
/// method of linear rate. Met when both have less than sqrt(tol) / 10 to go, which leaves an
/// objective of n observations about n tol / 200 below its maximum.
class AitkenTest {
 public:
  explicit AitkenTest(double tol) : bound_(std::sqrt(tol) / 10) {}

  /// True at the second step in a row whose projection is below the bound. States have the
  /// members random and residual.
  template <typename State>
  bool is_met(const State& before, const State& after) {
    left_ = std::max(random_.project(before.random, after.random),
                     residual_.project(before.residual, after.residual));
    n_small_ = left_ <= bound_ ? n_small_ + 1 : 0;
    return n_small_ >= 2;
  }
  /// Whether the last step was rounding.
  bool is_exhausted() const { return left_ == 0; }

  /// The next step does not follow from the last one.
  void restart() {
    random_.has_last = false;
    residual_.has_last = false;
  }

 private:
  struct Sequence {
    bool has_last = false;
    double last = 0;
    std::deque<double> rates;  ///< the slowest of the latest ones counts: fast parts die first

    double project(double before, double after) {
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
  };

  double bound_;
  double left_ = std::numeric_limits<double>::infinity();
  int n_small_ = 0;
  Sequence random_, residual_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_AITKEN_TEST_HPP
