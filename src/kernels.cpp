#include <string>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/kernel_level.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/triangular.hpp"
#include "hdlmm/linalg/band_reduction.hpp"
#include "hdlmm/linalg/two_stage.hpp"

#include "r_context.h"
#include "r_design.h"
#include "r_eigen.h"

using Rcpp::Named;

// The kernels by themselves: what hdlmm_config() reports and bench/speed.R times.

// c(best, used): names of the instruction sets; see as_kernel_level().
// [[Rcpp::export(rng = false)]]
Rcpp::CharacterVector cpp_kernel_levels(const Rcpp::List& host) {
  return Rcpp::CharacterVector::create(Named("best") = hdlmm::name(hdlmm::best_kernel_level()),
                                       Named("used") = hdlmm::name(make_context(host).kernels));
}

// X S X' [n x n] (side "row") or X'X [p x p] ("column").
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_gram(const Rcpp::List& design, SEXP row_scale, const std::string& side,
                         const Rcpp::List& host) {
  const auto x = make_operator(design, row_scale);
  const hdlmm::Context context = make_context(host);
  hdlmm::Matrix gram = side == "row" ? x->row_gram(context) : x->column_gram(context);
  hdlmm::mirror_lower(gram);
  return gram;
}

// The band of a symmetric matrix [n x n] after the first of two stages, [(width + 1) x n].
// [[Rcpp::export(rng = false)]]
Eigen::MatrixXd cpp_reduce_to_band(const Eigen::Map<Eigen::MatrixXd> k, const Rcpp::List& host) {
  hdlmm::check_input(k.rows() == k.cols(), "a symmetric matrix: not square");
  const hdlmm::Context context = make_context(host);
  const hdlmm::Index width = hdlmm::two_stage_width(k.rows());
  return hdlmm::reduce_to_band(hdlmm::copy_lower(k, context), width, context).band;
}

// Whether all eigenvalues of a symmetric matrix [n x n] are above a number.
// [[Rcpp::export(rng = false)]]
bool cpp_has_eigenvalues_above(const Eigen::Map<Eigen::MatrixXd> k, double floor,
                               const Rcpp::List& host) {
  hdlmm::check_input(k.rows() == k.cols(), "a symmetric matrix: not square");
  const hdlmm::Context context = make_context(host);
  hdlmm::Matrix shifted = hdlmm::copy_lower(k, context);
  shifted.diagonal().array() -= floor;
  return hdlmm::cholesky_in_place(shifted, context);
}
