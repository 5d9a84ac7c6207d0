#ifndef HDLMM_R_SYSTEM_H
#define HDLMM_R_SYSTEM_H

#include <memory>
#include <string>

#include <RcppEigen.h>

#include "hdlmm/core/context.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

// Plain R lists <-> what the core calls a marginal system.
Rcpp::List as_list(const hdlmm::SpectralParts& parts);
hdlmm::SpectralParts as_parts(const Rcpp::List& list);

// system: list(type = "spectral", parts, kappa) or list(type = "cholesky", k, q, y, kappa, rank,
// range).
std::unique_ptr<hdlmm::MarginalSystem> make_system(const Rcpp::List& system);
// Tridiagonal parts are diagonalised first, each time: see spectral_system() in R/system.R.
hdlmm::SpectralSystem make_spectral_system(const Rcpp::List& system);

hdlmm::Side as_side(const std::string& name);
std::string side_name(hdlmm::Side side);
hdlmm::Criterion as_criterion(const std::string& name);

#endif  // HDLMM_R_SYSTEM_H
