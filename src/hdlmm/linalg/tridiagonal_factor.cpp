#include "hdlmm/linalg/tridiagonal_factor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hdlmm {

namespace {

/// Elimination of one row after the other: what the last one leaves to the next, and its
/// derivatives; the traces so far.
struct EliminationChain {
  double alpha, nu;
  double pivot = 0, by_alpha = 0, by_alpha2 = 0, by_nu = 0;
  double trace_t = 0, trace_tt = 0, trace_inverse = 0;

  EliminationChain(double scale, double noise) : alpha(scale), nu(noise) {}

  /// The pivot of a row with `diagonal` and with `beside` towards the next one; returns the
  /// multiple of the row that is taken from that.
  [[gnu::always_inline]] inline double step(double diagonal, double beside, double& out) {
    out = (alpha * diagonal + nu) - pivot;
    const double inverse = 1 / out;
    const double first = diagonal - by_alpha, second = -by_alpha2, noise = 1 + by_nu;
    const double slope = first * inverse;
    trace_t += slope;
    trace_tt += slope * slope - second * inverse;
    trace_inverse += noise * inverse;
    const double coupling = alpha * beside, ratio = coupling * inverse;
    const double bend = beside - ratio * first;
    pivot = coupling * ratio;
    by_alpha = ratio * (beside + bend);
    by_alpha2 = 2 * inverse * bend * bend - ratio * ratio * second;
    by_nu = ratio * ratio * noise;
    return ratio;
  }

  void add_carried(const EliminationChain& other) {
    pivot += other.pivot;
    by_alpha += other.by_alpha;
    by_alpha2 += other.by_alpha2;
    by_nu += other.by_nu;
  }
};

/// kCount columns: their chains overlap.
template <int kCount>
struct ColumnGroup {
  double* first;
  Index stride;

  /// Row i less `factor` times row `other`.
  [[gnu::always_inline]] inline void subtract(Index i, double factor, Index other) const {
    for (int c = 0; c < kCount; ++c) first[c * stride + i] -= factor * first[c * stride + other];
  }
};

template <typename Work>
void in_groups(MatrixView x, const Work& work) {
  if (x.size() == 0) return;
  Index c = 0;
  for (; c + 4 <= x.cols(); c += 4) work(ColumnGroup<4>{&x(0, c), x.outerStride()});
  for (; c + 2 <= x.cols(); c += 2) work(ColumnGroup<2>{&x(0, c), x.outerStride()});
  for (; c < x.cols(); ++c) work(ColumnGroup<1>{&x(0, c), x.outerStride()});
}

/// How many eigenvalues of T are below x, by signs of pivots (Sturm's sequence).
Index count_values_below(const ConstVector& diagonal, const ConstVector& beside, double x) {
  Index count = 0;
  double pivot = 1;
  for (Index i = 0; i < diagonal.size(); ++i) {
    const double e = i > 0 ? beside[i - 1] : 0;
    pivot = diagonal[i] - x - (e == 0 ? 0 : e * e / pivot);
    if (pivot == 0) pivot = -std::numeric_limits<double>::min();
    if (pivot < 0) ++count;
  }
  return count;
}

}  // namespace

Matrix multiply_tridiagonal(const ConstVector& diagonal, const ConstVector& beside,
                            const ConstMatrix& x) {
  const Index n = diagonal.size();
  Matrix out(n, x.cols());
  if (n < 2) return diagonal.asDiagonal() * x;
  for (Index c = 0; c < x.cols(); ++c) {
    const auto in = x.col(c);
    out(0, c) = diagonal[0] * in[0] + beside[0] * in[1];
    out.col(c).segment(1, n - 2) = diagonal.segment(1, n - 2).cwiseProduct(in.segment(1, n - 2)) +
                                   beside.head(n - 2).cwiseProduct(in.head(n - 2)) +
                                   beside.tail(n - 2).cwiseProduct(in.tail(n - 2));
    out(n - 1, c) = diagonal[n - 1] * in[n - 1] + beside[n - 2] * in[n - 2];
  }
  return out;
}

bool TridiagonalFactor::make(const ConstVector& diagonal, const ConstVector& beside, double alpha,
                             double nu) {
  const Index n = diagonal.size();
  ratio_.resize(n);
  pivot_.resize(n);
  trace_t_ = trace_tt_ = trace_inverse_ = 0;
  if (n == 0) return true;
  middle_ = n / 2;
  EliminationChain up(alpha, nu), down(alpha, nu);
  for (Index i = 0; i < middle_; ++i) {
    const Index j = n - 1 - i;
    ratio_[i] = down.step(diagonal[i], beside[i], pivot_[i]);
    if (j > middle_) ratio_[j] = up.step(diagonal[j], beside[j - 1], pivot_[j]);
  }
  down.add_carried(up);
  ratio_[middle_] = down.step(diagonal[middle_], 0, pivot_[middle_]);
  if (!(pivot_.array() > 0).all()) return false;  // not a number either
  trace_t_ = down.trace_t + up.trace_t;
  trace_tt_ = down.trace_tt + up.trace_tt;
  trace_inverse_ = down.trace_inverse + up.trace_inverse;
  root_ = pivot_.cwiseSqrt().cwiseInverse();
  return true;
}

void TridiagonalFactor::whiten(MatrixView x) const {
  in_groups(x, [&](auto columns) {
    for (Index i = 0; i < middle_; ++i) {
      const Index j = ratio_.size() - 1 - i;
      columns.subtract(i + 1, ratio_[i], i);
      if (j > middle_) columns.subtract(j - 1, ratio_[j], j);
    }
  });
  for (Index c = 0; c < x.cols(); ++c) x.col(c).array() *= root_.array();
}

Vector TridiagonalFactor::solve(const ConstVector& x) const {
  Matrix out = x;
  whiten(out);
  whiten_transposed(out);
  return out.col(0);
}

void TridiagonalFactor::whiten_transposed(MatrixView x) const {
  for (Index c = 0; c < x.cols(); ++c) x.col(c).array() *= root_.array();
  in_groups(x, [&](auto columns) {
    for (Index i = middle_ - 1; i >= 0; --i) {
      const Index j = ratio_.size() - 1 - i;
      if (j > middle_) columns.subtract(j, ratio_[j], j - 1);
      columns.subtract(i, ratio_[i], i + 1);
    }
  });
}

std::optional<SpectrumRange> positive_range(const ConstVector& diagonal, const ConstVector& beside,
                                            double least) {
  constexpr double kWidth = 1.01;
  const Index n = diagonal.size();
  if (n == 0 || !diagonal.allFinite() || !beside.allFinite()) return std::nullopt;
  double above = 0;  // of all discs of Gershgorin
  for (Index i = 0; i < n; ++i) {
    const double radius =
        (i > 0 ? std::abs(beside[i - 1]) : 0) + (i + 1 < n ? std::abs(beside[i]) : 0);
    above = std::max(above, diagonal[i] + radius);
  }
  const auto count_below = [&](double x) { return count_values_below(diagonal, beside, x); };
  if (!(above > 0) || count_below(least * above) > 0) return std::nullopt;
  double low = least * above, high = std::max(low, diagonal.minCoeff());
  while (high > kWidth * low) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    (count_below(middle) > 0 ? high : low) = middle;
  }
  SpectrumRange range;
  range.smallest = low;
  low = diagonal.maxCoeff();
  high = above;
  while (high > kWidth * low) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    (count_below(middle) == n ? high : low) = middle;
  }
  range.largest = high;
  if (!(range.smallest > least * range.largest)) return std::nullopt;
  return range;
}

}  // namespace hdlmm
