#include "r_design.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

namespace {

using Operator = std::unique_ptr<hdlmm::DesignOperator>;
using Builder = Operator (*)(const Rcpp::List&, const hdlmm::Vector&);

std::vector<hdlmm::Index> zero_based(SEXP index) {
  if (Rf_isNull(index)) return {};
  const Rcpp::IntegerVector values(index);
  std::vector<hdlmm::Index> out(static_cast<std::size_t>(values.size()));
  // as Index: NA - 1 has no place in an int
  for (R_xlen_t i = 0; i < values.size(); ++i) {
    out[static_cast<std::size_t>(i)] = hdlmm::Index{values[i]} - 1;
  }
  return out;
}

template <typename T>
Operator make_typed(const Rcpp::List& design, const T* cells, const hdlmm::Vector& row_scale) {
  hdlmm::StoredMatrix<T> stored;
  const SEXP x = design["x"];
  stored.cells = cells;
  stored.stride = Rf_nrows(x);
  stored.cols = Rf_ncols(x);
  stored.rows = zero_based(design["rows"]);
  stored.rows_fitted =
      stored.rows.empty() ? stored.stride : static_cast<hdlmm::Index>(stored.rows.size());
  hdlmm::CellTransform transform{optional_vector(design["shift"]), optional_vector(design["scale"]),
                                 optional_vector(design["fill"]), row_scale};
  return Operator(new hdlmm::DenseOperator<T>(std::move(stored), std::move(transform)));
}

Operator make_dense(const Rcpp::List& design, const hdlmm::Vector& row_scale) {
  const SEXP x = design["x"];
  switch (TYPEOF(x)) {
    case REALSXP:
      return make_typed<double>(design, REAL(x), row_scale);
    case INTSXP:
      return make_typed<int>(design, INTEGER(x), row_scale);
    case LGLSXP:
      return make_typed<int>(design, LOGICAL(x), row_scale);
    case RAWSXP:
      return make_typed<std::uint8_t>(design, RAW(x), row_scale);
    default:
      throw std::invalid_argument("a dense design must be double, integer, logical or raw");
  }
}

Operator make_sparse(const Rcpp::List& design, const hdlmm::Vector& row_scale) {
  const Rcpp::S4 x = design["x"];
  const Rcpp::IntegerVector start = x.slot("p"), row = x.slot("i"), dim = x.slot("Dim");
  const Rcpp::NumericVector value = x.slot("x");
  hdlmm::check_input(dim.size() == 2, "a sparse design: number of dimensions");
  hdlmm::check_input(row.size() == value.size(), "a sparse design: number of stored cells");
  const hdlmm::StoredSparse stored{start.begin(), row.begin(),  value.begin(), dim[0],
                                   dim[1],        start.size(), value.size()};
  return Operator(new hdlmm::SparseOperator(stored, optional_vector(design["shift"]),
                                            optional_vector(design["scale"]), row_scale));
}

Operator make_grouped(const Rcpp::List& design, const hdlmm::Vector& row_scale) {
  return Operator(new hdlmm::GroupedOperator(zero_based(design["x"]),
                                             Rcpp::as<int>(design["n_cols"]), row_scale));
}

Operator make_level(const Rcpp::List& design, const hdlmm::Vector& row_scale) {
  return Operator(new hdlmm::LevelOperator(zero_based(design["x"]),
                                           Rcpp::as<int>(design["n_levels"]),
                                           Rcpp::as<hdlmm::Matrix>(design["values"]), row_scale));
}

Operator make_kernel(const Rcpp::List& design, const hdlmm::Vector& row_scale) {
  const SEXP x = design["x"];
  hdlmm::check_input(TYPEOF(x) == REALSXP && Rf_nrows(x) == Rf_ncols(x),
                     "a kernel: not a square matrix of numbers");
  const double scale = Rcpp::as<double>(design["scale"]);
  const auto rounding = Rcpp::as<Rcpp::NumericVector>(design["rounding"]);
  return Operator(new hdlmm::KernelOperator(REAL(x), Rf_nrows(x), scale, zero_based(design["unit"]),
                                            row_scale, {rounding[0], rounding[1]}));
}

const std::map<std::string, Builder>& builders() {
  static const std::map<std::string, Builder> table = {{"dense", make_dense},
                                                       {"sparse", make_sparse},
                                                       {"grouped", make_grouped},
                                                       {"level", make_level},
                                                       {"kernel", make_kernel}};
  return table;
}

}  // namespace

hdlmm::Vector optional_vector(SEXP x) {
  return Rf_isNull(x) ? hdlmm::Vector() : Rcpp::as<hdlmm::Vector>(x);
}

Operator make_levels(const Rcpp::List& design, SEXP row_scale, hdlmm::Matrix& turn) {
  hdlmm::check_input(Rcpp::as<std::string>(design["kind"]) == "level",
                     "several coefficients a level: kind of the design");
  auto values = Rcpp::as<hdlmm::Matrix>(design["values"]);
  turn = hdlmm::uncorrelate_columns(values);
  return Operator(new hdlmm::LevelOperator(zero_based(design["x"]),
                                           Rcpp::as<int>(design["n_levels"]), std::move(values),
                                           optional_vector(row_scale)));
}

Operator make_operator(const Rcpp::List& design, SEXP row_scale) {
  return builders().at(Rcpp::as<std::string>(design["kind"]))(design, optional_vector(row_scale));
}
