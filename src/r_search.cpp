#include "r_search.h"

#include <stdexcept>
#include <utility>

#include "hdlmm/inference/search/profile_limits.hpp"

#include "r_frame.h"
#include "r_list.h"

using Rcpp::as;

namespace {

std::string kind_name(hdlmm::ModeKind kind) {
  switch (kind) {
    case hdlmm::ModeKind::zero:
      return "zero";
    case hdlmm::ModeKind::one:
      return "one";
    default:
      return "interior";
  }
}

std::string termination_name(hdlmm::Termination termination) {
  switch (termination) {
    case hdlmm::Termination::converged:
      return "converged";
    case hdlmm::Termination::iteration_limit:
      return "iteration_limit";
    default:
      return "tolerance_unattainable";
  }
}

}  // namespace

hdlmm::SearchOptions as_search_options(const Rcpp::List& list) {
  hdlmm::SearchOptions options;
  options.tol = as<double>(list["tol"]);
  options.max_iter = as<int>(list["max_iter"]);
  options.step = as<double>(list["step"]);
  return options;
}

namespace {

Rcpp::List as_columns(const std::vector<hdlmm::ProfilePoint>& points) {
  const R_xlen_t n = static_cast<R_xlen_t>(points.size());
  Rcpp::NumericVector phi(n), h(n), nu(n), value(n), slope(n), curvature(n), tau2(n);
  for (R_xlen_t i = 0; i < n; ++i) {
    const hdlmm::ProfilePoint& point = points[static_cast<std::size_t>(i)];
    phi[i] = point.phi;
    h[i] = point.share.h;
    nu[i] = point.share.nu;
    value[i] = point.value;
    slope[i] = point.slope;
    curvature[i] = point.curvature;
    tau2[i] = point.tau2;
  }
  return make_list({{"phi", phi},
                    {"h", h},
                    {"nu", nu},
                    {"value", value},
                    {"slope", slope},
                    {"curvature", curvature},
                    {"tau2", tau2}});
}

Rcpp::DataFrame as_frame(const std::vector<hdlmm::Mode>& modes) {
  const R_xlen_t n = static_cast<R_xlen_t>(modes.size());
  std::vector<hdlmm::ProfilePoint> points;
  Rcpp::CharacterVector kind(n), termination(n);
  for (R_xlen_t i = 0; i < n; ++i) {
    const hdlmm::Mode& mode = modes[static_cast<std::size_t>(i)];
    points.push_back(mode.point);
    kind[i] = kind_name(mode.kind);
    termination[i] = termination_name(mode.termination);
  }
  Rcpp::List columns = as_columns(points);
  columns.push_back(kind, "kind");
  columns.push_back(termination, "termination");
  return make_frame(columns, n);
}

}  // namespace

Rcpp::DataFrame as_frame(const std::vector<hdlmm::ProfilePoint>& points) {
  return make_frame(as_columns(points), static_cast<R_xlen_t>(points.size()));
}

Rcpp::List run_search(const hdlmm::ShareObjective& objective, const hdlmm::SearchOptions& options,
                      const hdlmm::Context& context) {
  const hdlmm::SearchResult result = hdlmm::search_all_modes(objective, options, context);
  Rcpp::List traces;
  for (const hdlmm::Mode& mode : result.modes) traces.push_back(as_frame(mode.trace));
  return make_list({{"modes", as_frame(result.modes)},
                    {"traces", traces},
                    {"grid", as_frame(result.grid)},
                    {"is_unbounded", result.is_unbounded}});
}

std::vector<hdlmm::ProfilePoint> as_points(const Rcpp::List& columns) {
  const Rcpp::NumericVector phi = columns["phi"], value = columns["value"],
                            slope = columns["slope"];
  if (value.size() != phi.size() || slope.size() != phi.size()) {
    throw std::invalid_argument("lengths of a curve");
  }
  std::vector<hdlmm::ProfilePoint> points(static_cast<std::size_t>(phi.size()));
  for (R_xlen_t i = 0; i < phi.size(); ++i) {
    hdlmm::ProfilePoint& point = points[static_cast<std::size_t>(i)];
    point.phi = phi[i];
    point.value = value[i];
    point.slope = slope[i];
  }
  return points;
}

Rcpp::NumericVector run_limits(const hdlmm::ShareObjective& objective, const Rcpp::List& curve,
                               double floor, bool has_mode_at_zero) {
  const hdlmm::ShareLimits limits =
      hdlmm::profile_limits(objective, as_points(curve), floor, has_mode_at_zero);
  return Rcpp::NumericVector::create(limits.lower, limits.upper);
}
