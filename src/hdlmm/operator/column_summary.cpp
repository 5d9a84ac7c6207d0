#include "hdlmm/operator/column_summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/operator/dense_cells.hpp"

namespace hdlmm {

namespace {

bool is_infinite(double x) { return std::isinf(x); }
bool is_infinite(int) { return false; }
bool is_infinite(std::uint8_t) { return false; }

// Of a column of which all rows count and no cell is missing or infinite.
void set_complete(std::size_t j, const ColumnMoments& moments, ColumnSummary& out) {
  out.n_missing[j] = out.n_infinite[j] = 0;
  out.max_abs[j] = moments.largest;
  out.mean[j] = out.weighted_mean[j] = moments.mean;
  out.squares[j] = moments.squares;
}

// One column while it is in the cache: counts, then means, then the centred sum of squares with
// the mean corrected by the residual sum (Chan, Golub & LeVeque 1983).
template <typename T>
void summarise(const RawColumns<T>& columns, const double* weight, double factor, std::size_t j,
               ColumnSummary& out) {
  const T* column = columns.cells + static_cast<Index>(j) * columns.stride;
  const int* rows = columns.rows;
  const Index n = columns.n;
  double sum = 0, largest = 0;
  int missing = 0, infinite = 0;
  for (Index i = 0; i < n; ++i) {
    const T x = column[rows ? rows[i] - 1 : i];
    if (is_missing(x)) {
      ++missing;
    } else if (is_infinite(x)) {
      ++infinite;
    } else {
      const double value = static_cast<double>(x);
      sum += value * factor;
      largest = std::max(largest, std::abs(value));
    }
  }
  out.n_missing[j] = missing;
  out.n_infinite[j] = infinite;
  out.max_abs[j] = largest;
  const Index seen = n - missing;
  double mean = seen > 0 ? sum / seen : 0;
  double rest = 0, squares = 0, weighted = 0, total_weight = 0;
  for (Index i = 0; i < n; ++i) {
    const T x = column[rows ? rows[i] - 1 : i];
    const double w = weight ? weight[i] : 1;
    total_weight += w;
    if (is_missing(x)) continue;  // imputed by the mean: no deviation
    const double deviation = static_cast<double>(x) * factor - mean;
    rest += deviation;
    squares += deviation * deviation;
    weighted += w * deviation;
  }
  out.weighted_mean[j] = mean + weighted / total_weight;
  if (seen > 0) {
    mean += rest / seen;
    squares -= rest * rest / seen;
  }
  out.mean[j] = mean;
  out.squares[j] = std::max(0.0, squares);
}

template <typename T>
void summarise_all(const RawColumns<T>& columns, const double* weight,
                   const std::vector<double>& factor, ColumnSummary& out, const Context& context) {
  constexpr Index kBlock = 32;
  const MomentKernel<T> complete_moments = moment_kernel<T>(context.kernels);
  const bool is_whole = columns.rows == nullptr && weight == nullptr && columns.n > 0;
  parallel_for(context, divide_up(columns.p, kBlock), [&](Index task) {
    for (Index at = task * kBlock; at < std::min(columns.p, (task + 1) * kBlock); ++at) {
      const auto j = static_cast<std::size_t>(at);
      const T* column = columns.cells + at * columns.stride;
      ColumnMoments moments;
      if (is_whole && complete_moments(column, columns.n, factor[j], moments)) {
        set_complete(j, moments, out);
        continue;
      }
      summarise(columns, weight, factor[j], j, out);
    }
  });
}

double own_exponent(double largest) {
  if (!(largest > 0) || !std::isfinite(largest)) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::min(1000, -exponent);
}

// out[j] *= 2^(times own[j]).
void scale_by_own(const std::vector<double>& own, int times, std::vector<double>& out) {
  for (std::size_t j = 0; j < own.size(); ++j) {
    out[j] = std::ldexp(out[j], times * static_cast<int>(own[j]));
  }
}

bool are_zero(const std::vector<int>& counts) {
  return std::all_of(counts.begin(), counts.end(), [](int count) { return count == 0; });
}

// Largest and smallest of numbers m 2^e, compared without forming them.
class Spread {
 public:
  void add(double x, double exponent) {
    if (!(x > 0) || !std::isfinite(x)) return;
    int own = 0;
    const double mantissa = std::frexp(x, &own);
    const Number number{own + exponent, mantissa};
    if (count_++ == 0) smallest_ = largest_ = number;
    if (number < smallest_) smallest_ = number;
    if (largest_ < number) largest_ = number;
  }

