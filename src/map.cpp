#include "hdlmm/base/checks.hpp"
#include "hdlmm/objective/penalised_likelihood.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_prior.h"
#include "r_search.h"
#include "r_system.h"

namespace {

hdlmm::PenalisedLikelihood make_objective(const hdlmm::SpectralSystem& spectral,
                                          const Rcpp::List& prior,
                                          const hdlmm::ConstMatrix& prior_root) {
  const hdlmm::Index c = spectral.n_fixed();
  hdlmm::check_input(prior_root.rows() == 0 || (prior_root.rows() == c && prior_root.cols() == c),
                     "a prior of the fixed effects: its size");
  return hdlmm::PenalisedLikelihood(spectral, as_variance_prior(prior), prior_root);
}

}  // namespace

// Every mode of log-likelihood plus log prior over h in [0, 1]; prior_root [c x c] in the turned
// basis, or without rows.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_search_posterior(const Rcpp::List& system, const Rcpp::List& prior,
                                const Eigen::Map<Eigen::MatrixXd> prior_root,
                                const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::PenalisedLikelihood objective = make_objective(spectral, prior, prior_root);
  return run_search(objective, as_search_options(options), make_context(host));
}

// Where the same objective falls below `floor`: see cpp_profile_limits().
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector cpp_posterior_limits(const Rcpp::List& system, const Rcpp::List& prior,
                                         const Eigen::Map<Eigen::MatrixXd> prior_root,
                                         const Rcpp::List& curve, double floor,
                                         bool has_mode_at_zero) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::PenalisedLikelihood objective = make_objective(spectral, prior, prior_root);
  return run_limits(objective, curve, floor, has_mode_at_zero);
}

// The same objective along phi = log(sigma_b^2 / sigma_e^2).
// [[Rcpp::export(rng = false)]]
Rcpp::DataFrame cpp_posterior_curve(const Rcpp::List& system, const Rcpp::List& prior,
                                    const Eigen::Map<Eigen::MatrixXd> prior_root,
                                    const std::vector<double>& phi) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::PenalisedLikelihood objective = make_objective(spectral, prior, prior_root);
  std::vector<hdlmm::ProfilePoint> points;
  for (const double at : phi) {
    Rcpp::checkUserInterrupt();
    points.push_back(objective.at(at));
  }
  return as_frame(points);
}
