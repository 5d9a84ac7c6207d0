#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/operator/column_summary.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"

namespace {

Rcpp::List list_of_facts(const hdlmm::ColumnFacts& facts) {
  return make_list({{"common", facts.common},
                    {"squares", facts.squares},
                    {"has_constant", facts.has_constant},
                    {"has_zero", facts.has_zero},
                    {"log10_spread", facts.log10_spread}});
}

// rows: 1-based, null for all.
hdlmm::ColumnSummary summarise(SEXP x, const int* rows, R_xlen_t n, const double* weight,
                               const hdlmm::Context& context) {
  const auto of = [&](const auto* cells) {
    using Cell = std::remove_cv_t<std::remove_pointer_t<decltype(cells)>>;
    const hdlmm::RawColumns<Cell> columns{cells, Rf_nrows(x), Rf_ncols(x), rows, n};
    return hdlmm::summarise_columns(columns, weight, context);
  };
  switch (TYPEOF(x)) {
    case REALSXP:
      return of(REAL(x));
    case INTSXP:
      return of(INTEGER(x));
    case LGLSXP:
      return of(LOGICAL(x));
    case RAWSXP:
      return of(RAW(x));
    default:
      throw std::invalid_argument("x must be a double, integer, logical or raw matrix");
  }
}

}  // namespace

// Per column of a dense matrix, over the fitted rows (1-based, or NULL for all) and by `weights`
// (or NULL): the fields of a ColumnSummary; `is_complete`, `is_finite`: whether no cell is missing
// or infinite; `all`: see cpp_column_facts().
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_summarise_columns(SEXP x, Rcpp::Nullable<Rcpp::IntegerVector> rows,
                                 Rcpp::Nullable<Rcpp::NumericVector> weights,
                                 const Rcpp::List& host) {
  const Rcpp::IntegerVector row_index =
      rows.isNull() ? Rcpp::IntegerVector() : Rcpp::IntegerVector(rows.get());
  const Rcpp::NumericVector row_weight =
      weights.isNull() ? Rcpp::NumericVector() : Rcpp::NumericVector(weights.get());
  const R_xlen_t n = rows.isNull() ? static_cast<R_xlen_t>(Rf_nrows(x)) : row_index.size();
  for (const int row : row_index) {
    hdlmm::check_input(row >= 1 && row <= Rf_nrows(x), "fitted rows: their indices");
  }
  hdlmm::check_input(weights.isNull() || row_weight.size() == n, "weights: their number");
  const hdlmm::ColumnSummary out =
      summarise(x, rows.isNull() ? nullptr : row_index.begin(), n,
                weights.isNull() ? nullptr : row_weight.begin(), make_context(host));
  return make_list(
      {{"n_missing", out.n_missing},
       {"n_infinite", out.n_infinite},
       {"max_abs", out.max_abs},
       {"own", out.own},
       {"mean", out.mean},
       {"weighted_mean", out.weighted_mean},
       {"squares", out.squares},
       {"is_complete", out.is_complete()},
       {"is_finite", out.is_finite()},
       {"all", list_of_facts(hdlmm::column_facts(out.own, out.mean, out.squares, out.max_abs))}});
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

// Of all columns together, from the moments of each [p]: see ColumnFacts.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_column_facts(const std::vector<double>& own, const std::vector<double>& mean,
                            const std::vector<double>& squares,
                            const std::vector<double>& max_abs) {
  hdlmm::check_input(
      mean.size() == own.size() && squares.size() == own.size() && max_abs.size() == own.size(),
      "moments of columns: their number");
  return list_of_facts(hdlmm::column_facts(own, mean, squares, max_abs));
}
