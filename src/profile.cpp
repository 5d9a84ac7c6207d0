#include <stdexcept>
#include <vector>

#include "hdlmm/inference/search/profile_intervals.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_search.h"
#include "r_system.h"

using Rcpp::as;

namespace {

// curve: list(grid, as of cpp_search(), mode_phi, is_unbounded).
hdlmm::SearchedCurve as_searched_curve(const Rcpp::List& curve, double kappa) {
  const Rcpp::List grid = curve["grid"];
  const Rcpp::NumericVector tau2 = grid["tau2"];
  hdlmm::SearchedCurve out;
  out.grid = as_points(grid);
  if (tau2.size() != static_cast<R_xlen_t>(out.grid.size())) {
    throw std::invalid_argument("lengths of a curve");
  }
  for (R_xlen_t i = 0; i < tau2.size(); ++i) {
    hdlmm::ProfilePoint& point = out.grid[static_cast<std::size_t>(i)];
    point.share = hdlmm::Share::from_log_ratio(point.phi, kappa);
    point.tau2 = tau2[i];
  }
  out.mode_phi = as<double>(curve["mode_phi"]);
  out.is_unbounded = as<bool>(curve["is_unbounded"]);
  return out;
}

}  // namespace

// Profile limits of one variance in internal units; see variance_limits(). held: list(is_residual,
// estimate, scale).
// [[Rcpp::export(rng = false)]]
Rcpp::NumericVector cpp_variance_limits(const Rcpp::List& system, const std::string& criterion,
                                        const Rcpp::List& curve, const Rcpp::List& held,
                                        double floor, const Rcpp::List& host) {
  const auto marginal = make_system(system);
  const hdlmm::ProfiledLikelihood likelihood(*marginal, as_criterion(criterion));
  hdlmm::HeldVariance variance;
  variance.is_residual = as<bool>(held["is_residual"]);
  variance.estimate = as<double>(held["estimate"]);
  variance.scale = as<double>(held["scale"]);
  const hdlmm::Limits limits = hdlmm::variance_limits(
      likelihood, as_searched_curve(curve, marginal->kappa()), variance, floor, make_context(host));
  return Rcpp::NumericVector::create(limits.lower, limits.upper);
}

// Profile limits [k x 2] of the coefficients rows [k x c] of the basis; see coefficient_limits().
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix cpp_coefficient_limits(const Rcpp::List& system, const Rcpp::List& curve,
                                           const Eigen::Map<Eigen::MatrixXd> rows, double fall,
                                           const Rcpp::List& host) {
  const auto marginal = make_system(system);
  const std::vector<hdlmm::Limits> limits = hdlmm::coefficient_limits(
      *marginal, as_searched_curve(curve, marginal->kappa()), rows, fall, make_context(host));
  Rcpp::NumericMatrix out(static_cast<int>(limits.size()), 2);
  for (int i = 0; i < out.nrow(); ++i) {
    out(i, 0) = limits[static_cast<std::size_t>(i)].lower;
    out(i, 1) = limits[static_cast<std::size_t>(i)].upper;
  }
  return out;
}
