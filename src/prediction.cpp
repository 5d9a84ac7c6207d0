#include "hdlmm/inference/prediction.hpp"

#include <RcppEigen.h>

#include "r_context.h"
#include "r_design.h"
#include "r_system.h"

using Rcpp::as;

namespace {

hdlmm::Context context_or_default(const Rcpp::Nullable<Rcpp::List>& host) {
  return host.isNull() ? polling_context() : make_context(Rcpp::List(host.get()));
}

}  // namespace

// X u [n x k] for u [p x k], in the units of the design.
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_product(const Rcpp::List& design, SEXP row_scale,
                            const Eigen::Map<Eigen::MatrixXd> u,
                            Rcpp::Nullable<Rcpp::List> host = R_NilValue) {
  const auto x = make_operator(design, row_scale);
  hdlmm::Matrix out = hdlmm::Matrix::Zero(x->rows(), u.cols());
  x->add_product(u, out, context_or_default(host));
  return out;
}

// S X'v [p x k] for v [n x k].
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_covariance_product(const Rcpp::List& design, SEXP row_scale,
                                       const Eigen::Map<Eigen::MatrixXd> v,
                                       Rcpp::Nullable<Rcpp::List> host = R_NilValue) {
  const auto x = make_operator(design, row_scale);
  hdlmm::Matrix out = hdlmm::Matrix::Zero(x->cols(), v.cols());
  x->add_covariance_product(v, out, context_or_default(host));
  return out;
}

// Columns (1-based, any order) of X S, [n x k].
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_covariance_columns(const Rcpp::List& design, SEXP row_scale,
                                       const Rcpp::IntegerVector& columns) {
  const auto x = make_operator(design, row_scale);
  hdlmm::Matrix out(x->rows(), columns.size());
  for (R_xlen_t k = 0; k < columns.size(); ++k) {
    x->covariance_columns(columns[k] - 1, out.middleCols(k, 1));
  }
  return out;
}

// P y [n] and, when asked, diag(P) [n] at one share.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_projection(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                          double h, double nu, bool diagonal) {
  const auto x = make_operator(design, row_scale);
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const hdlmm::SpectralParts& parts = spectral.parts();
  const auto vectors = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  const hdlmm::SpectralFrame frame(*x, as_side(as<std::string>(system["side"])), parts.d, vectors,
                                   polling_context());
  const hdlmm::WhitenedData w = spectral.whiten(hdlmm::Share{h, nu});
  const hdlmm::Vector py = hdlmm::projected_response(frame, parts, w);
  hdlmm::Vector diag;
  if (diagonal) diag = hdlmm::projection_diagonal(frame, parts, w);
  return Rcpp::List::create(Rcpp::Named("py") = py, Rcpp::Named("diagonal") = diag);
}

// Var(beta_j | y) / tau^2 [p].
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_coefficient_variances(const Rcpp::List& design, SEXP row_scale,
                                          const Rcpp::List& system, double h, double nu,
                                          const Rcpp::List& host) {
  const auto x = make_operator(design, row_scale);
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const auto vectors = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  const hdlmm::SpectralFrame frame(*x, as_side(as<std::string>(system["side"])), spectral.parts().d,
                                   vectors, polling_context());
  return hdlmm::coefficient_variances(frame, spectral, spectral.whiten(hdlmm::Share{h, nu}),
                                      make_context(host));
}

// Var(z'omega + x'beta | y) / tau^2 [m]: covariance [n x m] = X S x, prior_variance [m] = x'S x,
// z [m x c] in the coordinates of Q.
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_latent_variances(const Rcpp::List& design, SEXP row_scale,
                                     const Rcpp::List& system, double h, double nu,
                                     const Eigen::Map<Eigen::MatrixXd> covariance,
                                     const Eigen::Map<Eigen::VectorXd> prior_variance,
                                     const Eigen::Map<Eigen::MatrixXd> z) {
  const auto x = make_operator(design, row_scale);
  const hdlmm::SpectralSystem spectral = make_spectral_system(system);
  const auto vectors = as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"]);
  const hdlmm::SpectralFrame frame(*x, as_side(as<std::string>(system["side"])), spectral.parts().d,
                                   vectors, polling_context());
  const hdlmm::PredictionRows rows{frame.rotate(covariance), prior_variance, z};
  return hdlmm::latent_variances(spectral, spectral.whiten(hdlmm::Share{h, nu}), rows);
}
