// A reference that keeps its value in this session only: serialisation leaves it empty.

#include <Rinternals.h>

// The value lives as long as the key.
// [[Rcpp::export]]
SEXP cpp_weak_reference(SEXP key, SEXP value) {
  return R_MakeWeakRef(key, value, R_NilValue, FALSE);
}

// [[Rcpp::export]]
SEXP cpp_weak_value(SEXP reference) {
  return TYPEOF(reference) == WEAKREFSXP ? R_WeakRefValue(reference) : R_NilValue;
}
