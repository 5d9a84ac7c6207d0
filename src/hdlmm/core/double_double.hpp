#ifndef HDLMM_CORE_DOUBLE_DOUBLE_HPP
#define HDLMM_CORE_DOUBLE_DOUBLE_HPP

#include <cmath>

namespace hdlmm {

/// An unevaluated sum of two doubles: twice the precision, for residuals and long sums.
///
/// Dekker (1971), Numer. Math. 18; Ogita, Rump & Oishi (2005), SIAM J. Sci. Comput. 26, alg. 3.1.
class DoubleDouble {
 public:
  void add(double x) {
    const double sum = high_ + x;
    const double back = sum - high_;
    low_ += (high_ - (sum - back)) + (x - back);
    high_ = sum;
  }
  void add_product(double x, double y) {
    const double product = x * y;
    add(product);
    low_ += std::fma(x, y, -product);
  }
  double value() const { return high_ + low_; }

 private:
  double high_ = 0;
  double low_ = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_CORE_DOUBLE_DOUBLE_HPP
