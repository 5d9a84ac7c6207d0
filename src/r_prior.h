#ifndef HDLMM_R_PRIOR_H
#define HDLMM_R_PRIOR_H

#include "hdlmm/model/terms_prior.hpp"
#include "hdlmm/model/variance_prior.hpp"

#include "r_eigen.h"

// density: list(kind, a, b), of one variance or share.
hdlmm::ParameterDensity as_density(const Rcpp::List& density);

// prior: list(on_shares, first, second, kappa), first and second list(kind, a, b), all in the
// units of the core; see internal_prior() in R/prior-internal.R.
hdlmm::VariancePrior as_variance_prior(const Rcpp::List& prior);

// Of several terms: list(terms, second) on variances, terms a list of list(kind, a, b) with b a
// vector for a block, widths; list(shares, second, moments) on shares, shares list(is_split,
// alpha); see internal_terms_prior() in R/prior-terms.R.
hdlmm::TermsPrior as_terms_prior(const Rcpp::List& prior);

// Prior precision [c x c] of the coefficients of Q, empty for NULL.
hdlmm::Matrix optional_precision(SEXP precision, hdlmm::Index c);

#endif  // HDLMM_R_PRIOR_H
