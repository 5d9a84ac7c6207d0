#include <algorithm>
#include <utility>

#include <RcppEigen.h>

#include "hdlmm/inference/exact_null.hpp"
#include "hdlmm/inference/global_search.hpp"
#include "hdlmm/marginal/implicit_spectrum.hpp"
#include "hdlmm/marginal/tridiagonal_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_search.h"
#include "r_system.h"

using Rcpp::as;
using Rcpp::Named;

namespace {

// Below, eigenvectors cost no more than what they save later.
constexpr hdlmm::Index kWorthTwoStages = 64;

// tr(P K) and tr(P K P K) without random effects, where kappa plays no part.
Rcpp::NumericVector traces_at_zero(const hdlmm::MarginalSystem& system) {
  const hdlmm::Evaluation e = system.evaluate({0, 1}, hdlmm::Detail::restricted);
  return Rcpp::NumericVector::create(e.tr_pk, e.tr_pkpk);
}

Rcpp::NumericVector traces_at_zero(const hdlmm::SpectralParts& parts) {
  if (parts.is_tridiagonal()) return traces_at_zero(hdlmm::TridiagonalSystem(parts, 1));
  return traces_at_zero(hdlmm::SpectralSystem(parts, 1));
}

Rcpp::List list_of_reduction(hdlmm::ImplicitSpectrum&& spectrum) {
  const double min_computed = spectrum.reduction.spectrum.smallest;
  // a transient of one call of lmm(): used once more for P y, and never stored in a fit
  auto* reduction = new hdlmm::Reduction(std::move(spectrum.reduction));
  return Rcpp::List::create(
      Named("side") = side_name(reduction->side), Named("vectors") = R_NilValue,
      Named("two_stage") = Rcpp::XPtr<hdlmm::Reduction>(reduction, true),
      Named("min_computed") = min_computed, Named("largest") = spectrum.parts.largest(),
      Named("at_zero") = traces_at_zero(spectrum.parts), Named("parts") = as_list(spectrum.parts));
}

Rcpp::List as_list(const hdlmm::Evaluation& e) {
  return Rcpp::List::create(
      Named("h") = e.share.h, Named("nu") = e.share.nu, Named("rss") = e.rss,
      Named("log_det_v") = e.log_det_v, Named("log_det_restricted") = e.log_det_restricted,
      Named("tr_vk") = e.tr_vk, Named("tr_vkvk") = e.tr_vkvk, Named("tr_v_noise") = e.tr_v_noise,
      Named("tr_pk") = e.tr_pk, Named("tr_pkpk") = e.tr_pkpk, Named("tr_p_noise") = e.tr_p_noise,
      Named("quad_k") = e.quad_k, Named("quad_kk") = e.quad_kk, Named("quad_noise") = e.quad_noise,
      Named("delta") = e.delta, Named("covariance") = e.covariance,
      Named("covariance_k") = e.covariance_k, Named("covariance_noise") = e.covariance_noise);
}

}  // namespace

