#include "hdlmm/inference/terms/terms_profile.hpp"

#include <string>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

#include "r_context.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_system.h"
#include "r_terms.h"

using Rcpp::as;

namespace {

hdlmm::HeldKind as_held_kind(const std::string& name) {
  if (name == "variance") return hdlmm::HeldKind::variance;
  if (name == "covariance") return hdlmm::HeldKind::covariance;
  if (name == "correlation") return hdlmm::HeldKind::correlation;
  if (name == "residual") return hdlmm::HeldKind::residual;
  if (name == "share") return hdlmm::HeldKind::share;
  hdlmm::check_input(name == "contrast", "kind of a parameter");
  return hdlmm::HeldKind::contrast;
}

// asked: list of list(kind, term, row, col, contrast), places from 1, term 0: none.
std::vector<hdlmm::AskedParameter> as_asked(const Rcpp::List& asked,
                                            const hdlmm::TermsModel& model) {
  std::vector<hdlmm::AskedParameter> out;
  for (R_xlen_t i = 0; i < asked.size(); ++i) {
    const Rcpp::List one(asked[i]);
    hdlmm::AskedParameter held;
    held.kind = as_held_kind(as<std::string>(one["kind"]));
    held.term = as<int>(one["term"]) - 1;
    held.row = as<int>(one["row"]) - 1;
    held.col = as<int>(one["col"]) - 1;
    held.contrast = as<hdlmm::Vector>(one["contrast"]);
    hdlmm::check_input(held.term < model.size(), "term of a parameter");
    out.push_back(std::move(held));
  }
  return out;
}

// at: list(relative, sigma2, moments), for the coefficients of the designs; search: as of
// cpp_terms_search().
hdlmm::TermsProfiles profiles_of(const hdlmm::TermsSystem& system, const std::string& criterion,
                                 const Rcpp::List& at, const Rcpp::List& search,
                                 const hdlmm::Context& context) {
  const auto relative = hdlmm::inside(system.model(), as_matrices(Rcpp::List(at["relative"])));
  return hdlmm::TermsProfiles(
      hdlmm::TermsLikelihood(system, as_criterion(criterion)), relative, as<double>(at["sigma2"]),
      hdlmm::moments_inside(system.model(), as_matrices(Rcpp::List(at["moments"]))),
      as_terms_options(search, system), context);
}

}  // namespace

// Limits [k x 2] of parameters, at -2 log-likelihood height^2 above its minimum.
// [[Rcpp::export(rng = false)]]
Rcpp::NumericMatrix cpp_terms_limits(SEXP system, const std::string& criterion,
                                     const Rcpp::List& at, const Rcpp::List& asked, double height,
                                     const Rcpp::List& search, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Context context = make_context(host);
  const auto limits = profiles_of(terms, criterion, at, search, context)
                          .limits(as_asked(asked, terms.model()), height);
  Rcpp::NumericMatrix out(static_cast<int>(limits.size()), 2);
  for (int i = 0; i < out.nrow(); ++i) {
    out(i, 0) = limits[static_cast<std::size_t>(i)].lower;
    out(i, 1) = limits[static_cast<std::size_t>(i)].upper;
  }
  return out;
}

// Profiles of parameters: a list of list(value, root).
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_curves(SEXP system, const std::string& criterion, const Rcpp::List& at,
                            const Rcpp::List& asked, double height, double step,
                            const Rcpp::List& search, const Rcpp::List& host) {
  const hdlmm::TermsSystem& terms = system_of(system);
  const hdlmm::Context context = make_context(host);
  const auto curves = profiles_of(terms, criterion, at, search, context)
                          .curves(as_asked(asked, terms.model()), height, step);
  Rcpp::List out(static_cast<R_xlen_t>(curves.size()));
  for (std::size_t i = 0; i < curves.size(); ++i) {
    out[static_cast<R_xlen_t>(i)] =
        make_list({{"value", curves[i].value}, {"root", curves[i].root}});
  }
  return out;
}
