#include <algorithm>
#include <cmath>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/inference/search/bootstrap.hpp"
#include "hdlmm/inference/search/exact_null.hpp"
#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/marginal/implicit_spectrum.hpp"
#include "hdlmm/marginal/tridiagonal_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_search.h"
#include "r_system.h"

using Rcpp::as;

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
  const double zero_bound = spectrum.reduction.zero_bound;
  // a transient of one call of lmm(): used once more for P y, and never stored in a fit
  auto* reduction = new hdlmm::Reduction(std::move(spectrum.reduction));
  return make_list({{"side", side_name(reduction->side)},
                    {"vectors", R_NilValue},
                    {"two_stage", static_cast<SEXP>(Rcpp::XPtr<hdlmm::Reduction>(reduction, true))},
                    {"min_computed", min_computed},
                    {"zero_bound", zero_bound},
                    {"largest", spectrum.parts.largest()},
                    {"at_zero", traces_at_zero(spectrum.parts)},
                    {"parts", as_list(spectrum.parts)},
                    {"responses", as_list(spectrum.responses)}});
}

Rcpp::List as_list(const hdlmm::Evaluation& e) {
  return make_list({{"h", e.share.h},
                    {"nu", e.share.nu},
                    {"rss", e.rss},
                    {"log_det_v", e.log_det_v},
                    {"log_det_restricted", e.log_det_restricted},
                    {"tr_vk", e.tr_vk},
                    {"tr_vkvk", e.tr_vkvk},
                    {"tr_v_noise", e.tr_v_noise},
                    {"tr_pk", e.tr_pk},
                    {"tr_pkpk", e.tr_pkpk},
                    {"tr_p_noise", e.tr_p_noise},
                    {"quad_k", e.quad_k},
                    {"quad_kk", e.quad_kk},
                    {"quad_noise", e.quad_noise},
                    {"delta", e.delta},
                    {"covariance", e.covariance},
                    {"covariance_k", e.covariance_k},
                    {"covariance_noise", e.covariance_noise}});
}

// Every column: squares of k normals, then chi^2 with `rest` degrees of freedom.
void draw_null(double rest, Eigen::Ref<hdlmm::Matrix> chi2) {
  const hdlmm::Index k = chi2.rows() - 1;
  for (hdlmm::Index b = 0; b < chi2.cols(); ++b) {
    for (hdlmm::Index i = 0; i < k; ++i) {
      const double normal = norm_rand();
      chi2(i, b) = normal * normal;
    }
    chi2(k, b) = rest > 0 ? R::rchisq(rest) : 0;
  }
}

}  // namespace

// The spectrum of one random term and the data in its coordinates.
// q [n x c], y [n]: rows already multiplied by row_scale; mean_columns [p] and constant [n], or
// NULL. needs: "vectors", "values" or "criterion", the last two without eigenvectors where the
// problem is large and the last one without eigenvalues where it can be; see
// implicit_spectrum.hpp. at_zero: tr(P K) and tr(P K P K) at V = I. others: more responses [n x m],
// rows multiplied by row_scale, or NULL.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_decompose(const Rcpp::List& design, SEXP row_scale,
                         const Eigen::Map<Eigen::MatrixXd> q, const Eigen::Map<Eigen::VectorXd> y,
                         SEXP mean_columns, SEXP constant, const std::string& needs,
                         const Rcpp::List& host, SEXP others = R_NilValue) {
  const hdlmm::Context context = make_context(host);
  const auto x = make_operator(design, row_scale);
  const hdlmm::Vector means = optional_vector(mean_columns), ones = optional_vector(constant);
  const Eigen::MatrixXd more =
      Rf_isNull(others) ? Eigen::MatrixXd(q.rows(), 0) : as<Eigen::MatrixXd>(others);
  if (needs != "vectors" && std::min(x->rows(), x->cols()) >= kWorthTwoStages) {
    const auto form = needs == "values" ? hdlmm::Form::diagonal : hdlmm::Form::tridiagonal;
    auto spectrum = hdlmm::reduce(*x, q, y, means, ones, form, context, more);
    const bool is_whole = spectrum && spectrum->responses.y.cols() == more.cols();
    if (is_whole) return list_of_reduction(std::move(*spectrum));
  }
  hdlmm::Spectrum spectrum = hdlmm::decompose(*x, context);
  const hdlmm::SpectralFrame frame(*x, spectrum.side, spectrum.d, spectrum.vectors, context);
  const hdlmm::SpectralParts parts = hdlmm::rotate_data(frame, spectrum.d, q, y, means, ones);
  const hdlmm::RotatedResponses responses = hdlmm::rotate_responses(frame, parts, more);
  return make_list({{"side", side_name(spectrum.side)},
                    {"vectors", spectrum.vectors},
                    {"min_computed", spectrum.min_computed},
                    {"zero_bound", spectrum.zero_bound},
                    {"largest", parts.largest()},
                    {"at_zero", traces_at_zero(parts)},
                    {"parts", as_list(parts)},
                    {"responses", as_list(responses)}});
}

