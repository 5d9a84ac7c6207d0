#ifndef HDLMM_R_CONTEXT_H
#define HDLMM_R_CONTEXT_H

#include "hdlmm/base/context.hpp"

#include "r_eigen.h"

// What the core asks of R: LAPACK's eigensolver, the interrupt, the progress bar.
// host: list(threads = integer(1), progress = function(stage, fraction) or NULL).
hdlmm::Context make_context(const Rcpp::List& host);
// For work on the calling thread that needs nothing but the interrupt.
hdlmm::Context polling_context();

#endif  // HDLMM_R_CONTEXT_H
