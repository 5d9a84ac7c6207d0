#ifndef HDLMM_R_PRIOR_H
#define HDLMM_R_PRIOR_H

#include "hdlmm/model/variance_prior.hpp"

#include "r_eigen.h"

// prior: list(on_shares, first, second, kappa), first and second list(kind, a, b), all in the
// units of the core; see internal_prior() in R/prior-internal.R.
hdlmm::VariancePrior as_variance_prior(const Rcpp::List& prior);

// Prior precision [c x c] of the coefficients of Q, empty for NULL.
hdlmm::Matrix optional_precision(SEXP precision, hdlmm::Index c);

#endif  // HDLMM_R_PRIOR_H