// list(py [n], effects [p] = (h / kappa) S X'P y) from a system without vectors; NULL where V is
// near singular. delta [c], rest [n] = y - Q delta: see solve_response(). The reduction is spent:
// its n^2 numbers do not wait for R's next garbage collection.
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
  return make_list({{"py", solved->projected}, {"effects", (hk * along.col(0)).eval()}});
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
  const hdlmm::SpectralFrame frame(*x, as_side(as<std::string>(system["side"])), d, vectors,
                                   polling_context());
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
  for (const double at : phi) {
    Rcpp::checkUserInterrupt();
    points.push_back(likelihood.at(at));
  }
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

// Parametric bootstrap by R's generator; see bootstrap_fits() in the core. Returns a matrix
// [draws x (4 + c)]: h, nu, tau2, value, then delta. skip: draws before these, whose numbers are
// taken and not used.
// [[Rcpp::export]]
Eigen::MatrixXd cpp_refit(const Rcpp::List& system, const std::string& criterion,
                          const Rcpp::List& options, double h, double nu, double draws, double skip,
                          const Rcpp::List& host) {
  const hdlmm::RandomSource random{norm_rand, [](double df) { return R::rchisq(df); }};
  const hdlmm::SpectralSystem base = make_spectral_system(system);
  const hdlmm::Share share{h, nu};
  const hdlmm::Context context = make_context(host);
  hdlmm::skip_bootstrap_draws(base, share, static_cast<hdlmm::Index>(skip), random, context);
  return hdlmm::bootstrap_fits(base, as_criterion(criterion), as_search_options(options), share,
                               static_cast<hdlmm::Index>(draws), random, context);
}

// Nonzero eigenvalues of A'KA, A orthogonal to the fixed effects.
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_restricted_eigenvalues(const Rcpp::List& system, const Rcpp::List& host) {
  return hdlmm::restricted_eigenvalues(as_parts(system["parts"]), make_context(host));
}

// Draws of exact_null.hpp [(k + 1) x draws], column by column from R's generator.
// [[Rcpp::export]]
Rcpp::NumericMatrix cpp_null_draws(int k, double rest, double draws) {
  Rcpp::NumericMatrix chi2(Rcpp::no_init(k + 1, static_cast<int>(draws)));
  draw_null(rest, as<Eigen::Map<Eigen::MatrixXd>>(chi2));
  return chi2;
}

// The likelihood-ratio statistic of H0: h = null_h in draws under H0; see exact_null.hpp. chi2: of
// cpp_null_draws(), or a matrix without rows: the same numbers are then drawn here, held by blocks.
// [[Rcpp::export]]
Eigen::VectorXd cpp_null_statistics(const Rcpp::List& system, const std::string& criterion,
                                    const Eigen::Map<Eigen::VectorXd> lambda, double null_h,
                                    double rest, double draws,
                                    const Eigen::Map<Eigen::MatrixXd> chi2, double step,
                                    const Rcpp::List& host) {
  constexpr hdlmm::Index kBlockCells = 1 << 16;  // half a megabyte, a millisecond or two to draw
  const auto marginal = make_system(system);
  const hdlmm::Context context = make_context(host);
  const hdlmm::ProfiledLikelihood likelihood(*marginal, as_criterion(criterion));
  const hdlmm::NullStatistic statistic(likelihood, lambda, hdlmm::Share{null_h, 1 - null_h}, step);
  const hdlmm::Index rows = lambda.size() + 1, count = static_cast<hdlmm::Index>(draws);
  const hdlmm::Index width = std::max<hdlmm::Index>(1, kBlockCells / rows);
  hdlmm::Vector out(count);
  hdlmm::Matrix block;
  for (hdlmm::Index first = 0; first < count; first += width) {
    context.poll();
    const hdlmm::Index size = std::min(width, count - first);
    if (chi2.rows() > 0) {
      out.segment(first, size) = statistic(chi2.middleCols(first, size));
    } else {
      block.resize(rows, size);
      draw_null(rest, block);
      out.segment(first, size) = statistic(block);
    }
    context.progress("null distribution", static_cast<double>(first + size) / draws);
  }
  return out;
}
