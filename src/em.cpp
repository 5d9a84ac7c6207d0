#include <map>
#include <string>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/inference/em/expectation_maximisation.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_frame.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_system.h"

using Rcpp::as;

namespace {

hdlmm::EmModel as_em_model(const std::string& criterion, const std::string& kind, double p,
                           SEXP prior, SEXP fixed_precision, hdlmm::Index c) {
  static const std::map<std::string, hdlmm::EmKind> kinds = {{"em", hdlmm::EmKind::em},
                                                             {"pxem", hdlmm::EmKind::pxem}};
  hdlmm::EmModel model;
  model.criterion = as_criterion(criterion);
  model.kind = kinds.at(kind);
  model.n_effects = p;
  if (!Rf_isNull(prior)) model.prior = as_variance_prior(as<Rcpp::List>(prior));
  model.fixed_precision = optional_precision(fixed_precision, c);
  return model;
}

hdlmm::EmOptions as_em_options(const Rcpp::List& list) {
  hdlmm::EmOptions options;
  options.tol = as<double>(list["tol"]);
  options.max_iter = as<int>(list["max_iter"]);
  options.accelerate = as<bool>(list["accelerate"]);
  return options;
}

// start: list(h, nu, tau2, delta).
hdlmm::EmState as_em_state(const Rcpp::List& start, double kappa) {
  const double tau2 = as<double>(start["tau2"]);
  return {tau2 * as<double>(start["h"]) / kappa, tau2 * as<double>(start["nu"]),
          as<hdlmm::Vector>(start["delta"])};
}

std::string status_name(hdlmm::EmStatus status) {
  switch (status) {
    case hdlmm::EmStatus::converged:
      return "converged";
    case hdlmm::EmStatus::boundary_random:
      return "boundary_random";
    case hdlmm::EmStatus::boundary_residual:
      return "boundary_residual";
    case hdlmm::EmStatus::unbounded:
      return "unbounded";
    default:
      return "iteration_limit";
  }
}

Rcpp::DataFrame as_frame(const std::vector<hdlmm::EmPoint>& trace) {
  const R_xlen_t n = static_cast<R_xlen_t>(trace.size());
  Rcpp::NumericVector value(n), h(n), nu(n), tau2(n);
  for (R_xlen_t i = 0; i < n; ++i) {
    const hdlmm::EmPoint& point = trace[static_cast<std::size_t>(i)];
    value[i] = point.value;
    h[i] = point.share.h;
    nu[i] = point.share.nu;
    tau2[i] = point.tau2;
  }
  return make_frame(make_list({{"value", value}, {"h", h}, {"nu", nu}, {"tau2", tau2}}), n);
}

}  // namespace

// EM ("em") or PX-EM ("pxem") for the criterion; p: number of coefficients, see EmModel.
// options: list(tol, max_iter, accelerate); prior, fixed_precision [c x c], start: NULL or given.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_em(const Rcpp::List& system, const std::string& criterion, const std::string& kind,
                  double p, const Rcpp::List& options, SEXP prior, SEXP fixed_precision, SEXP start,
                  const Rcpp::List& host) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::EmModel model =
      as_em_model(criterion, kind, p, prior, fixed_precision, spectral.n_fixed());
  const hdlmm::EmState from = Rf_isNull(start)
                                  ? hdlmm::start_em(spectral)
                                  : as_em_state(as<Rcpp::List>(start), spectral.kappa());
  hdlmm::check_input(from.delta.size() == spectral.n_fixed(), "a start of EM: fixed effects");
  const hdlmm::EmResult result =
      hdlmm::fit_em(spectral, model, from, as_em_options(options), make_context(host));
  const hdlmm::EmPoint& last = result.trace.back();
  return make_list({{"trace", as_frame(result.trace)},
                    {"h", last.share.h},
                    {"nu", last.share.nu},
                    {"tau2", last.tau2},
                    {"delta", result.state.delta},
                    {"status", status_name(result.status)},
                    {"iterations", result.iterations}});
}
