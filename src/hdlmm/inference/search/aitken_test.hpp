#ifndef HDLMM_INFERENCE_SEARCH_AITKEN_TEST_HPP
#define HDLMM_INFERENCE_SEARCH_AITKEN_TEST_HPP

#include <algorithm>
#include <cmath>
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
  void restart();

 private:
  struct Sequence {
    bool has_last = false;
    double last = 0;
    std::deque<double> rates;  ///< the slowest of the latest ones counts: fast parts die first

    double project(double before, double after);
  };

  double bound_;
  double left_ = std::numeric_limits<double>::infinity();
  int n_small_ = 0;
  Sequence random_, residual_;
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_AITKEN_TEST_HPP
