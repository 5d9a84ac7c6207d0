#ifndef HDLMM_R_PRIOR_H
#define HDLMM_R_PRIOR_H

#include <RcppEigen.h>

#include "hdlmm/model/variance_prior.hpp"

// prior: list(on_shares, first, second, kappa), first and second list(kind, a, b), all in the
// units of the core; see internal_prior() in R/prior-internal.R.
hdlmm::VariancePrior as_variance_prior(const Rcpp::List& prior);

#endif  // HDLMM_R_PRIOR_H