  double log10_ratio() const {
    if (count_ < 2) return 0;
    return (largest_.exponent - smallest_.exponent) * std::log10(2.0) +
           std::log10(largest_.mantissa / smallest_.mantissa);
  }

 private:
  struct Number {
    double exponent = 0, mantissa = 0;
    bool operator<(const Number& other) const {
      return exponent < other.exponent || (exponent == other.exponent && mantissa < other.mantissa);
    }
  };
  Number smallest_, largest_;
  Index count_ = 0;
};

}  // namespace

ColumnSummary::ColumnSummary(Index p)
    : n_missing(static_cast<std::size_t>(p)),
      n_infinite(n_missing.size()),
      max_abs(n_missing.size()),
      own(n_missing.size()),
      mean(n_missing.size()),
      weighted_mean(n_missing.size()),
      squares(n_missing.size()) {}

bool ColumnSummary::is_complete() const { return are_zero(n_missing); }

bool ColumnSummary::is_finite() const { return are_zero(n_infinite); }

template <typename T>
ColumnSummary summarise_columns(const RawColumns<T>& columns, const double* weight,
                                const Context& context) {
  constexpr double kCellsWorthAThread = 1e6, kSquaresInRange = 400;
  Context chosen = context;
  if (static_cast<double>(columns.n) * static_cast<double>(columns.p) < kCellsWorthAThread) {
    chosen.n_threads = 1;
  }
  ColumnSummary out(columns.p);
  std::vector<double> factor(static_cast<std::size_t>(columns.p), 1.0);
  summarise_all(columns, nullptr, factor, out, chosen);
  std::transform(out.max_abs.begin(), out.max_abs.end(), out.own.begin(), own_exponent);
  const bool is_moderate = std::all_of(out.own.begin(), out.own.end(),
                                       [](double k) { return std::abs(k) < kSquaresInRange; });
  if (is_moderate && weight == nullptr) {
    scale_by_own(out.own, 2, out.squares);
  } else if (out.is_finite()) {
    scale_by_own(out.own, 1, factor);
    summarise_all(columns, weight, factor, out, chosen);
    scale_by_own(out.own, -1, out.mean);
    scale_by_own(out.own, -1, out.weighted_mean);
  }
  return out;
}

template ColumnSummary summarise_columns(const RawColumns<double>&, const double*, const Context&);
template ColumnSummary summarise_columns(const RawColumns<int>&, const double*, const Context&);
template ColumnSummary summarise_columns(const RawColumns<std::uint8_t>&, const double*,
                                         const Context&);

ColumnFacts column_facts(const std::vector<double>& own, const std::vector<double>& mean,
                         const std::vector<double>& squares, const std::vector<double>& max_abs) {
  const double largest = max_abs.empty() ? 0 : *std::max_element(max_abs.begin(), max_abs.end());
  ColumnFacts out;
  out.common = own_exponent(largest);
  Spread spread;
  for (std::size_t j = 0; j < own.size(); ++j) {
    out.squares +=
        std::ldexp(squares[j], 2 * (static_cast<int>(out.common) - static_cast<int>(own[j])));
    out.has_constant = out.has_constant || (squares[j] == 0 && mean[j] != 0);
    out.has_zero = out.has_zero || max_abs[j] == 0;
    spread.add(squares[j], -2 * own[j]);
  }
  out.log10_spread = spread.log10_ratio() / 2;
  return out;
}

}  // namespace hdlmm
