#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_frame.h"
#include "r_list.h"
#include "r_system.h"

using Rcpp::as;

namespace {

using SystemPointer = Rcpp::XPtr<hdlmm::TermsSystem>;

const hdlmm::TermsSystem& system_of(SEXP pointer) {
  SystemPointer system(pointer);
  hdlmm::check_input(system.get() != nullptr, "a system of random terms: made in another session");
  return *system;
}

hdlmm::TermsModel model_of(const Rcpp::List& cores, const std::vector<int>& widths,
                           SEXP row_scale) {
  hdlmm::check_input(static_cast<R_xlen_t>(widths.size()) == cores.size() && !widths.empty(),
                     "widths of the terms");
  hdlmm::TermsModel model;
  for (R_xlen_t k = 0; k < cores.size(); ++k) {
    const hdlmm::Index width = widths[static_cast<std::size_t>(k)];
    hdlmm::Matrix turn = hdlmm::Matrix::Identity(std::max<hdlmm::Index>(width, 0), width);
    std::shared_ptr<const hdlmm::DesignOperator> design =
        width > 1 ? make_levels(Rcpp::List(cores[k]), row_scale, turn)
                  : make_operator(Rcpp::List(cores[k]), row_scale);
    model.turns.push_back(turn);
    hdlmm::check_input(width > 0 && design->cols() % width == 0, "coefficients of a level");
    model.shapes.push_back({design->cols() / width, width});
    model.designs.push_back(std::move(design));
    hdlmm::check_input(model.design(k).rows() == model.design(0).rows(), "rows of a random term");
  }
  return model;
}

std::vector<hdlmm::Matrix> as_matrices(const Rcpp::List& list) {
  std::vector<hdlmm::Matrix> out;
  for (R_xlen_t k = 0; k < list.size(); ++k) out.push_back(as<hdlmm::Matrix>(list[k]));
  return out;
}

template <typename Items>
Rcpp::List as_r_list(const Items& items) {
  Rcpp::List out(static_cast<R_xlen_t>(items.size()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    out[static_cast<R_xlen_t>(i)] = Rcpp::wrap(items[i]);
  }
  return out;
}

Rcpp::List as_list(const hdlmm::TermsModel& model, const hdlmm::Covariances& at,
                   const hdlmm::TermsEvaluation& given) {
  const hdlmm::TermsEvaluation e = hdlmm::outside(model, given);
  return make_list({{"value", e.value},
                    {"sigma2", e.sigma2},
                    {"relative", as_r_list(hdlmm::outside(model, at))},
                    {"rss", e.fixed.rss},
                    {"log_det", e.log_det_v},
                    {"delta", e.fixed.delta},
                    {"covariance", e.fixed.covariance},
                    {"effects", as_r_list(e.effects)},
                    {"py", e.projected},
                    {"gradient", as_r_list(e.gradient)},
                    {"information", e.information},
                    {"slopes", as_r_list(e.slopes)}});
}

Rcpp::DataFrame trace_of(const hdlmm::TermsModel& model,
                         const std::vector<hdlmm::TermsStep>& trace) {
  const R_xlen_t n = static_cast<R_xlen_t>(trace.size());
  Rcpp::IntegerVector evaluation(n);
  Rcpp::NumericVector value(n), sigma2(n), radius(n);
  Rcpp::LogicalVector accepted(n);
  Rcpp::List relative(n);
  for (R_xlen_t i = 0; i < n; ++i) {
    const hdlmm::TermsStep& step = trace[static_cast<std::size_t>(i)];
    evaluation[i] = static_cast<int>(i) + 1;
    value[i] = step.value;
    sigma2[i] = step.sigma2;
    radius[i] = step.radius;
    accepted[i] = step.is_accepted;
    relative[i] =
        as_r_list(hdlmm::outside(model, hdlmm::Covariances::of(model.shapes, step.relative)));
  }
  return make_frame(make_list({{"evaluation", evaluation},
                               {"value", value},
                               {"sigma2", sigma2},
                               {"radius", radius},
                               {"accepted", accepted},
                               {"relative", relative}}),
                    n);
}

}  // namespace

// What a system of several random terms needs: type, bytes, flops of an evaluation. cores: of each
// design what make_operator() reads, columns not centred; widths: coefficients a level; wanted: a
// type or "auto".
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_plan(const Rcpp::List& cores, const std::vector<int>& widths, SEXP row_scale,
                          const std::string& wanted) {
  const hdlmm::TermsPlan plan = hdlmm::plan_terms(model_of(cores, widths, row_scale), wanted);
  return make_list({{"type", plan.type}, {"bytes", plan.bytes}, {"flops", plan.flops}});
}

// The system itself. q [n x c], y [n]: rows already multiplied by row_scale; options: list(system),
// as `wanted` above.
// [[Rcpp::export(rng = false)]]
SEXP cpp_terms_system(const Rcpp::List& cores, const std::vector<int>& widths, SEXP row_scale,
                      const Eigen::Map<Eigen::MatrixXd> q, const Eigen::Map<Eigen::VectorXd> y,
                      const Rcpp::List& options, const Rcpp::List& host) {
  hdlmm::TermsModel model = model_of(cores, widths, row_scale);
  model.q = q;
  model.y = y;
  hdlmm::check_input(model.design(0).rows() == y.size(), "rows of a random term");
  const hdlmm::Context context = make_context(host);
  const hdlmm::TermsPlan plan = hdlmm::plan_terms(model, options.containsElementNamed("system")
                                                             ? as<std::string>(options["system"])
                                                             : std::string("auto"));
  auto system = hdlmm::make_terms_system(std::move(model), plan, context);
  // designs read the memory of R, which lives as long as the pointer
  return SystemPointer(system.release(), true, R_NilValue, cores);
}

// [[Rcpp::export(rng = false)]]
bool cpp_is_terms_system(SEXP pointer) {
  return TYPEOF(pointer) == EXTPTRSXP && R_ExternalPtrAddr(pointer) != nullptr;
}

// type, and shares of the terms and of the residual in a combination of variances that the data
// cannot tell apart, [K + 1], empty where there is none.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_describe(SEXP system) {
  const hdlmm::TermsSystem& terms = system_of(system);
  return make_list({{"type", terms.name()}, {"aliased", hdlmm::aliased_terms(terms)}});
}

// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_search(SEXP system, const std::string& criterion, SEXP start,
                            const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::TermsLikelihood likelihood(terms, as_criterion(criterion));
  const hdlmm::Context context = make_context(host);
  hdlmm::TermsOptions chosen;
  chosen.tol = as<double>(options["tol"]);
  chosen.max_evaluations = as<int>(options["max_iter"]);
  chosen.has_corner_starts = terms.is_cheap();
  std::vector<hdlmm::Matrix> begin;
  if (!Rf_isNull(start)) {
    const auto at = hdlmm::inside(terms.model(), as_matrices(Rcpp::List(start)));
    for (hdlmm::Index k = 0; k < at.size(); ++k) begin.push_back(at.relative(k));
  }
  const hdlmm::TermsMode mode = hdlmm::search_terms(likelihood, begin, chosen, context);
  Rcpp::List out = as_list(terms.model(), mode.at, mode.evaluation);
  const std::vector<int> rank(mode.rank.begin(), mode.rank.end());
  out.push_back(make_list({{"gradient", mode.certificate.gradient},
                           {"complementarity", mode.certificate.complementarity},
                           {"null_gain", mode.certificate.null_gain},
                           {"evaluations", static_cast<int>(mode.trace.size())}}),
                "certificate");
  out.push_back(hdlmm::name(mode.status), "status");
  out.push_back(mode.is_unbounded, "is_unbounded");
  out.push_back(Rcpp::wrap(rank), "rank");
  out.push_back(Rcpp::wrap(mode.modes), "modes");
  out.push_back(mode.all_evaluations, "all_evaluations");
  out.push_back(trace_of(terms.model(), mode.trace), "trace");
  return out;
}

// The same at given covariances.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_evaluate(SEXP system, const std::string& criterion, const Rcpp::List& relative,
                              const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  const hdlmm::Context context = make_context(host);
  const hdlmm::TermsLikelihood likelihood(terms, as_criterion(criterion));
  return as_list(terms.model(), at, likelihood.evaluate(at, true, context));
}

// Prediction error covariance of the coefficients of each level per unit sigma_e^2, [r x r J].
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_block_variances(SEXP system, const Rcpp::List& relative,
                                     const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  const auto factor = terms.factor(at, make_context(host));
  std::vector<hdlmm::Matrix> out;
  for (hdlmm::Index k = 0; k < at.size(); ++k) {
    out.push_back(hdlmm::outside(terms.model(), k, hdlmm::level_errors(*factor, at, k)));
  }
  return as_r_list(out);
}

// P_ii, [n].
// [[Rcpp::export(rng = false)]]
SEXP cpp_terms_leverages(SEXP system, const Rcpp::List& relative, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  const auto factor = terms.factor(at, make_context(host));
  return Rcpp::wrap(hdlmm::projection_diagonal(*factor, terms.model().q));
}

// V^-1 b, b [n x m].
// [[Rcpp::export(rng = false)]]
SEXP cpp_terms_solve(SEXP system, const Rcpp::List& relative, const Eigen::Map<Eigen::MatrixXd> b,
                     const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  return Rcpp::wrap(terms.factor(at, make_context(host))->solve(b));
}
