#include "r_eigen.h"

#include <algorithm>

namespace {

void require_doubles(SEXP x) {
  if (TYPEOF(x) != REALSXP)
    Rcpp::stop("expected doubles, found type '%s'", Rf_type2char(TYPEOF(x)));
}

}  // namespace

namespace Rcpp {

// A vector is one column.
template <>
Eigen::Map<Eigen::MatrixXd> as(SEXP x) {
  require_doubles(x);
  if (Rf_isMatrix(x)) return {REAL(x), Rf_nrows(x), Rf_ncols(x)};
  return {REAL(x), static_cast<Eigen::Index>(Rf_xlength(x)), 1};
}

template <>
Eigen::Map<Eigen::VectorXd> as(SEXP x) {
  require_doubles(x);
  return {REAL(x), static_cast<Eigen::Index>(Rf_xlength(x))};
}

template <>
Eigen::MatrixXd as(SEXP x) {
  const NumericMatrix matrix(x);
  return Eigen::Map<const Eigen::MatrixXd>(matrix.begin(), matrix.nrow(), matrix.ncol());
}

template <>
Eigen::VectorXd as(SEXP x) {
  const NumericVector vector(x);
  return Eigen::Map<const Eigen::VectorXd>(vector.begin(), vector.size());
}

template <>
SEXP wrap(const Eigen::MatrixXd& x) {
  const Shield<SEXP> out(
      Rf_allocMatrix(REALSXP, static_cast<int>(x.rows()), static_cast<int>(x.cols())));
  std::copy(x.data(), x.data() + x.size(), REAL(out));
  return out;
}

template <>
SEXP wrap(const Eigen::VectorXd& x) {
  const Shield<SEXP> out(Rf_allocVector(REALSXP, static_cast<R_xlen_t>(x.size())));
  std::copy(x.data(), x.data() + x.size(), REAL(out));
  return out;
}

}  // namespace Rcpp
