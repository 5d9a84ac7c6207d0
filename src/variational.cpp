#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/inference/variational/coordinate_ascent.hpp"
#include "hdlmm/inference/variational/factorised_columns.hpp"
#include "hdlmm/inference/variational/full_variational.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_frame.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_search.h"
#include "r_system.h"
#include "r_variational.h"

using Rcpp::as;
using Rcpp::Named;

namespace {

// The columns and the operator that they borrow.
struct Columns {
  std::unique_ptr<hdlmm::DesignOperator> x;
  std::unique_ptr<hdlmm::FactorisedColumns> factorised;

  const hdlmm::FactorisedColumns& operator*() const { return *factorised; }
  const hdlmm::FactorisedColumns* operator->() const { return factorised.get(); }
};

// columns: list(design, row_scale, means, constant, block, n_blocks); see vb_columns() in R.
Columns make_columns(const Rcpp::List& columns, const hdlmm::Context& context) {
  Columns out;
  out.x = make_operator(columns["design"], columns["row_scale"]);
  hdlmm::ColumnMeans shift{optional_vector(columns["means"]), optional_vector(columns["constant"])};
  const SEXP block = columns["block"];
  if (Rf_isNull(block)) {
    out.factorised = std::make_unique<hdlmm::FactorisedColumns>(*out.x, std::move(shift));
  } else {
    out.factorised = std::make_unique<hdlmm::FactorisedColumns>(
        *out.x, std::move(shift), as<std::vector<int>>(block), as<int>(columns["n_blocks"]),
        context);
  }
  return out;
}

// model: list(prior or NULL, fixed_precision or NULL, start = c(random, residual) variances).
hdlmm::VariationalModel make_model(const Rcpp::List& model, const Columns& columns,
                                   hdlmm::Index c) {
  const hdlmm::Index n = columns.x->rows(), p = columns.x->cols();
  const SEXP prior = model["prior"], precision = model["fixed_precision"];
  hdlmm::VariationalModel out =
      Rf_isNull(prior) ? hdlmm::VariationalModel(columns->factors(), n, p)
                       : hdlmm::VariationalModel(columns->factors(), n, p, as_variance_prior(prior),
                                                 optional_precision(precision, c));
  const std::vector<double> start = as<std::vector<double>>(model["start"]);
  hdlmm::check_input(start.size() == 2, "variances to start from: their number");
  out.set_precisions(1 / start[0], 1 / start[1]);
  return out;
}

Rcpp::DataFrame as_frame(const std::vector<hdlmm::BoundPoint>& trace) {
  Rcpp::NumericVector elbo, random, residual;
  for (const hdlmm::BoundPoint& point : trace) {
    elbo.push_back(point.elbo);
    random.push_back(point.random);
    residual.push_back(point.residual);
  }
  return make_frame(make_list({{"elbo", elbo}, {"random", random}, {"residual", residual}}),
                    elbo.size());
}

Rcpp::NumericVector as_numbers(const hdlmm::VarianceFactor& factor) {
  return Rcpp::NumericVector::create(Named("shape") = factor.shape(),
                                     Named("scale") = factor.scale());
}

// What is known of q once both variances are: list(share, tau2, bound, gap, shrunk, ...).
Rcpp::List describe(const hdlmm::CollapsedBound& bound, const hdlmm::SpectralSystem& system,
                    const Columns& columns, const hdlmm::Share& share, double tau2,
                    const hdlmm::Context& context) {
  const double gap = hdlmm::factorisation_gap(hdlmm::gram_spectrum(system.parts()), bound.factors(),
                                              share, system.kappa());
  return make_list({{"h", share.h},
                    {"nu", share.nu},
                    {"tau2", tau2},
                    {"bound", bound.value(system.evaluate(share, hdlmm::Detail::marginal), tau2)},
                    {"gap", gap},
                    {"shrunk", columns->shrunk_variances(share, system.kappa(), context)}});
}

Rcpp::List describe(const hdlmm::SpectralSystem& system, const Columns& columns,
                    const hdlmm::VariationalModel& model, const hdlmm::Context& context) {
  const double kappa = system.kappa();
  const hdlmm::CollapsedBound bound(system, columns->factors());
  Rcpp::List out =
      describe(bound, system, columns, model.share(kappa), model.total(kappa), context);
  out.push_back(as_numbers(model.random()), "random");
  out.push_back(as_numbers(model.residual()), "residual");
  out.push_back(model.fixed_covariance(system.n_fixed()), "fixed_covariance");
  return out;
}

}  // namespace

