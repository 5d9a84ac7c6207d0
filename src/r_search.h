#ifndef HDLMM_R_SEARCH_H
#define HDLMM_R_SEARCH_H

#include <string>
#include <vector>

#include <RcppEigen.h>

#include "hdlmm/inference/global_search.hpp"

hdlmm::SearchOptions as_search_options(const Rcpp::List& list);

// phi, h, nu, value, slope, curvature, tau2: one row a point.
Rcpp::DataFrame as_frame(const std::vector<hdlmm::ProfilePoint>& points);

// Every mode of an objective, the highest first: list(modes (points, kind and termination), traces,
// grid, is_unbounded).
Rcpp::List run_search(const hdlmm::ShareObjective& objective, const hdlmm::SearchOptions& options,
                      const hdlmm::Context& context);

#endif  // HDLMM_R_SEARCH_H
