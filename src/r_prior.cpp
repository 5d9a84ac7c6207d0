#include "r_prior.h"

#include <map>
#include <string>
#include <utility>

#include "hdlmm/base/checks.hpp"

#include "r_list.h"
#include "r_terms.h"

using Rcpp::as;

namespace {

hdlmm::DensityKind as_kind(const Rcpp::List& density) {
  static const std::map<std::string, hdlmm::DensityKind> table = {
      {"flat", hdlmm::DensityKind::flat},
      {"jeffreys", hdlmm::DensityKind::jeffreys},
      {"inverse_gamma", hdlmm::DensityKind::inverse_gamma},
      {"half_t", hdlmm::DensityKind::half_t},
      {"beta", hdlmm::DensityKind::beta}};
  return table.at(as<std::string>(density["kind"]));
}

}  // namespace

hdlmm::ParameterDensity as_density(const Rcpp::List& density) {
  return {as_kind(density), as<double>(density["a"]), as<double>(density["b"])};
}

hdlmm::VariancePrior as_variance_prior(const Rcpp::List& prior) {
  hdlmm::VariancePrior out;
  out.is_on_shares = as<bool>(prior["on_shares"]);
  out.first = as_density(prior["first"]);
  out.second = as_density(prior["second"]);
  out.kappa = as<double>(prior["kappa"]);
  return out;
}

hdlmm::TermsPrior as_terms_prior(const Rcpp::List& prior) {
  const hdlmm::ParameterDensity second = as_density(prior["second"]);
  if (as<bool>(prior["on_shares"])) {
    const Rcpp::List shares = prior["shares"];
    return hdlmm::TermsPrior::on_shares(
        {as<bool>(shares["is_split"]), as<hdlmm::Vector>(shares["alpha"])}, second,
        as_matrices(prior["moments"]));
  }
  const Rcpp::List terms = prior["terms"];
  const std::vector<int> widths = as<std::vector<int>>(prior["widths"]);
  hdlmm::check_input(static_cast<R_xlen_t>(widths.size()) == terms.size(), "a prior: its terms");
  std::vector<hdlmm::TermDensity> out;
  for (R_xlen_t k = 0; k < terms.size(); ++k) {
    const Rcpp::List term = terms[k];
    out.push_back({as_kind(term), as<double>(term["a"]), as<hdlmm::Vector>(term["b"]),
                   widths[static_cast<std::size_t>(k)]});
  }
  return hdlmm::TermsPrior::on_variances(std::move(out), second);
}

hdlmm::Matrix optional_precision(SEXP precision, hdlmm::Index c) {
  if (Rf_isNull(precision)) return hdlmm::Matrix();
  hdlmm::Matrix out = as<hdlmm::Matrix>(precision);
  hdlmm::check_input(out.rows() == c && out.cols() == c, "a prior precision: its size");
  return out;
}

// Log prior density at (log sigma_b^2, log sigma_e^2) of the core, without constants:
// [m x 6] value, du, dv, duu, duv, dvv. is_stated: by the measure of the stated parameters.
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_log_prior(const Rcpp::List& prior, const std::vector<double>& u,
                              const std::vector<double>& v, bool is_stated) {
  const hdlmm::VariancePrior core = as_variance_prior(prior);
  hdlmm::check_input(u.size() == v.size(), "log variances: their numbers");
  const auto measure = is_stated ? hdlmm::PriorMeasure::stated : hdlmm::PriorMeasure::log_variances;
  Eigen::MatrixXd out(static_cast<Eigen::Index>(u.size()), 6);
  for (std::size_t i = 0; i < u.size(); ++i) {
    const hdlmm::LogPrior at = hdlmm::log_prior(core, u[i], v[i], measure);
    out.row(static_cast<Eigen::Index>(i)) << at.value, at.du, at.dv, at.duu, at.duv, at.dvv;
  }
  return out;
}

// Log prior density of several terms at Sigma_k and sigma_e^2 of the core: list(value, terms: the
// gradients by Sigma_k, residual: that by sigma_e^2, curvature, log_constant). is_stated: see
// TermsMeasure.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_terms_log_prior(const Rcpp::List& prior, const Rcpp::List& sigma, double sigma2,
                               bool is_stated) {
  const hdlmm::TermsPrior core = as_terms_prior(prior);
  const auto measure = is_stated ? hdlmm::TermsMeasure::stated : hdlmm::TermsMeasure::volume;
  const hdlmm::TermsLogPrior at = core.log_density(as_matrices(sigma), sigma2, measure, true);
  return make_list({{"value", at.value},
                    {"terms", as_r_list(at.terms)},
                    {"residual", at.residual},
                    {"curvature", at.curvature},
                    {"log_constant", core.log_constant()}});
}
