#include "hdlmm/inference/posterior/prediction.hpp"

#include <memory>
#include <string>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/packed_products.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"
#include "r_list.h"
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

// a'b [k x m] for a [n x k], b [n x m].
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_crossprod(const Eigen::Map<Eigen::MatrixXd> a,
                              const Eigen::Map<Eigen::MatrixXd> b) {
  hdlmm::Matrix out = hdlmm::Matrix::Zero(a.cols(), b.cols());
  hdlmm::add_product(1, a, hdlmm::Op::transpose, b, hdlmm::Op::none, out, polling_context());
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
  for (const int column : columns) {
    hdlmm::check_input(column >= 1 && column <= x->cols(), "columns of a design: their indices");
  }
  hdlmm::Matrix out(x->rows(), columns.size());
  for (R_xlen_t k = 0; k < columns.size(); ++k) {
    x->covariance_columns(hdlmm::Index{columns[k]} - 1, out.middleCols(k, 1));
  }
  return out;
}

namespace {

// A system with its eigenvectors at one share. Holds maps of R's memory.
struct WhitenedFrame {
  WhitenedFrame(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                const hdlmm::Share& share)
      : x(make_operator(design, row_scale)),
        spectral(make_spectral_system(system)),
        vectors(as<Eigen::Map<Eigen::MatrixXd>>(system["vectors"])),
        frame(*x, as_side(as<std::string>(system["side"])), spectral.parts().d, vectors,
              polling_context()),
        w(spectral.whiten(share)) {
    hdlmm::check_input(spectral.n_rows() == x->rows(), "a system: rows of the design");
  }

  std::unique_ptr<hdlmm::DesignOperator> x;
  hdlmm::SpectralSystem spectral;
  Eigen::Map<Eigen::MatrixXd> vectors;
  hdlmm::SpectralFrame frame;
  hdlmm::WhitenedData w;
};

}  // namespace

// list(py [n] = P y, effects [p] = (h / kappa) S X'P y) at one share.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_project_response(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                                double h, double nu, const Rcpp::List& host) {
  const WhitenedFrame at(design, row_scale, system, {h, nu});
  return make_list(
      {{"py", hdlmm::projected_response(at.frame, at.spectral.parts(), at.w)},
       {"effects", hdlmm::predicted_effects(at.frame, at.spectral, at.w, make_context(host))}});
}

// list(py [n] = P y, diagonal [n] = diag(P)) at one share.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_projection(const Rcpp::List& design, SEXP row_scale, const Rcpp::List& system,
                          double h, double nu) {
  const WhitenedFrame at(design, row_scale, system, {h, nu});
  const hdlmm::SpectralParts& parts = at.spectral.parts();
  return make_list({{"py", hdlmm::projected_response(at.frame, parts, at.w)},
                    {"diagonal", hdlmm::projection_diagonal(at.frame, parts, at.w)}});
}

// Var(beta_j | y) / tau^2 [p].
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_coefficient_variances(const Rcpp::List& design, SEXP row_scale,
                                          const Rcpp::List& system, double h, double nu,
                                          const Rcpp::List& host) {
  const WhitenedFrame at(design, row_scale, system, {h, nu});
  return hdlmm::coefficient_variances(at.frame, at.spectral, at.w, make_context(host));
}

// Var(z'omega + x'beta | y) / tau^2 [m]: covariance [n x m] = X S x, prior_variance [m] = x'S x,
// z [m x c] in the coordinates of Q.
// [[Rcpp::export(rng = false)]]
Eigen::VectorXd cpp_latent_variances(const Rcpp::List& design, SEXP row_scale,
                                     const Rcpp::List& system, double h, double nu,
                                     const Eigen::Map<Eigen::MatrixXd> covariance,
                                     const Eigen::Map<Eigen::VectorXd> prior_variance,
                                     const Eigen::Map<Eigen::MatrixXd> z) {
  const WhitenedFrame at(design, row_scale, system, {h, nu});
  hdlmm::check_input(z.cols() == at.spectral.n_fixed(), "points of prediction: fixed effects");
  return hdlmm::latent_variances(at.spectral, at.w,
                                 hdlmm::prediction_rows(at.frame, covariance, prior_variance, z));
}
