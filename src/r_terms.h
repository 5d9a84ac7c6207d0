#ifndef HDLMM_R_TERMS_H
#define HDLMM_R_TERMS_H

#include <vector>

#include "hdlmm/inference/terms/terms_search.hpp"

#include "r_eigen.h"

// Several random terms between R and the core. Covariances are lists of S_k per unit sigma_e^2, of
// the coefficients of the columns that R knows.

using SystemPointer = Rcpp::XPtr<hdlmm::TermsSystem>;

// What cpp_terms_system() made. Throws where it was saved and loaded.
const hdlmm::TermsSystem& system_of(SEXP pointer);

std::vector<hdlmm::Matrix> as_matrices(const Rcpp::List& list);

template <typename Items>
Rcpp::List as_r_list(const Items& items) {
  Rcpp::List out(static_cast<R_xlen_t>(items.size()));
  for (std::size_t i = 0; i < items.size(); ++i) {
    out[static_cast<R_xlen_t>(i)] = Rcpp::wrap(items[i]);
  }
  return out;
}

// An evaluation: list(value, sigma2, relative, rss, log_det, delta, covariance, effects, py,
// gradient, information, slopes).
Rcpp::List as_list(const hdlmm::TermsModel& model, const hdlmm::Covariances& at,
                   const hdlmm::TermsEvaluation& given);

// The same at the end of a search, and certificate, status, is_unbounded, rank, modes, trace.
Rcpp::List as_list(const hdlmm::TermsModel& model, const hdlmm::TermsMode& mode);

// options: list(tol, max_iter).
hdlmm::TermsOptions as_terms_options(const Rcpp::List& options, const hdlmm::TermsSystem& system);

// Covariances inside to begin a search with; none for NULL.
std::vector<hdlmm::Matrix> as_start(const hdlmm::TermsModel& model, SEXP start);

#endif  // HDLMM_R_TERMS_H
