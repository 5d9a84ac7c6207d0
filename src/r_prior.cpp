#include "r_prior.h"

#include <map>
#include <string>

#include "hdlmm/base/checks.hpp"

using Rcpp::as;

namespace {

hdlmm::ParameterDensity as_density(const Rcpp::List& density) {
  static const std::map<std::string, hdlmm::DensityKind> table = {
      {"flat", hdlmm::DensityKind::flat},
      {"jeffreys", hdlmm::DensityKind::jeffreys},
      {"inverse_gamma", hdlmm::DensityKind::inverse_gamma},
      {"half_t", hdlmm::DensityKind::half_t},
      {"beta", hdlmm::DensityKind::beta}};
  return {table.at(as<std::string>(density["kind"])), as<double>(density["a"]),
          as<double>(density["b"])};
}

}  // namespace

hdlmm::VariancePrior as_variance_prior(const Rcpp::List& prior) {
  hdlmm::VariancePrior out;
  out.is_on_shares = as<bool>(prior["on_shares"]);
  out.first = as_density(prior["first"]);
  out.second = as_density(prior["second"]);
  out.kappa = as<double>(prior["kappa"]);
  return out;
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