// The spectrum of one random term and the data in its coordinates.
// q [n x c], y [n]: rows already multiplied by row_scale; mean_columns [p] and constant [n], or
// NULL. needs: "vectors", "values" or "criterion", the last two without eigenvectors where the
// problem is large and the last one without eigenvalues where it can be; see
// implicit_spectrum.hpp. at_zero: tr(P K) and tr(P K P K) at V = I.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_decompose(const Rcpp::List& design, SEXP row_scale,
                         const Eigen::Map<Eigen::MatrixXd> q, const Eigen::Map<Eigen::VectorXd> y,
                         SEXP mean_columns, SEXP constant, const std::string& needs,
                         const Rcpp::List& host) {
  const hdlmm::Context context = make_context(host);
  const auto x = make_operator(design, row_scale);
  const hdlmm::Vector means = optional_vector(mean_columns), ones = optional_vector(constant);
  if (needs != "vectors" && std::min(x->rows(), x->cols()) >= kWorthTwoStages) {
    const auto form = needs == "values" ? hdlmm::Form::diagonal : hdlmm::Form::tridiagonal;
    auto spectrum = hdlmm::reduce(*x, q, y, means, ones, form, context);
    if (spectrum) return list_of_reduction(std::move(*spectrum));
  }
  hdlmm::Spectrum spectrum = hdlmm::decompose(*x, context);
  const hdlmm::SpectralFrame frame(*x, spectrum.side, spectrum.d, spectrum.vectors);
  const hdlmm::SpectralParts parts = hdlmm::rotate_data(frame, spectrum.d, q, y, means, ones);
  return Rcpp::List::create(
      Named("side") = side_name(spectrum.side), Named("vectors") = spectrum.vectors,
      Named("min_computed") = spectrum.min_computed, Named("largest") = parts.largest(),
      Named("at_zero") = traces_at_zero(parts), Named("parts") = as_list(parts));
}

// list(py [n], along = S X'P y [p]) from a system without vectors; NULL where V is near singular.
// delta [c], rest [n] = y - Q delta: see solve_response(). The reduction is spent: its n^2 numbers
// do not wait for R's next garbage collection.
// [[Rcpp::export(rng = false)]]
SEXP cpp_solve_response(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                        const Eigen::Map<Eigen::VectorXd> delta,
                        const Eigen::Map<Eigen::VectorXd> rest, double h, double nu,
                        const Rcpp::List& host) {
  const auto x = make_operator(design, row_scale);
  Rcpp::XPtr<hdlmm::Reduction> reduction(static_cast<SEXP>(system["two_stage"]));
  const double hk = h / as<double>(system["kappa"]);
  const hdlmm::Context context = make_context(host);
  const auto solved = hdlmm::solve_response(*x, *reduction, delta, rest, hk, nu, context);
  reduction.release();
  if (!solved) return R_NilValue;
  hdlmm::Matrix along = solved->along;
  if (along.size() == 0) {
    along = hdlmm::Matrix::Zero(x->cols(), 1);
    x->add_covariance_product(solved->projected, along, context);
  }
  return Rcpp::List::create(Named("py") = solved->projected, Named("along") = along.col(0).eval());
}

// The parts of the same spectrum for another response or basis of the fixed effects.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_rotate_data(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                           const Eigen::Map<Eigen::MatrixXd> q, const Eigen::Map<Eigen::VectorXd> y,
                           SEXP mean_columns, SEXP constant) {
  const auto x = make_operator(design, row_scale);
  const Rcpp::List parts = system["parts"];
  const auto d = as<hdlmm::Vector>(parts["d"]);
  const auto vectors = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  const hdlmm::SpectralFrame frame(*x, as_side(as<std::string>(system["side"])), d, vectors);
  return as_list(
      hdlmm::rotate_data(frame, d, q, y, optional_vector(mean_columns), optional_vector(constant)));
}

// The parts of a system along eigenvectors, which are not formed.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_diagonalise(const Rcpp::List& system, const Rcpp::List& host) {
  return as_list(hdlmm::diagonalised(as_parts(system["parts"]), make_context(host)));
}

// Every mode of the profiled criterion over h in [0, 1], and at_best: everything about V at the
// highest one, if there is one.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_search(const Rcpp::List& system, const std::string& criterion,
                      const Rcpp::List& options, const Rcpp::List& host) {
  const auto marginal = make_system(system);
  const hdlmm::ProfiledLikelihood likelihood(*marginal, as_criterion(criterion));
  Rcpp::List out = run_search(likelihood, as_search_options(options), make_context(host));
  const Rcpp::List modes = out["modes"];
  const Rcpp::NumericVector h = modes["h"], nu = modes["nu"];
  if (h.size() > 0) {
    out.push_back(as_list(marginal->evaluate(hdlmm::Share{h[0], nu[0]})), "at_best");
  }
  return out;
}

