#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/variational/terms_ascent.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_frame.h"
#include "r_list.h"
#include "r_prior.h"
#include "r_terms.h"
#include "r_variational.h"

using Rcpp::as;

namespace {

// How q(beta) factorises: of every term its blocks, and of those of columns their eigenvectors.
struct Factors {
  hdlmm::TermsFactorisation factors;
  std::vector<std::vector<hdlmm::ColumnBlock>> columns;
};

hdlmm::TermBlocks blocks_of_columns(const std::vector<hdlmm::ColumnBlock>& blocks,
                                    hdlmm::Index columns) {
  std::vector<double> values;
  for (const hdlmm::ColumnBlock& block : blocks) {
    const hdlmm::Vector& d = block.gram().d;
    values.insert(values.end(), d.data(), d.data() + d.size());
  }
  return hdlmm::TermBlocks::by_eigenvalue(
      Eigen::Map<const hdlmm::Vector>(values.data(), static_cast<hdlmm::Index>(values.size())),
      columns);
}

hdlmm::Matrix column_variances(const std::vector<hdlmm::ColumnBlock>& blocks, hdlmm::Index columns,
                               double relative, const hdlmm::Context& context) {
  hdlmm::Matrix out = hdlmm::Matrix::Zero(1, columns);
  for (const hdlmm::ColumnBlock& block : blocks) {
    const hdlmm::Vector own = relative * block.shrunk_variances(relative, context);
    for (hdlmm::Index j = 0; j < own.size(); ++j) out(0, block.columns()[j]) = own[j];
  }
  return out;
}

// blocks: NULL for one block of all coefficients, or of each term "level", "coefficient", "term" or
// list(block, n_blocks), codes of the blocks of its columns.
Factors make_factors(const hdlmm::TermsModel& model, SEXP blocks, const hdlmm::Context& context) {
  Factors out;
  if (Rf_isNull(blocks)) return out;
  const Rcpp::List list(blocks);
  hdlmm::check_input(list.size() == model.size(), "blocks: one entry a term");
  for (hdlmm::Index k = 0; k < model.size(); ++k) {
    const SEXP own = list[k];
    const hdlmm::Matrix& turn = model.turns[static_cast<std::size_t>(k)];
    out.columns.emplace_back();
    const bool is_whole = TYPEOF(own) == STRSXP && as<std::string>(own) == "term" &&
                          model.shape(k).width == 1 && !model.design(k).has_diagonal_column_gram();
    if (is_whole) {
      const hdlmm::Index p = model.design(k).cols();
      out.columns.back() =
          hdlmm::build_blocks(model.design(k), std::vector<int>(static_cast<std::size_t>(p), 0), 1,
                              hdlmm::ColumnMeans(), context);
      out.factors.blocks.push_back(blocks_of_columns(out.columns.back(), p));
    } else if (TYPEOF(own) == VECSXP) {
      const Rcpp::List codes(own);
      out.columns.back() =
          hdlmm::build_blocks(model.design(k), as<std::vector<int>>(codes["block"]),
                              as<int>(codes["n_blocks"]), hdlmm::ColumnMeans(), context);
      out.factors.blocks.push_back(blocks_of_columns(out.columns.back(), model.design(k).cols()));
    } else if (as<std::string>(own) == "coefficient") {
      out.factors.blocks.push_back(
          hdlmm::TermBlocks::by_coefficient(model.design(k), model.shape(k), turn));
    } else {
      out.factors.blocks.push_back(
          hdlmm::TermBlocks::by_level(model.design(k), model.shape(k), turn));
    }
  }
  return out;
}

// prior: of the variances of a term, list(kind, a, b), b [r] for a block; NULL for a point.
hdlmm::CovarianceFactor as_factor(SEXP prior, const hdlmm::TermShape& shape) {
  const double count = static_cast<double>(shape.levels);
  if (Rf_isNull(prior)) return hdlmm::CovarianceFactor::point(shape.width, count);
  const Rcpp::List density(prior);
  if (shape.width == 1) return hdlmm::CovarianceFactor::conjugate(as_density(density), count);
  hdlmm::check_input(as<std::string>(density["kind"]) == "half_t", "a prior of a block: its kind");
  const hdlmm::Vector scale2 = as<hdlmm::Vector>(density["b"]);
  hdlmm::check_input(scale2.size() == shape.width, "a prior of a block: scales");
  return hdlmm::CovarianceFactor::half_t(as<double>(density["a"]), scale2, count);
}

// model: list(random (a prior a term), residual, fixed_precision, relative, sigma2), the last two
// where the ascent begins; residual is NULL where parameters are estimated.
hdlmm::TermsVariational make_model(const hdlmm::TermsModel& terms, const Rcpp::List& model) {
  const Rcpp::List priors = model["random"];
  const SEXP residual = model["residual"];
  const double n = static_cast<double>(terms.rows()), sigma2 = as<double>(model["sigma2"]);
  hdlmm::check_input(priors.size() == terms.size(), "priors: one a term");
  std::vector<hdlmm::CovarianceFactor> random;
  std::vector<hdlmm::Matrix> precisions;
  const auto start = as_matrices(model["relative"]);
  for (hdlmm::Index k = 0; k < terms.size(); ++k) {
    random.push_back(as_factor(priors[k], terms.shape(k)));
    const hdlmm::Matrix sigma = sigma2 * start[static_cast<std::size_t>(k)];
    precisions.push_back(
        hdlmm::solve_positive(sigma, hdlmm::Matrix::Identity(sigma.rows(), sigma.cols())));
  }
  const bool is_full = !Rf_isNull(residual);
  const auto noise = is_full ? hdlmm::VarianceFactor::conjugate(as_density(residual), n)
                             : hdlmm::VarianceFactor::point(n);
  hdlmm::TermsVariational out(terms, std::move(random), noise,
                              optional_precision(model["fixed_precision"], terms.q.cols()),
                              is_full);
  out.set_precisions(precisions, 1 / sigma2);
  return out;
}

// As trace_of() in r_terms.cpp has it: value, sigma2, relative, accepted.
Rcpp::DataFrame trace_frame(const std::vector<hdlmm::TermsPoint>& points) {
  const R_xlen_t n = static_cast<R_xlen_t>(points.size());
  Rcpp::NumericVector value(n), sigma2(n);
  Rcpp::LogicalVector accepted(n, true);
  Rcpp::List relative(n);
  for (R_xlen_t i = 0; i < n; ++i) {
    const hdlmm::TermsPoint& point = points[static_cast<std::size_t>(i)];
    value[i] = point.elbo;
    sigma2[i] = point.residual;
    std::vector<hdlmm::Matrix> shares = point.random;
    for (hdlmm::Matrix& share : shares) share /= point.residual;
    relative[i] = as_r_list(shares);
  }
  return make_frame(
      make_list(
          {{"value", value}, {"sigma2", sigma2}, {"relative", relative}, {"accepted", accepted}}),
      n);
}

// Of every term the covariances of its coefficients under q per unit sigma_e^2 by level [r x r J];
// of blocks of columns variances [1 x p].
Rcpp::List spread_list(const hdlmm::TermsSystem& system, const Factors& factors,
                       const hdlmm::Covariances& at, const hdlmm::Context& context) {
  std::vector<hdlmm::Matrix> out;
  const auto joint = factors.factors.is_joint() ? system.factor(at, context) : nullptr;
  for (hdlmm::Index k = 0; k < at.size(); ++k) {
    const auto term = static_cast<std::size_t>(k);
    const hdlmm::Matrix& s = at.relative(k);
    if (joint) {
      out.push_back(hdlmm::outside(system.model(), k, joint->level_covariances(k)));
    } else if (factors.columns[term].empty()) {
      out.push_back(factors.factors.blocks[term].level_covariances(s));
    } else {
      out.push_back(column_variances(factors.columns[term], at.shape(k).cols(), s(0, 0), context));
    }
  }
  return as_r_list(out);
}

// S_k of the columns that R knows, variances of single coefficients that are none exactly zero.
std::vector<hdlmm::Matrix> settled(const hdlmm::TermsModel& model,
                                   const hdlmm::TermsFactorisation& factors,
                                   const hdlmm::Covariances& at) {
  if (factors.is_joint()) return hdlmm::outside(model, at);
  std::vector<hdlmm::Matrix> out;
  for (hdlmm::Index k = 0; k < at.size(); ++k) {
    out.push_back(factors.blocks[static_cast<std::size_t>(k)].settled(at.relative(k)));
  }
  return out;
}

// Estimated covariances: the likelihood there, and elbo, gap (of determinants), spread.
Rcpp::List at_estimates(const hdlmm::TermsBound& bound, const Factors& factors,
                        const hdlmm::Covariances& at, const hdlmm::Context& context,
                        Rcpp::List out) {
  const double log_det = as<double>(out["log_det"]);
  const bool is_joint = bound.factors().is_joint();
  out.push_back(bound.evaluate(at, false, context).value, "elbo");
  out.push_back(is_joint ? 0.0 : 0.5 * (bound.factors().log_det(at) - log_det), "gap");
  out.push_back(spread_list(bound.system(), factors, at, context), "spread");
  return out;
}

// The means of q at expected precisions as an evaluation of the likelihood, the fixed effects those
// of q; fixed_covariance, random and residual (factors), spread.
Rcpp::List at_factors(const hdlmm::TermsSystem& system, const Factors& factors,
                      const hdlmm::TermsVariational& model, const hdlmm::Context& context) {
  const hdlmm::Covariances at = model.relative();
  const auto factor = system.factor(at, context);
  const hdlmm::TermsMeans means = hdlmm::best_means(*factor, model);
  hdlmm::TermsEvaluation e =
      hdlmm::TermsLikelihood(system, hdlmm::Criterion::ml).evaluate(at, true, context);
  const double n = static_cast<double>(system.model().rows());
  e.sigma2 = 1 / model.residual_precision();
  e.value =
      -0.5 * (n * std::log(2 * std::acos(-1.0) * e.sigma2) + e.log_det_v + e.fixed.rss / e.sigma2);
  e.fixed.delta = means.delta;
  e.effects = factor->effects(means.delta);
  e.projected = factor->projected(means.delta);
  Rcpp::List out = ::as_list(system.model(), at, e);
  Rcpp::List random(at.size());
  for (hdlmm::Index k = 0; k < at.size(); ++k) {
    random[k] = make_list({{"df", model.random(k).df()}, {"scale", model.random(k).scale()}});
  }
  out.push_back(random, "random");
  out.push_back(
      make_list({{"shape", model.residual().shape()}, {"scale", model.residual().scale()}}),
      "residual");
  out.push_back(Rcpp::wrap(model.fixed_covariance()), "fixed_covariance");
  out.push_back(spread_list(system, factors, at, context), "spread");
  return out;
}

Rcpp::List with_trace(const hdlmm::TermsTrace& trace, Rcpp::List q) {
  return make_list(
      {{"trace", trace_frame(trace.points)}, {"is_converged", trace.is_converged}, {"q", q}});
}

}  // namespace

