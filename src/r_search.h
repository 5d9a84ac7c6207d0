#ifndef HDLMM_R_SEARCH_H
#define HDLMM_R_SEARCH_H

#include <string>
#include <vector>

#include "hdlmm/inference/search/global_search.hpp"

#include "r_eigen.h"

hdlmm::SearchOptions as_search_options(const Rcpp::List& list);

// phi, h, nu, value, slope, curvature, tau2: one row a point.
Rcpp::DataFrame as_frame(const std::vector<hdlmm::ProfilePoint>& points);

// The same read back: phi, value, slope.
std::vector<hdlmm::ProfilePoint> as_points(const Rcpp::List& columns);

// Every mode of an objective, the highest first: list(modes (points, kind and termination), traces,
// grid, is_unbounded).
Rcpp::List run_search(const hdlmm::ShareObjective& objective, const hdlmm::SearchOptions& options,
                      const hdlmm::Context& context);

// Limits of h where an objective falls below `floor`; curve: its points; see
// profile_limits.hpp.
Rcpp::NumericVector run_limits(const hdlmm::ShareObjective& objective, const Rcpp::List& curve,
                               double floor, bool has_mode_at_zero);

#endif  // HDLMM_R_SEARCH_H