// The criterion with its slope along phi = log(sigma_b^2 / sigma_e^2).
// [[Rcpp::export(rng = false)]]
Rcpp::DataFrame cpp_curve(const Rcpp::List& system, const std::string& criterion,
                          const std::vector<double>& phi) {
  const auto marginal = make_system(system);
  const hdlmm::ProfiledLikelihood likelihood(*marginal, as_criterion(criterion));
  std::vector<hdlmm::ProfilePoint> points;
  for (const double at : phi) points.push_back(likelihood.at(at));
  return as_frame(points);
}

// Lower and upper limit of h where the criterion falls below `floor`. curve: list(phi, value,
// slope), the points of the search and the modes inside.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector cpp_profile_limits(const Rcpp::List& system, const std::string& criterion,
                                       const Rcpp::List& curve, double floor,
                                       bool has_mode_at_zero) {
  const auto marginal = make_system(system);
  const hdlmm::ProfiledLikelihood likelihood(*marginal, as_criterion(criterion));
  return run_limits(likelihood, curve, floor, has_mode_at_zero);
}

// Everything about V = (h / kappa) K + nu I; see Evaluation in the core.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_evaluate(const Rcpp::List& system, double h, double nu) {
  return as_list(make_system(system)->evaluate(hdlmm::Share{h, nu}));
}

// Refit simulated responses: y [r x nsim] along U, null_residual [nsim].
// Returns a matrix [nsim x (4 + c)]: h, nu, tau2, value, then delta.
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_refit(const Rcpp::List& system, const std::string& criterion,
                          const Rcpp::List& options, const Eigen::Map<Eigen::MatrixXd> y,
                          const Eigen::Map<Eigen::VectorXd> null_residual, const Rcpp::List& host) {
  const hdlmm::SpectralSystem base = make_spectral_system(system);
  const hdlmm::SearchOptions search = as_search_options(options);
  const hdlmm::Context context = make_context(host);
  hdlmm::Matrix out = hdlmm::Matrix::Constant(y.cols(), 4 + base.n_fixed(), R_NaN);
  for (hdlmm::Index b = 0; b < y.cols(); ++b) {
    context.poll();
    context.progress("bootstrap", static_cast<double>(b) / static_cast<double>(y.cols()));
    const hdlmm::SpectralSystem one = base.with_response(y.col(b), null_residual[b]);
    const hdlmm::ProfiledLikelihood likelihood(one, as_criterion(criterion));
    hdlmm::Context quiet;
    quiet.poll = context.poll;
    const hdlmm::SearchResult result = hdlmm::search_all_modes(likelihood, search, quiet);
    if (result.modes.empty()) continue;
    const hdlmm::ProfilePoint& best = result.modes.front().point;
    out.row(b).head(4) << best.share.h, best.share.nu, best.tau2, best.value;
    out.row(b).tail(base.n_fixed()) = one.evaluate(best.share).delta.transpose();
  }
  return out;
}

// Nonzero eigenvalues of A'KA, A orthogonal to the fixed effects.
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_restricted_eigenvalues(const Rcpp::List& system, const Rcpp::List& host) {
  return hdlmm::restricted_eigenvalues(as_parts(system["parts"]), make_context(host));
}

// Draws of the likelihood-ratio statistic under H0: h = null_h; see exact_null.hpp.
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_simulate_null(const Rcpp::List& system, const std::string& criterion,
                                  const Eigen::Map<Eigen::VectorXd> lambda, double null_h,
                                  double null_nu, const Eigen::Map<Eigen::MatrixXd> chi2,
                                  double step) {
  const auto marginal = make_system(system);
  const hdlmm::ProfiledLikelihood likelihood(*marginal, as_criterion(criterion));
  return hdlmm::simulate_null(likelihood, lambda, hdlmm::Share{null_h, null_nu}, chi2, step);
}
