#ifndef HDLMM_LINALG_TRIDIAGONAL_FACTOR_HPP
#define HDLMM_LINALG_TRIDIAGONAL_FACTOR_HPP

#include <optional>

#include "hdlmm/base/sum_log.hpp"

namespace hdlmm {

/// t x [n x k] for a symmetric tridiagonal t: diagonal [n], beside [n - 1].
Matrix multiply_tridiagonal(const ConstVector& diagonal, const ConstVector& beside,
                            const ConstMatrix& x);

/// S = alpha T + nu I = L L' for a symmetric tridiagonal T, and traces of S^-1 with T.
///
/// Elimination runs from both ends to the row in the middle, so that two chains of dependent steps
/// overlap; L is triangular up to the order of its rows. Traces are logarithmic derivatives of the
/// pivots by alpha and nu, carried along as the pivots are made: no entry of S^-1 is formed, and
/// they are sums of terms of one sign. O(n).
class TridiagonalFactor {
 public:
  /// diagonal: [n], beside: [n - 1]. False where S is not positive definite.
  bool make(const ConstVector& diagonal, const ConstVector& beside, double alpha, double nu);

  double log_determinant() const { return sum_log(pivot_); }
  double trace_t() const { return trace_t_; }              ///< tr(S^-1 T)
  double trace_tt() const { return trace_tt_; }            ///< tr(S^-1 T S^-1 T)
  double trace_inverse() const { return trace_inverse_; }  ///< tr(S^-1)

  /// x [n x k] <- L^-1 x.
  void whiten(MatrixView x) const;

  /// S^-1 x.
  Vector solve(const ConstVector& x) const;

  /// x [n x k] <- L^-T x.
  void whiten_transposed(MatrixView x) const;

 private:
  Index middle_ = 0;
  Vector ratio_;  ///< [n], multiple of the row that is taken from the next one to the middle
  Vector pivot_;  ///< [n], squares of the diagonal of L
  Vector root_;   ///< [n], one over the diagonal of L
  double trace_t_ = 0, trace_tt_ = 0, trace_inverse_ = 0;
};

/// Bounds of the spectrum.
struct SpectrumRange {
  double smallest = 0;
  double largest = 0;
};

/// The smallest and the largest eigenvalue of T to a percent, or nothing where the smallest is not
/// above `least` times the largest, which lies in (0, 1). T is of moderate size: squares of its
/// entries are numbers.
std::optional<SpectrumRange> positive_range(const ConstVector& diagonal, const ConstVector& beside,
                                            double least);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_TRIDIAGONAL_FACTOR_HPP
