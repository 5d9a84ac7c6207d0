#include "hdlmm/inference/terms/terms_gibbs.hpp"

#include <map>
#include <string>

#include "hdlmm/objective/terms_coordinates.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_terms.h"

using Rcpp::as;

namespace {

hdlmm::TermsMoves as_moves(const std::string& name) {
  static const std::map<std::string, hdlmm::TermsMoves> table = {
      {"automatic", hdlmm::TermsMoves::automatic},
      {"surface", hdlmm::TermsMoves::surface},
      {"slices", hdlmm::TermsMoves::slices},
      {"conditional", hdlmm::TermsMoves::conditional}};
  return table.at(name);
}

hdlmm::TermsGibbsOptions as_terms_gibbs_options(const Rcpp::List& list) {
  hdlmm::TermsGibbsOptions options;
  options.draws = as<int>(list["draws"]);
  options.warmup = as<int>(list["warmup"]);
  options.thin = as<int>(list["thin"]);
  options.chains = as<int>(list["chains"]);
  options.seed = static_cast<std::uint64_t>(as<double>(list["seed"]));
  if (list.containsElementNamed("moves")) options.moves = as_moves(as<std::string>(list["moves"]));
  return options;
}

}  // namespace

// Posterior draws of several terms; see sample_terms(). prior: see as_terms_prior();
// fixed_precision: [c x c], of delta, or NULL (flat); options: list(draws, warmup, thin, chains,
// seed, and moves if not the core's own), seed a whole number from 0 to 2^53. Draws chain by chain,
// N of them: relative [m x N], sigma2 [N], delta [c x N]; the share of proposals that were
// accepted, factors of V that were made, status ("completed" or "improper"), and for the latter the
// chain and the sweep (1-based) of the failure.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_gibbs(SEXP system, const Rcpp::List& prior, SEXP fixed_precision,
                           const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Matrix precision = optional_precision(fixed_precision, terms.model().q.cols());
  const hdlmm::TermsGibbsResult result = hdlmm::sample_terms(
      terms, as_terms_prior(prior), precision, as_terms_gibbs_options(options), make_context(host));
  const bool is_completed = result.status == hdlmm::TermsGibbsStatus::completed;
  return make_list({{"relative", hdlmm::outside_halves(terms.model(), result.relative)},
                    {"sigma2", result.sigma2},
                    {"delta", result.delta},
                    {"accepted", result.accepted},
                    {"evaluations", result.evaluations},
                    {"status", is_completed ? "completed" : "improper"},
                    {"chain", static_cast<int>(result.chain) + 1},
                    {"sweep", static_cast<double>(result.sweep)}});
}
