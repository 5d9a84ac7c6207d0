#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <RcppEigen.h>

#include "hdlmm/core/checks.hpp"
#include "hdlmm/core/column_moments.hpp"
#include "hdlmm/core/parallel.hpp"
#include "hdlmm/operator/dense_cells.hpp"

#include "r_context.h"

namespace {

using hdlmm::is_missing;

bool is_infinite(double x) { return std::isinf(x); }
bool is_infinite(int) { return false; }
bool is_infinite(std::uint8_t) { return false; }

struct ColumnSummary {
  std::vector<int> n_missing, n_infinite;
  std::vector<double> max_abs, mean, weighted_mean, squares;

  explicit ColumnSummary(R_xlen_t p)
      : n_missing(p), n_infinite(p), max_abs(p), mean(p), weighted_mean(p), squares(p) {}

  // Of a column of which all rows count and no cell is missing or infinite.
  void set(R_xlen_t j, const hdlmm::ColumnMoments& moments) {
    n_missing[j] = n_infinite[j] = 0;
    max_abs[j] = moments.largest;
    mean[j] = weighted_mean[j] = moments.mean;
    squares[j] = moments.squares;
  }
};

// One column while it is in the cache: counts, then means, then the centred sum of squares with
// the mean corrected by the residual sum (Chan, Golub & LeVeque 1983).
template <typename T>
void summarise(const T* column, const int* rows, R_xlen_t n, const double* weight, double factor,
               R_xlen_t j, ColumnSummary& out) {
  double sum = 0, largest = 0;
  int missing = 0, infinite = 0;
  for (R_xlen_t i = 0; i < n; ++i) {
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
  const R_xlen_t seen = n - missing;
  double mean = seen > 0 ? sum / seen : 0;
  double rest = 0, squares = 0, weighted = 0, total_weight = 0;
  for (R_xlen_t i = 0; i < n; ++i) {
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
void summarise_all(const T* cells, R_xlen_t stride, R_xlen_t p, const int* rows, R_xlen_t n,
                   const double* weight, const double* factor, ColumnSummary& out,
                   const hdlmm::Context& context) {
  constexpr R_xlen_t kBlock = 32;
  const hdlmm::MomentKernel<T> complete_moments = hdlmm::moment_kernel<T>(context.kernels);
  const bool is_whole = rows == nullptr && weight == nullptr && n > 0;
  hdlmm::parallel_for(context, (p + kBlock - 1) / kBlock, [&](hdlmm::Index task) {
    for (R_xlen_t j = task * kBlock; j < std::min(p, (task + 1) * kBlock); ++j) {
      const T* column = cells + j * stride;
      hdlmm::ColumnMoments moments;
      if (is_whole && complete_moments(column, n, factor[j], moments)) {
        out.set(j, moments);
        continue;
      }
      summarise(column, rows, n, weight, factor[j], j, out);
    }
  });
}

// What summarise_all() reads, whatever the type of the cells.
struct Cells {
  SEXP x;
  const int* rows;  ///< [n], 1-based, or null: all
  R_xlen_t n;       ///< fitted rows
  R_xlen_t p;
};

void summarise_cells(const Cells& cells, const double* weight, const double* factor,
                     ColumnSummary& out, const hdlmm::Context& context) {
  const auto of = [&](const auto* first) {
    summarise_all(first, Rf_nrows(cells.x), cells.p, cells.rows, cells.n, weight, factor, out,
                  context);
  };
  switch (TYPEOF(cells.x)) {
    case REALSXP:
      return of(REAL(cells.x));
    case INTSXP:
      return of(INTEGER(cells.x));
    case LGLSXP:
      return of(LOGICAL(cells.x));
    case RAWSXP:
      return of(RAW(cells.x));
    default:
      throw std::invalid_argument("x must be a double, integer, logical or raw matrix");
  }
}

// Exponent k, at most 1000, such that 2^k times the largest cell of a column lies in [0.5, 1).
int own_exponent(double largest) {
  if (!(largest > 0) || !std::isfinite(largest)) return 0;
  int exponent = 0;
  std::frexp(largest, &exponent);
  return std::min(1000, -exponent);
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
  R_xlen_t count_ = 0;
};

// What fits and warnings need to know of all columns together; see cpp_column_facts().
Rcpp::List list_of_facts(const double* own, const double* mean, const double* squares,
                         const double* max_abs, R_xlen_t p) {
  const double largest = p > 0 ? *std::max_element(max_abs, max_abs + p) : 0;
  const int common = own_exponent(largest);
  double total = 0;
  bool has_constant = false, has_zero = false;
  Spread spread;
  for (R_xlen_t j = 0; j < p; ++j) {
    total += std::ldexp(squares[j], 2 * (common - static_cast<int>(own[j])));
    has_constant = has_constant || (squares[j] == 0 && mean[j] != 0);
    has_zero = has_zero || max_abs[j] == 0;
    spread.add(squares[j], -2 * own[j]);
  }
  return Rcpp::List::create(
      Rcpp::Named("common") = static_cast<double>(common), Rcpp::Named("squares") = total,
      Rcpp::Named("has_constant") = has_constant, Rcpp::Named("has_zero") = has_zero,
      Rcpp::Named("log10_spread") = spread.log10_ratio() / 2);
}

// out[j] *= 2^(times own[j]).
void scale_by_own(const std::vector<double>& own, int times, std::vector<double>& out) {
  for (std::size_t j = 0; j < own.size(); ++j) {
    out[j] = std::ldexp(out[j], times * static_cast<int>(own[j]));
  }
}

}  // namespace

// Per column of a dense matrix, over the fitted rows (1-based, or NULL for all): missing and
// infinite cells, the largest absolute value, the exponent `own` that scales it to [0.5, 1), the
// mean, the mean weighted by `weights` (or NULL), and of 2^own x the centred sum of squares,
// missing cells counted at the mean; `is_complete`, `is_finite`: whether no cell is missing or
// infinite; `all`: see cpp_column_facts(). Scaling by a power of two is exact, so a second pass is
// needed only for weights and where squares of the cells as they are leave the range of numbers.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_summarise_columns(SEXP x, Rcpp::Nullable<Rcpp::IntegerVector> rows,
                                 Rcpp::Nullable<Rcpp::NumericVector> weights,
                                 const Rcpp::List& host) {
  const R_xlen_t p = Rf_ncols(x);
  const Rcpp::IntegerVector row_index =
      rows.isNull() ? Rcpp::IntegerVector() : Rcpp::IntegerVector(rows.get());
  const Rcpp::NumericVector row_weight =
      weights.isNull() ? Rcpp::NumericVector() : Rcpp::NumericVector(weights.get());
  const Cells cells{x, rows.isNull() ? nullptr : row_index.begin(),
                    rows.isNull() ? static_cast<R_xlen_t>(Rf_nrows(x)) : row_index.size(), p};
  for (const int row : row_index) {
    hdlmm::check_input(row >= 1 && row <= Rf_nrows(x), "fitted rows: their indices");
  }
  hdlmm::check_input(weights.isNull() || row_weight.size() == cells.n, "weights: their number");
  hdlmm::Context context = make_context(host);
  constexpr double kCellsWorthAThread = 1e6;
  if (static_cast<double>(cells.n) * static_cast<double>(p) < kCellsWorthAThread) {
    context.n_threads = 1;
  }
  ColumnSummary out(p);
  summarise_cells(cells, nullptr, std::vector<double>(p, 1.0).data(), out, context);
  std::vector<double> own(p);
  std::transform(out.max_abs.begin(), out.max_abs.end(), own.begin(), own_exponent);

  constexpr double kSquaresInRange = 400;
  const bool is_moderate =
      std::all_of(own.begin(), own.end(), [](double k) { return std::abs(k) < kSquaresInRange; });
  const auto is_zero = [](int count) { return count == 0; };
  const bool is_finite = std::all_of(out.n_infinite.begin(), out.n_infinite.end(), is_zero);
  if (is_moderate && weights.isNull()) {
    scale_by_own(own, 2, out.squares);
  } else if (is_finite) {
    std::vector<double> factor(p, 1.0);
    scale_by_own(own, 1, factor);
    summarise_cells(cells, weights.isNull() ? nullptr : row_weight.begin(), factor.data(), out,
                    context);
    scale_by_own(own, -1, out.mean);
    scale_by_own(own, -1, out.weighted_mean);
  }
  const bool is_complete = std::all_of(out.n_missing.begin(), out.n_missing.end(), is_zero);
  return Rcpp::List::create(
      Rcpp::Named("n_missing") = out.n_missing, Rcpp::Named("n_infinite") = out.n_infinite,
      Rcpp::Named("max_abs") = out.max_abs, Rcpp::Named("own") = own,
      Rcpp::Named("mean") = out.mean, Rcpp::Named("weighted_mean") = out.weighted_mean,
      Rcpp::Named("squares") = out.squares, Rcpp::Named("is_complete") = is_complete,
      Rcpp::Named("is_finite") = is_finite,
      Rcpp::Named("all") =
          list_of_facts(own.data(), out.mean.data(), out.squares.data(), out.max_abs.data(), p));
}

// Whether any of the numbers is infinite, without a vector of answers.
// [[Rcpp::export(rng = false)]]
bool cpp_has_infinite(const Rcpp::NumericVector& x) {
  constexpr R_xlen_t kCellsBetweenPolls = 1 << 22;
  for (R_xlen_t first = 0; first < x.size(); first += kCellsBetweenPolls) {
    Rcpp::checkUserInterrupt();
    const double* begin = x.begin() + first;
    const double* end = x.begin() + std::min(x.size(), first + kCellsBetweenPolls);
    if (std::any_of(begin, end, [](double cell) { return std::isinf(cell); })) return true;
  }
  return false;
}

// Of all columns together, from the moments of each [p]: `common`, the exponent that scales the
// largest cell to [0.5, 1); `squares`, the sum of the centred squares of 2^common x; whether there
// is a constant column other than 0 (`has_constant`) and one of zeros (`has_zero`); the decimal
// logarithm of the ratio of the largest to the smallest root of squares, constants aside.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_column_facts(const std::vector<double>& own, const std::vector<double>& mean,
                            const std::vector<double>& squares,
                            const std::vector<double>& max_abs) {
  hdlmm::check_input(
      mean.size() == own.size() && squares.size() == own.size() && max_abs.size() == own.size(),
      "moments of columns: their number");
  return list_of_facts(own.data(), mean.data(), squares.data(), max_abs.data(),
                       static_cast<R_xlen_t>(own.size()));
}
