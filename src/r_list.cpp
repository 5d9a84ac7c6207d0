#include "r_list.h"

#include <algorithm>

ListItem::ListItem(const char* name, bool value) : name_(name), value_(Rf_ScalarLogical(value)) {}

ListItem::ListItem(const char* name, int value) : name_(name), value_(Rf_ScalarInteger(value)) {}

ListItem::ListItem(const char* name, double value) : name_(name), value_(Rf_ScalarReal(value)) {}

ListItem::ListItem(const char* name, const char* value) : name_(name), value_(Rf_mkString(value)) {}

ListItem::ListItem(const char* name, const std::string& value) : ListItem(name, value.c_str()) {}

ListItem::ListItem(const char* name, const std::vector<int>& value)
    : name_(name), value_(Rf_allocVector(INTSXP, static_cast<R_xlen_t>(value.size()))) {
  std::copy(value.begin(), value.end(), INTEGER(value_));
}

ListItem::ListItem(const char* name, const std::vector<double>& value)
    : name_(name), value_(Rf_allocVector(REALSXP, static_cast<R_xlen_t>(value.size()))) {
  std::copy(value.begin(), value.end(), REAL(value_));
}

ListItem::ListItem(const char* name, const hdlmm::Vector& value)
    : name_(name), value_(Rcpp::wrap(value)) {}

ListItem::ListItem(const char* name, const hdlmm::Matrix& value)
    : name_(name), value_(Rcpp::wrap(value)) {}

Rcpp::List make_list(std::initializer_list<ListItem> items) {
  const R_xlen_t n = static_cast<R_xlen_t>(items.size());
  const Rcpp::Shield<SEXP> out(Rf_allocVector(VECSXP, n)), names(Rf_allocVector(STRSXP, n));
  R_xlen_t i = 0;
  for (const ListItem& item : items) {
    SET_VECTOR_ELT(out, i, item.value());
    SET_STRING_ELT(names, i, Rf_mkChar(item.name()));
    ++i;
  }
  Rf_setAttrib(out, R_NamesSymbol, names);
  return Rcpp::List(static_cast<SEXP>(out));
}
