#ifndef HDLMM_R_EIGEN_H
#define HDLMM_R_EIGEN_H

// Rcpp with the four types of Eigen that cross into R and back. RcppEigen.h would do, but it takes
// the compiler three times as long as all of this, in every file.

#include <RcppCommon.h>

#include "hdlmm/base/types.hpp"

namespace Rcpp {

// Copies; integers and logicals become numbers. Wrong types and shapes: Rcpp's exceptions.
template <>
Eigen::MatrixXd as(SEXP x);
template <>
Eigen::VectorXd as(SEXP x);

// R's own memory, of doubles alone.
template <>
Eigen::Map<Eigen::MatrixXd> as(SEXP x);
template <>
Eigen::Map<Eigen::VectorXd> as(SEXP x);

template <>
SEXP wrap(const Eigen::MatrixXd& x);
template <>
SEXP wrap(const Eigen::VectorXd& x);

}  // namespace Rcpp

#include <Rcpp/Lightest>

#endif  // HDLMM_R_EIGEN_H
