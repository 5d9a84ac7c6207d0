#ifndef HDLMM_BASE_LOCAL_MAXIMUM_HPP
#define HDLMM_BASE_LOCAL_MAXIMUM_HPP

#include <cmath>
#include <limits>

namespace hdlmm {

struct LocalMaximum {
  double x = 0;
  double value = 0;
};

/// A local maximum of f on [a, b] by golden sections and parabolas (Brent 1973, chapter 5), to
/// about `tol` in x. Where f is no number it counts as lower than everything else.
template <typename Function>
LocalMaximum local_maximum(const Function& f, double a, double b, double tol) {
  constexpr int kSteps = 200;
  const double golden = (3 - std::sqrt(5.0)) / 2;
  const double relative = std::sqrt(std::numeric_limits<double>::epsilon());
  const auto lowered = [&f](double at) {
    const double value = f(at);
    return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
  };
  double x = a + golden * (b - a), fx = lowered(x);
  double w = x, fw = fx, v = x, fv = fx;  // second best, and the one before
  double step = 0, before = 0;
  for (int i = 0; i < kSteps; ++i) {
    const double middle = (a + b) / 2, near = relative * std::abs(x) + tol / 3;
    if (std::abs(x - middle) <= 2 * near - (b - a) / 2) break;
    double p = 0, q = 0;
    const bool has_parabola = std::abs(before) > near && std::isfinite(fv) && std::isfinite(fw);
    if (has_parabola) {
      const double r = (x - w) * (fv - fx), s = (x - v) * (fw - fx);
      p = (x - v) * s - (x - w) * r;
      q = 2 * (s - r);
      if (q > 0) p = -p;
      q = std::abs(q);
    }
    const bool is_usable = has_parabola && std::abs(p) < std::abs(q * before / 2) &&
                           p > q * (a - x) && p < q * (b - x);
    if (is_usable) {
      before = step;
      step = p / q;
      const double u = x + step;
      if (u - a < 2 * near || b - u < 2 * near) step = x < middle ? near : -near;
    } else {
      before = x < middle ? b - x : a - x;
      step = golden * before;
    }
    const double u = x + (std::abs(step) >= near ? step : std::copysign(near, step));
    const double fu = lowered(u);
    if (fu >= fx) {
      (u < x ? b : a) = x;
      v = w, fv = fw;
      w = x, fw = fx;
      x = u, fx = fu;
    } else {
      (u < x ? a : b) = u;
      if (fu >= fw || w == x) {
        v = w, fv = fw;
        w = u, fw = fu;
      } else if (fu >= fv || v == x || v == w) {
        v = u, fv = fu;
      }
    }
  }
  return {x, fx};
}

}  // namespace hdlmm

#endif  // HDLMM_BASE_LOCAL_MAXIMUM_HPP
