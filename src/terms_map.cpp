#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"
#include "hdlmm/objective/terms_posterior.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_terms.h"

namespace {

hdlmm::TermsPosterior posterior_of(const hdlmm::TermsSystem& system, const Rcpp::List& prior) {
  return hdlmm::TermsPosterior(
      system, as_terms_prior(prior),
      optional_precision(prior["fixed_precision"], system.model().q.cols()));
}

}  // namespace

// The mode of log-likelihood plus log prior, as cpp_terms_search(); prior: see
// internal_terms_prior(). `value` is that of the sum, without the constants of the prior.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_search_posterior(SEXP system, const Rcpp::List& prior, SEXP start,
                                      const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::TermsPosterior posterior = posterior_of(terms, prior);
  const hdlmm::TermsMode mode =
      hdlmm::search_terms(posterior, as_start(terms.model(), start),
                          as_terms_options(options, terms), make_context(host));
  return as_list(terms.model(), mode);
}

// The same at given covariances.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_posterior(SEXP system, const Rcpp::List& prior, const Rcpp::List& relative,
                               const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  const hdlmm::TermsPosterior posterior = posterior_of(terms, prior);
  return as_list(terms.model(), at, posterior.evaluate(at, true, make_context(host)));
}
