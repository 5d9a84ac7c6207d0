#include "r_system.h"

#include <map>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/marginal/implicit_spectrum.hpp"
#include "hdlmm/marginal/tridiagonal_system.hpp"

#include "r_design.h"
#include "r_list.h"

using Rcpp::as;

Rcpp::List as_list(const hdlmm::SpectralParts& parts) {
  Rcpp::List mean;
  if (parts.mean.is_present()) {
    mean = make_list({{"coordinates", parts.mean.coordinates},
                      {"unscaled", parts.mean.unscaled},
                      {"norm2", parts.mean.norm2},
                      {"rest2", parts.mean.rest2},
                      {"constant_norm2", parts.mean.constant_norm2},
                      {"constant", parts.mean.constant}});
  }
  // nothing that is called by the name of eigenvalues holds anything else
  hdlmm::Vector eigenvalues, diagonal;
  (parts.is_tridiagonal() ? diagonal : eigenvalues) = parts.d;
  return make_list(
      {{"n", static_cast<double>(parts.n)},
       {"d", eigenvalues},
       {"trace", parts.d.sum()},
       {"t_diagonal", diagonal},
       {"beside", parts.beside},
       {"range", Rcpp::NumericVector::create(parts.range.smallest, parts.range.largest)},
       {"z", parts.z},
       {"y", parts.y},
       {"turn", parts.turn},
       {"null_scale", parts.null_scale},
       {"null_shift", parts.null_shift},
       {"null_frame", parts.null_frame},
       {"null_rest", parts.null_rest},
       {"null_residual", parts.null_residual},
       {"mean", mean},
       {"prior_rows", parts.prior_rows}});
}

hdlmm::SpectralParts as_parts(const Rcpp::List& list) {
  hdlmm::SpectralParts parts;
  parts.n = static_cast<hdlmm::Index>(as<double>(list["n"]));
  parts.beside = as<hdlmm::Vector>(list["beside"]);
  parts.d = as<hdlmm::Vector>(list[parts.is_tridiagonal() ? "t_diagonal" : "d"]);
  const Rcpp::NumericVector range = list["range"];
  hdlmm::check_input(range.size() == 2, "a system: range of the spectrum");
  parts.range = {range[0], range[1]};
  parts.z = as<hdlmm::Matrix>(list["z"]);
  parts.y = as<hdlmm::Vector>(list["y"]);
  parts.turn = as<hdlmm::Matrix>(list["turn"]);
  parts.null_scale = as<hdlmm::Vector>(list["null_scale"]);
  parts.null_shift = as<hdlmm::Vector>(list["null_shift"]);
  parts.null_frame = as<hdlmm::Matrix>(list["null_frame"]);
  parts.null_rest = as<hdlmm::Vector>(list["null_rest"]);
  parts.null_residual = as<double>(list["null_residual"]);
  parts.prior_rows = as<hdlmm::Matrix>(list["prior_rows"]);
  const Rcpp::List mean = list["mean"];
  if (mean.size() > 0) {
    parts.mean.coordinates = as<hdlmm::Vector>(mean["coordinates"]);
    parts.mean.unscaled = as<hdlmm::Vector>(mean["unscaled"]);
    parts.mean.norm2 = as<double>(mean["norm2"]);
    parts.mean.rest2 = as<double>(mean["rest2"]);
    parts.mean.constant_norm2 = as<double>(mean["constant_norm2"]);
    parts.mean.constant = as<hdlmm::Vector>(mean["constant"]);
  }
  hdlmm::check_shapes(parts);
  return parts;
}

Rcpp::List as_list(const hdlmm::RotatedResponses& responses) {
  return make_list(
      {{"y", responses.y}, {"shift", responses.shift}, {"null_residual", responses.null_residual}});
}

hdlmm::RotatedResponses as_responses(const Rcpp::List& list) {
  return {as<hdlmm::Matrix>(list["y"]), as<hdlmm::Matrix>(list["shift"]),
          as<hdlmm::Vector>(list["null_residual"])};
}

hdlmm::SpectralSystem make_spectral_system(const Rcpp::List& system) {
  return hdlmm::SpectralSystem(hdlmm::diagonalised(as_parts(system["parts"]), hdlmm::Context()),
                               as<double>(system["kappa"]));
}

std::unique_ptr<hdlmm::SystemOfParts> make_system(const Rcpp::List& system) {
  hdlmm::SpectralParts parts = as_parts(system["parts"]);
  const double kappa = as<double>(system["kappa"]);
  if (parts.is_tridiagonal() && !parts.has_prior()) {
    return std::make_unique<hdlmm::TridiagonalSystem>(std::move(parts), kappa);
  }
  return std::make_unique<hdlmm::SpectralSystem>(
      hdlmm::diagonalised(std::move(parts), hdlmm::Context()), kappa);
}

std::string side_name(hdlmm::Side side) {
  switch (side) {
    case hdlmm::Side::row:
      return "row";
    case hdlmm::Side::column:
      return "column";
    default:
      return "diagonal";
  }
}

hdlmm::Side as_side(const std::string& name) {
  static const std::map<std::string, hdlmm::Side> table = {{"row", hdlmm::Side::row},
                                                           {"column", hdlmm::Side::column},
                                                           {"diagonal", hdlmm::Side::diagonal}};
  return table.at(name);
}

hdlmm::Criterion as_criterion(const std::string& name) {
  static const std::map<std::string, hdlmm::Criterion> table = {{"REML", hdlmm::Criterion::reml},
                                                                {"ML", hdlmm::Criterion::ml}};
  return table.at(name);
}
