#ifndef HDLMM_R_DESIGN_H
#define HDLMM_R_DESIGN_H

#include <memory>

#include "hdlmm/operator/design_operator.hpp"

#include "r_eigen.h"

// The operator of one random term over the user's own memory, which must outlive it.
// design: list(kind, x, rows, shift, scale, fill, ...) as R/design.R builds it;
// row_scale: root weights [n] or NULL.
std::unique_ptr<hdlmm::DesignOperator> make_operator(const Rcpp::List& design, SEXP row_scale);

// The operator of coefficients by level with columns that are uncorrelated: X (I (x) turn).
std::unique_ptr<hdlmm::DesignOperator> make_levels(const Rcpp::List& design, SEXP row_scale,
                                                   hdlmm::Matrix& turn);

// A numeric vector of R, empty for NULL.
hdlmm::Vector optional_vector(SEXP x);

#endif  // HDLMM_R_DESIGN_H
