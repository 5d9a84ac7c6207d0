#include <algorithm>
#include <cmath>
#include <cstdint>

#include <RcppEigen.h>

#include "hdlmm/operator/dense_operator.hpp"

namespace {

using hdlmm::is_missing;

bool is_infinite(double x) { return std::isinf(x); }
bool is_infinite(int) { return false; }
bool is_infinite(std::uint8_t) { return false; }

struct ColumnSummary {
  Rcpp::IntegerVector n_missing, n_infinite;
  Rcpp::NumericVector max_abs, mean, weighted_mean, squares;

  explicit ColumnSummary(R_xlen_t p)
      : n_missing(p), n_infinite(p), max_abs(p), mean(p), weighted_mean(p), squares(p) {}
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
                   const double* weight, const double* factor, ColumnSummary& out) {
  for (R_xlen_t j = 0; j < p; ++j) {
    if (j % 1024 == 0) Rcpp::checkUserInterrupt();
    summarise(cells + j * stride, rows, n, weight, factor[j], j, out);
  }
}

}  // namespace

// Per column of a dense matrix, over the fitted rows (1-based, or NULL for all): missing and
// infinite cells, largest absolute value, and of factor[j] * x the mean, the weighted mean and the
// centred sum of squares, missing cells counted at the mean.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_summarise_columns(SEXP x, Rcpp::Nullable<Rcpp::IntegerVector> rows,
                                 Rcpp::Nullable<Rcpp::NumericVector> weights,
                                 const Rcpp::NumericVector& factor) {
  if (factor.size() != Rf_ncols(x)) throw std::invalid_argument("one factor a column is expected");
  const R_xlen_t stride = Rf_nrows(x), p = Rf_ncols(x);
  const Rcpp::IntegerVector row_index =
      rows.isNull() ? Rcpp::IntegerVector() : Rcpp::IntegerVector(rows.get());
  const Rcpp::NumericVector row_weight =
      weights.isNull() ? Rcpp::NumericVector() : Rcpp::NumericVector(weights.get());
  const int* index = rows.isNull() ? nullptr : row_index.begin();
  const double* weight = weights.isNull() ? nullptr : row_weight.begin();
  const R_xlen_t n = rows.isNull() ? stride : row_index.size();
  ColumnSummary out(p);
  switch (TYPEOF(x)) {
    case REALSXP:
      summarise_all(REAL(x), stride, p, index, n, weight, factor.begin(), out);
      break;
    case INTSXP:
      summarise_all(INTEGER(x), stride, p, index, n, weight, factor.begin(), out);
      break;
    case LGLSXP:
      summarise_all(LOGICAL(x), stride, p, index, n, weight, factor.begin(), out);
      break;
    case RAWSXP:
      summarise_all(RAW(x), stride, p, index, n, weight, factor.begin(), out);
      break;
    default:
      throw std::invalid_argument("x must be a double, integer, logical or raw matrix");
  }
  return Rcpp::List::create(
      Rcpp::Named("n_missing") = out.n_missing, Rcpp::Named("n_infinite") = out.n_infinite,
      Rcpp::Named("max_abs") = out.max_abs, Rcpp::Named("mean") = out.mean,
      Rcpp::Named("weighted_mean") = out.weighted_mean, Rcpp::Named("squares") = out.squares);
}