hdlmm::AscentOptions as_ascent_options(const Rcpp::List& options) {
  hdlmm::AscentOptions out;
  out.tol = as<double>(options["tol"]);
  out.max_iter = as<int>(options["max_iter"]);
  const bool is_random = as<std::string>(options["sweep"]) == "random";
  out.sweep = is_random ? hdlmm::Sweep::random : hdlmm::Sweep::cyclic;
  out.seed = static_cast<std::uint64_t>(as<double>(options["seed"]));
  return out;
}

// Every mode of the collapsed bound, and q at the highest one.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_search_bound(const Rcpp::List& system, const Rcpp::List& columns,
                            const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::Context context = make_context(host);
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const Columns own = make_columns(columns, context);
  const hdlmm::CollapsedBound bound(spectral, own->factors());
  Rcpp::List out = run_search(bound, as_search_options(options), context);
  const Rcpp::List modes = out["modes"];
  const Rcpp::NumericVector h = modes["h"], nu = modes["nu"], tau2 = modes["tau2"];
  if (h.size() == 0) return out;
  out.push_back(describe(bound, spectral, own, {h[0], nu[0]}, tau2[0], context), "q");
  return out;
}

// The collapsed bound along phi = log(sigma_b^2 / sigma_e^2), infinite values included.
// [[Rcpp::export(rng = false)]]
Rcpp::DataFrame cpp_bound_curve(const Rcpp::List& system, const Rcpp::List& columns,
                                const std::vector<double>& phi, const Rcpp::List& host) {
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const Columns own = make_columns(columns, make_context(host));
  const hdlmm::CollapsedBound bound(spectral, own->factors());
  std::vector<hdlmm::ProfilePoint> points;
  for (const double at : phi) {
    Rcpp::checkUserInterrupt();
    points.push_back(bound.at(at));
  }
  return as_frame(points);
}

// Coordinate ascent from given variances: list(trace, is_converged, effects, delta, is_unbounded,
// q). options: list(tol, max_iter, sweep, seed).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_ascend(const Rcpp::List& system, const Rcpp::List& columns,
                      const Eigen::Map<Eigen::MatrixXd> q, const Eigen::Map<Eigen::VectorXd> y,
                      const Rcpp::List& model, const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::Context context = make_context(host);
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const Columns own = make_columns(columns, context);
  hdlmm::VariationalModel core = make_model(model, own, spectral.n_fixed());
  const hdlmm::AscentOptions ascent = as_ascent_options(options);
  hdlmm::check_input(q.rows() == own.x->rows() && y.size() == own.x->rows() &&
                         q.cols() == spectral.n_fixed() && spectral.n_rows() == own.x->rows(),
                     "data: rows of the design");
  const hdlmm::Matrix basis = q;
  const hdlmm::Vector response = y;
  const bool is_unbounded = hdlmm::CollapsedBound(spectral, own->factors()).is_unbounded();
  const hdlmm::AscentResult result = hdlmm::ascend_coordinates(
      {*own.x, own->shift(), basis, response}, own->blocks(), core, ascent, context);
  return make_list({{"trace", as_frame(result.trace)},
                    {"is_converged", result.is_converged},
                    {"effects", result.effects},
                    {"delta", result.delta},
                    {"is_unbounded", is_unbounded},
                    {"q", describe(spectral, own, core, context)}});
}

// Fully variational Bayes with the means collapsed: list(trace, is_converged, q).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_iterate_full(const Rcpp::List& system, const Rcpp::List& columns,
                            const Rcpp::List& model, const Rcpp::List& options,
                            const Rcpp::List& host) {
  const hdlmm::Context context = make_context(host);
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const Columns own = make_columns(columns, context);
  hdlmm::VariationalModel core = make_model(model, own, spectral.n_fixed());
  hdlmm::FullOptions full;
  full.tol = as<double>(options["tol"]);
  full.max_iter = as<int>(options["max_iter"]);
  const hdlmm::FullResult result = hdlmm::iterate_collapsed(spectral, core, full, context);
  return make_list({{"trace", as_frame(result.trace)},
                    {"is_converged", result.is_converged},
                    {"q", describe(spectral, own, core, context)}});
}
