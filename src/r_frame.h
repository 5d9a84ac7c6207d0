#ifndef HDLMM_R_FRAME_H
#define HDLMM_R_FRAME_H

#include <Rcpp/Lightest>

// A data frame of columns that are one as long as the other, n rows. Rcpp's own constructor calls
// as.data.frame() back in R, 0.1 ms a time, which a small fit has ten of.
inline Rcpp::DataFrame make_frame(Rcpp::List columns, R_xlen_t n) {
  columns.attr("row.names") = Rcpp::IntegerVector::create(NA_INTEGER, -static_cast<int>(n));
  columns.attr("class") = "data.frame";
  return Rcpp::DataFrame(columns);
}

#endif  // HDLMM_R_FRAME_H