// The maximum of the evidence bound over the covariances: what cpp_terms_search() gives of the
// likelihood, its trace and modes of the bound; elbo, gap, spread.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_bound_search(SEXP system, SEXP blocks, SEXP start, const Rcpp::List& options,
                                  const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Context context = make_context(host);
  const Factors factors = make_factors(terms.model(), blocks, context);
  const hdlmm::TermsBound bound(terms, factors.factors);
  hdlmm::TermsMode mode = hdlmm::search_terms(bound, as_start(terms.model(), start),
                                              as_terms_options(options, terms), context);
  const std::vector<hdlmm::Matrix> relative = settled(terms.model(), bound.factors(), mode.at);
  mode.at = hdlmm::inside(terms.model(), relative);
  mode.evaluation =
      hdlmm::TermsLikelihood(terms, hdlmm::Criterion::ml).evaluate(mode.at, true, context);
  Rcpp::List out = as_list(terms.model(), mode);
  out["relative"] = as_r_list(relative);
  return at_estimates(bound, factors, mode.at, context, out);
}

// The bound at given covariances: list(value, gradient).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_bound(SEXP system, SEXP blocks, const Rcpp::List& relative,
                           const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Context context = make_context(host);
  const hdlmm::TermsBound bound(terms, make_factors(terms.model(), blocks, context).factors);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  return as_list(terms.model(), at, bound.evaluate(at, true, context));
}

