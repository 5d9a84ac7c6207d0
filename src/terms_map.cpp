#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hdlmm/inference/terms/row_polish.hpp"
#include "hdlmm/inference/terms/terms_em.hpp"
#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"
#include "hdlmm/objective/terms_posterior.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_system.h"
#include "r_terms.h"

using Rcpp::as;

namespace {

hdlmm::TermsPosterior posterior_of(const hdlmm::TermsSystem& system, const Rcpp::List& prior) {
  return hdlmm::TermsPosterior(
      system, as_terms_prior(prior),
      optional_precision(prior["fixed_precision"], system.model().q.cols()));
}

hdlmm::TermsEmOptions as_terms_em_options(const Rcpp::List& list, const hdlmm::TermsModel& model) {
  hdlmm::TermsEmOptions out;
  out.tol = as<double>(list["tol"]);
  out.max_iter = as<int>(list["max_iter"]);
  if (!list.containsElementNamed("limit") || Rf_isNull(list["limit"])) return out;
  out.limit = as_start(model, list["limit"]);
  out.limit_value = as<double>(list["limit_value"]);
  return out;
}

}  // namespace

// The mode of log-likelihood plus log prior, as cpp_terms_search(); prior: see
// internal_terms_prior(). `value` is that of the sum, without the constants of the prior.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_search_posterior(SEXP system, const Rcpp::List& prior, SEXP start,
                                      const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::TermsPosterior posterior = posterior_of(terms, prior);
  const hdlmm::TermsOptions chosen = as_terms_options(options, terms);
  const hdlmm::Context context = make_context(host);
  hdlmm::TermsMode mode =
      hdlmm::search_terms(posterior, as_start(terms.model(), start), chosen, context);
  mode = hdlmm::polish_rows(posterior, std::move(mode), chosen, context);
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

// EM ("em") or PX-EM ("pxem"); prior: NULL, or of the posterior whose mode is wanted. options:
// list(tol, max_iter, limit, limit_value), limit a list of S_k or NULL; see TermsEmOptions.
// list(value, sigma2, relative: of every iterate, status).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_em(SEXP system, const std::string& criterion, const std::string& kind,
                        SEXP prior, SEXP start, const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::TermsModel& model = terms.model();
  hdlmm::TermsEmModel em;
  em.is_ml = as_criterion(criterion) == hdlmm::Criterion::ml;
  em.is_expanded = kind == "pxem";
  std::unique_ptr<hdlmm::TermsPosterior> posterior;
  if (!Rf_isNull(prior)) {
    posterior = std::make_unique<hdlmm::TermsPosterior>(posterior_of(terms, Rcpp::List(prior)));
    em.posterior = posterior.get();
  }
  const hdlmm::TermsEmResult found = hdlmm::fit_terms_em(
      terms, em, as_start(model, start), as_terms_em_options(options, model), make_context(host));
  std::vector<double> value, sigma2;
  std::vector<Rcpp::List> relative;
  for (const hdlmm::TermsEmPoint& point : found.trace) {
    value.push_back(point.value);
    sigma2.push_back(point.sigma2);
    const auto at = hdlmm::Covariances::of(model.shapes, point.relative);
    relative.push_back(as_r_list(hdlmm::outside(model, at)));
  }
  return make_list({{"value", value},
                    {"sigma2", sigma2},
                    {"relative", as_r_list(relative)},
                    {"status", hdlmm::name(found.status)}});
}
