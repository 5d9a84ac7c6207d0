#ifndef HDLMM_R_SYSTEM_H
#define HDLMM_R_SYSTEM_H

#include <memory>
#include <string>

#include "hdlmm/base/context.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

#include "r_eigen.h"

// Plain R lists <-> what the core calls a marginal system.
Rcpp::List as_list(const hdlmm::SpectralParts& parts);
hdlmm::SpectralParts as_parts(const Rcpp::List& list);
Rcpp::List as_list(const hdlmm::RotatedResponses& responses);
hdlmm::RotatedResponses as_responses(const Rcpp::List& list);

// system: list(parts, kappa).
std::unique_ptr<hdlmm::SystemOfParts> make_system(const Rcpp::List& system);
// Tridiagonal parts are diagonalised first, each time: see spectral_system() in R/system.R.
hdlmm::SpectralSystem make_spectral_system(const Rcpp::List& system);

hdlmm::Side as_side(const std::string& name);
std::string side_name(hdlmm::Side side);
hdlmm::Criterion as_criterion(const std::string& name);

#endif  // HDLMM_R_SYSTEM_H