// Coordinate ascent: list(trace, is_converged, q), q as cpp_terms_bound_search() or, with priors,
// cpp_terms_iterate() has it. options: list(tol, max_iter, sweep, seed).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_ascend(SEXP system, SEXP blocks, const Rcpp::List& model,
                            const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Context context = make_context(host);
  const Factors factors = make_factors(terms.model(), blocks, context);
  hdlmm::TermsVariational core = make_model(terms.model(), model);
  const hdlmm::TermsTrace trace = hdlmm::ascend_terms(terms, factors.factors, factors.columns, core,
                                                      as_ascent_options(options), context);
  if (core.is_full()) return with_trace(trace, at_factors(terms, factors, core, context));
  const hdlmm::Covariances at = core.relative();
  const hdlmm::TermsLikelihood likelihood(terms, hdlmm::Criterion::ml);
  const Rcpp::List q = as_list(terms.model(), at, likelihood.evaluate(at, true, context));
  const hdlmm::TermsBound bound(terms, factors.factors);
  return with_trace(trace, at_estimates(bound, factors, at, context, q));
}

// Fully variational Bayes with the means collapsed: list(trace, is_converged, q).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_iterate(SEXP system, SEXP blocks, const Rcpp::List& model,
                             const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Context context = make_context(host);
  const Factors factors = make_factors(terms.model(), blocks, context);
  hdlmm::TermsVariational core = make_model(terms.model(), model);
  hdlmm::FullOptions full;
  full.tol = as<double>(options["tol"]);
  full.max_iter = as<int>(options["max_iter"]);
  const hdlmm::TermsTrace trace = hdlmm::iterate_terms(terms, factors.factors, core, full, context);
  return with_trace(trace, at_factors(terms, factors, core, context));
}
