#ifndef HDLMM_BASE_DOUBLE_DOUBLE_HPP
#define HDLMM_BASE_DOUBLE_DOUBLE_HPP

#include <cmath>

namespace hdlmm {

/// An unevaluated sum of two doubles: twice the precision, for residuals and long sums.
///
/// Dekker (1971), Numer. Math. 18; Ogita, Rump & Oishi (2005), SIAM J. Sci. Comput. 26, alg. 3.1.
class DoubleDouble {
 public:
  DoubleDouble() = default;

  void add(double x) { *this = plus(x, 0); }
  void add_product(double x, double y) { *this = plus(x * y, std::fma(x, y, -(x * y))); }
  double value() const { return high_ + low_; }

 private:
  DoubleDouble(double high, double low) : high_(high), low_(low) {}

  DoubleDouble plus(double x, double y) const { return {high_ + x, low_ + lost(high_, x) + y}; }
  /// a + b less its rounded value.
  static double lost(double a, double b) { return lost(a, b, a + b, (a + b) - a); }
  static double lost(double a, double b, double s, double t) { return (a - (s - t)) + (b - t); }

  double high_ = 0;
  double low_ = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_BASE_DOUBLE_DOUBLE_HPP
