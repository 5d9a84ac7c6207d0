#include "hdlmm/inference/gibbs/gibbs.hpp"

#include "hdlmm/base/checks.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_system.h"

using Rcpp::as;

namespace {

hdlmm::GibbsOptions as_gibbs_options(const Rcpp::List& list) {
  hdlmm::GibbsOptions options;
  options.draws = as<int>(list["draws"]);
  options.warmup = as<int>(list["warmup"]);
  options.thin = as<int>(list["thin"]);
  options.chains = as<int>(list["chains"]);
  options.seed = static_cast<std::uint64_t>(as<double>(list["seed"]));
  if (list.containsElementNamed("start_spread")) {
    options.start_spread = as<double>(list["start_spread"]);
  }
  if (list.containsElementNamed("is_collapsed")) {
    options.is_collapsed = as<bool>(list["is_collapsed"]);
  }
  return options;
}

}  // namespace

// Posterior draws by Gibbs sampling in spectral coordinates; all in the units of the core.
// prior: see r_prior.h; fixed_precision: [c x c], of delta, or NULL
// (flat); options: list(draws, warmup, thin, chains, seed, and start_spread and is_collapsed if
// not the core's own), seed a whole number from 0 to 2^53.
// Returns random and residual [draws x chains], delta [c x (draws * chains)] chain by chain, status
// ("completed" or "improper"), and for the latter the chain and the sweep (1-based) of the failure.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_gibbs(const Rcpp::List& system, const Rcpp::List& prior, SEXP fixed_precision,
                     const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::Matrix precision = optional_precision(fixed_precision, spectral.n_fixed());
  const hdlmm::GibbsResult result = hdlmm::sample_gibbs(
      spectral, as_variance_prior(prior), precision, as_gibbs_options(options), make_context(host));
  const bool is_completed = result.status == hdlmm::GibbsStatus::completed;
  return make_list({{"random", result.random},
                    {"residual", result.residual},
                    {"delta", result.delta},
                    {"status", is_completed ? "completed" : "improper"},
                    {"chain", static_cast<int>(result.chain) + 1},
                    {"sweep", static_cast<double>(result.sweep)}});
}
