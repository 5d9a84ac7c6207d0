#ifndef HDLMM_R_VARIATIONAL_H
#define HDLMM_R_VARIATIONAL_H

#include "hdlmm/inference/variational/coordinate_ascent.hpp"

#include "r_eigen.h"

// options: list(tol, max_iter, sweep, seed).
hdlmm::AscentOptions as_ascent_options(const Rcpp::List& options);

#endif  // HDLMM_R_VARIATIONAL_H
