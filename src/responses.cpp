#include <string>
#include <vector>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/inference/search/response_search.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_list.h"
#include "r_search.h"
#include "r_system.h"

using Rcpp::as;

namespace {

// fall: see SearchOptions.
hdlmm::SearchOptions as_response_options(const Rcpp::List& options) {
  hdlmm::SearchOptions out = as_search_options(options);
  out.fall = as<double>(options["fall"]);
  return out;
}

// What R makes of an Evaluation, one row each.
hdlmm::Vector forms_of(const hdlmm::Evaluation& e) {
  hdlmm::Vector out(10);
  out << e.rss, e.quad_k, e.quad_kk, e.quad_noise, e.tr_pk, e.tr_pkpk, e.tr_p_noise, e.tr_vk,
      e.tr_vkvk, e.tr_v_noise;
  return out;
}

// A column a response, not a number where it is to be fitted by itself.
Rcpp::List list_of_fits(const std::vector<hdlmm::ResponseFit>& fits, hdlmm::Index c) {
  const hdlmm::Index m = static_cast<hdlmm::Index>(fits.size());
  hdlmm::Matrix share = hdlmm::Matrix::Constant(5, m, NA_REAL);
  hdlmm::Matrix forms = hdlmm::Matrix::Constant(10, m, NA_REAL);
  hdlmm::Matrix delta = hdlmm::Matrix::Constant(c, m, NA_REAL);
  hdlmm::Matrix covariance = hdlmm::Matrix::Constant(c * c, m, NA_REAL);
  hdlmm::Matrix limits = hdlmm::Matrix::Constant(2, m, NA_REAL);
  Rcpp::LogicalVector is_plain(m), is_at_zero(m);
  for (hdlmm::Index k = 0; k < m; ++k) {
    const hdlmm::ResponseFit& fit = fits[static_cast<std::size_t>(k)];
    is_plain[k] = fit.is_plain;
    if (!fit.is_plain) continue;
    const hdlmm::ProfilePoint& best = fit.best.point;
    is_at_zero[k] = fit.best.kind == hdlmm::ModeKind::zero;
    share.col(k) << best.share.h, best.share.nu, best.tau2, best.value, fit.value_at_zero;
    forms.col(k) = forms_of(fit.at_best);
    limits.col(k) << fit.limits.lower, fit.limits.upper;
    if (c == 0) continue;
    delta.col(k) = fit.at_best.delta;
    covariance.col(k) = Eigen::Map<const hdlmm::Vector>(fit.at_best.covariance.data(), c * c);
  }
  return make_list({{"is_plain", is_plain},
                    {"is_at_zero", is_at_zero},
                    {"share", share},
                    {"forms", forms},
                    {"limits", limits},
                    {"delta", delta},
                    {"covariance", covariance}});
}

}  // namespace

// The highest mode for every one of many responses, see ResponseFit: is_plain [m], is_at_zero [m],
// share [5 x m] = (h, nu, tau2, value, value at h = 0), forms [10 x m] as in forms_of(), limits
// [2 x m] of h, delta [c x m], covariance [c^2 x m]. responses: of cpp_decompose().
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_search_responses(const Rcpp::List& system, const Rcpp::List& responses,
                                const std::string& criterion, const Rcpp::List& options,
                                const Rcpp::List& host) {
  const auto own = make_system(system);
  return list_of_fits(
      hdlmm::search_responses(*own, as_responses(responses), as_criterion(criterion),
                              as_response_options(options), make_context(host)),
      own->n_fixed());
}

// The same for responses that lack rows, on a system with vectors of columns that were not centred.
// y [n x m]: with any numbers at these rows; missing: their numbers (1-based, ascending) by
// response.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_search_deleted(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                              const Rcpp::List& responses, const Eigen::Map<Eigen::MatrixXd> y,
                              const Eigen::Map<Eigen::MatrixXd> q, const Rcpp::List& missing,
                              const std::string& criterion, const Rcpp::List& options,
                              const Rcpp::List& host) {
  const hdlmm::Context context = make_context(host);
  const auto x = make_operator(design, row_scale);
  const hdlmm::SpectralSystem own = make_spectral_system(system);
  const hdlmm::Side side = as_side(as<std::string>(system["side"]));
  const auto kept = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  hdlmm::Matrix vectors;
  if (side != hdlmm::Side::row) {
    const hdlmm::Index r = own.parts().rank();
    vectors = hdlmm::SpectralFrame(*x, side, own.parts().d, kept, context)
                  .unrotate(hdlmm::Matrix::Identity(r, r));
  }
  std::vector<std::vector<hdlmm::Index>> rows;
  for (R_xlen_t k = 0; k < missing.size(); ++k) {
    const Rcpp::IntegerVector one = missing[k];
    rows.emplace_back();
    for (const int row : one) {
      hdlmm::check_input(row >= 1 && row <= y.rows(), "missing rows");
      rows.back().push_back(row - 1);
    }
  }
  const hdlmm::RotatedResponses rotated = as_responses(responses);
  const hdlmm::DeletedResponses deleted{
      rotated, y, side == hdlmm::Side::row ? hdlmm::ConstMatrix(kept) : hdlmm::ConstMatrix(vectors),
      q, rows};
  return list_of_fits(hdlmm::search_deleted(own, deleted, as_criterion(criterion),
                                            as_response_options(options), context),
                      own.n_fixed());
}
