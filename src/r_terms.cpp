#include "r_terms.h"

#include "hdlmm/base/checks.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

#include "r_frame.h"
#include "r_list.h"

using Rcpp::as;

const hdlmm::TermsSystem& system_of(SEXP pointer) {
  SystemPointer system(pointer);
  hdlmm::check_input(system.get() != nullptr, "a system of random terms: made in another session");
  return *system;
}

std::vector<hdlmm::Matrix> as_matrices(const Rcpp::List& list) {
  std::vector<hdlmm::Matrix> out;
  for (R_xlen_t k = 0; k < list.size(); ++k) out.push_back(as<hdlmm::Matrix>(list[k]));
  return out;
}

Rcpp::List as_list(const hdlmm::TermsModel& model, const hdlmm::Covariances& at,
                   const hdlmm::TermsEvaluation& given) {
  const hdlmm::TermsEvaluation e = hdlmm::outside(model, given);
  return make_list({{"value", e.value},
                    {"sigma2", e.sigma2},
                    {"relative", as_r_list(hdlmm::outside(model, at))},
                    {"rss", e.fixed.rss},
                    {"log_det", e.log_det_v},
                    {"delta", e.fixed.delta},
                    {"covariance", e.fixed.covariance},
                    {"effects", as_r_list(e.effects)},
                    {"py", e.projected},
                    {"gradient", as_r_list(e.gradient)},
                    {"information", e.information},
                    {"slopes", as_r_list(e.slopes)}});
}

namespace {

Rcpp::DataFrame trace_of(const hdlmm::TermsModel& model,
                         const std::vector<hdlmm::TermsStep>& trace) {
  const R_xlen_t n = static_cast<R_xlen_t>(trace.size());
  Rcpp::IntegerVector evaluation(n);
  Rcpp::NumericVector value(n), sigma2(n), radius(n);
  Rcpp::LogicalVector accepted(n);
  Rcpp::List relative(n);
  for (R_xlen_t i = 0; i < n; ++i) {
    const hdlmm::TermsStep& step = trace[static_cast<std::size_t>(i)];
    evaluation[i] = static_cast<int>(i) + 1;
    value[i] = step.value;
    sigma2[i] = step.sigma2;
    radius[i] = step.radius;
    accepted[i] = step.is_accepted;
    relative[i] =
        as_r_list(hdlmm::outside(model, hdlmm::Covariances::of(model.shapes, step.relative)));
  }
  return make_frame(make_list({{"evaluation", evaluation},
                               {"value", value},
                               {"sigma2", sigma2},
                               {"radius", radius},
                               {"accepted", accepted},
                               {"relative", relative}}),
                    n);
}

}  // namespace

Rcpp::List as_list(const hdlmm::TermsModel& model, const hdlmm::TermsMode& mode) {
  Rcpp::List out = as_list(model, mode.at, mode.evaluation);
  const std::vector<int> rank(mode.rank.begin(), mode.rank.end());
  out.push_back(make_list({{"gradient", mode.certificate.gradient},
                           {"complementarity", mode.certificate.complementarity},
                           {"null_gain", mode.certificate.null_gain},
                           {"evaluations", static_cast<int>(mode.trace.size())},
                           {"all_evaluations", mode.all_evaluations}}),
                "certificate");
  out.push_back(hdlmm::name(mode.status), "status");
  out.push_back(mode.is_unbounded, "is_unbounded");
  out.push_back(Rcpp::wrap(rank), "rank");
  out.push_back(Rcpp::wrap(mode.modes), "modes");
  out.push_back(trace_of(model, mode.trace), "trace");
  return out;
}

hdlmm::TermsOptions as_terms_options(const Rcpp::List& options, const hdlmm::TermsSystem& system) {
  hdlmm::TermsOptions out;
  out.tol = as<double>(options["tol"]);
  out.max_evaluations = as<int>(options["max_iter"]);
  out.has_corner_starts = system.is_cheap();
  return out;
}

std::vector<hdlmm::Matrix> as_start(const hdlmm::TermsModel& model, SEXP start) {
  std::vector<hdlmm::Matrix> out;
  if (Rf_isNull(start)) return out;
  const auto at = hdlmm::inside(model, as_matrices(Rcpp::List(start)));
  for (hdlmm::Index k = 0; k < at.size(); ++k) out.push_back(at.relative(k));
  return out;
}
