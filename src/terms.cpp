#include <algorithm>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/inference/terms/cone_projection.hpp"
#include "hdlmm/inference/terms/minque.hpp"
#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_system.h"
#include "r_terms.h"

using Rcpp::as;

namespace {

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
    hdlmm::check_input(width > 0 && design->cols() >= width && design->cols() % width == 0,
                       "coefficients of a level");
    model.shapes.push_back({design->cols() / width, width});
    model.designs.push_back(std::move(design));
    hdlmm::check_input(model.design(k).rows() == model.design(0).rows(), "rows of a random term");
  }
  return model;
}

// Cells of new rows of term k, columns turned as the system has them.
hdlmm::RowCells as_row_cells(const hdlmm::TermsModel& model, hdlmm::Index k, SEXP given,
                             hdlmm::Index m) {
  hdlmm::RowCells out;
  out.start.assign(static_cast<std::size_t>(m) + 1, 0);
  if (Rf_isNull(given)) return out;
  const Rcpp::List cells(given);
  const Rcpp::IntegerVector unit = cells["unit"];
  const hdlmm::Matrix values =
      as<hdlmm::Matrix>(cells["values"]) * model.turns[static_cast<std::size_t>(k)];
  const hdlmm::TermShape& shape = model.shape(k);
  hdlmm::check_input(unit.size() == m && values.rows() == m && values.cols() == shape.width,
                     "rows of a random term");
  for (hdlmm::Index i = 0; i < m; ++i) {
    const int level = unit[static_cast<R_xlen_t>(i)];
    if (level != NA_INTEGER) {
      hdlmm::check_input(level >= 1 && level <= shape.levels, "levels of a random term");
      for (hdlmm::Index a = 0; a < shape.width; ++a) {
        out.column.push_back((level - 1) * shape.width + a);
        out.value.push_back(values(i, a));
      }
    }
    out.start[static_cast<std::size_t>(i) + 1] = static_cast<hdlmm::Index>(out.column.size());
  }
  return out;
}

}  // namespace

// What a system of several random terms needs: type, bytes, flops of an evaluation. cores: of each
// design what make_operator() reads, columns not centred; widths: coefficients a level; wanted: a
// type or "auto".
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_plan(const Rcpp::List& cores, const std::vector<int>& widths, SEXP row_scale,
                          const std::string& wanted, const Rcpp::List& host) {
  const hdlmm::TermsPlan plan =
      hdlmm::plan_terms(model_of(cores, widths, row_scale), wanted, make_context(host));
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
  hdlmm::TermsPlan plan =
      hdlmm::plan_terms(model,
                        options.containsElementNamed("system") ? as<std::string>(options["system"])
                                                               : std::string("auto"),
                        context);
  auto system = hdlmm::make_terms_system(std::move(model), std::move(plan), context);
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
Rcpp::List cpp_terms_describe(SEXP system, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  return make_list(
      {{"type", terms.name()}, {"aliased", hdlmm::aliased_terms(terms, make_context(host))}});
}

// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_search(SEXP system, const std::string& criterion, SEXP start,
                            const Rcpp::List& options, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::TermsLikelihood likelihood(terms, as_criterion(criterion));
  const hdlmm::Context context = make_context(host);
  const hdlmm::TermsMode mode = hdlmm::search_terms(likelihood, as_start(terms.model(), start),
                                                    as_terms_options(options, terms), context);
  return as_list(terms.model(), mode);
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

// Prediction error covariance of the coefficients of each level per unit sigma_e^2, [r x r J];
// covariance: that of the fixed effects, [c x c].
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_block_variances(SEXP system, const Rcpp::List& relative,
                                     const Eigen::Map<Eigen::MatrixXd> covariance,
                                     const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  const auto factor = terms.factor(at, make_context(host));
  std::vector<hdlmm::Matrix> out;
  for (hdlmm::Index k = 0; k < at.size(); ++k) {
    const hdlmm::Matrix errors = hdlmm::level_errors(*factor, at, k, covariance);
    out.push_back(hdlmm::outside(terms.model(), k, errors));
  }
  return as_r_list(out);
}

// P_ii, [n]; covariance as above.
// [[Rcpp::export(rng = false)]]
SEXP cpp_terms_leverages(SEXP system, const Rcpp::List& relative,
                         const Eigen::Map<Eigen::MatrixXd> covariance, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  const auto factor = terms.factor(at, make_context(host));
  return Rcpp::wrap(hdlmm::projection_diagonal(*factor, terms.model().q, covariance));
}

// Var(z'delta + x'beta | y) per unit sigma_e^2 at rows [m], covariance [c x c] that of delta, empty
// where the system does not know it by coefficients. cells: of each term NULL or list(unit,
// values), the 1-based level of every row, NA for none, and its coefficients' columns [m x r]; z [m
// x c].
// [[Rcpp::export(rng = false)]]
SEXP cpp_terms_row_variances(SEXP system, const Rcpp::List& relative,
                             const Eigen::Map<Eigen::MatrixXd> covariance, const Rcpp::List& cells,
                             const Eigen::Map<Eigen::MatrixXd> z, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  std::vector<hdlmm::RowCells> rows;
  for (hdlmm::Index k = 0; k < at.size(); ++k) {
    rows.push_back(as_row_cells(terms.model(), k, cells[static_cast<R_xlen_t>(k)], z.rows()));
  }
  const auto factor = terms.factor(at, make_context(host));
  return Rcpp::wrap(hdlmm::prediction_variances(*factor, rows, z, covariance));
}

// V^-1 b, b [n x m].
// [[Rcpp::export(rng = false)]]
SEXP cpp_terms_solve(SEXP system, const Rcpp::List& relative, const Eigen::Map<Eigen::MatrixXd> b,
                     const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const auto at = hdlmm::inside(terms.model(), as_matrices(relative));
  return Rcpp::wrap(terms.factor(at, make_context(host))->solve(b));
}

// Squared distances [draws] of points [m x draws] from the cone of covariances of these widths, see
// cone_distances().
// [[Rcpp::export(rng = false)]]
SEXP cpp_cone_distances(const Eigen::Map<Eigen::MatrixXd> metric, const std::vector<int>& widths,
                        const Eigen::Map<Eigen::MatrixXd> points, const Rcpp::List& host) {
  const std::vector<hdlmm::Index> own(widths.begin(), widths.end());
  return Rcpp::wrap(hdlmm::cone_distances(metric, own, points, make_context(host)));
}
