#include "hdlmm/model/covariance_factor.hpp"

#include <cmath>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

Matrix inverse_of_positive(const Matrix& a) {
  return solve_positive(a, Matrix::Identity(a.rows(), a.cols()));
}

/// log of the gamma function of r dimensions at x, but for r (r - 1)/4 log pi.
double log_gamma(Index r, double x) {
  double sum = 0;
  for (Index a = 0; a < r; ++a) sum += std::lgamma(x - 0.5 * static_cast<double>(a));
  return sum;
}

}  // namespace

CovarianceFactor::CovarianceFactor(Index width, double df)
    : df_(df), precision_(Matrix::Identity(width, width)) {}

CovarianceFactor CovarianceFactor::point(Index width, double count) {
  CovarianceFactor out(width, count);
  out.is_point_ = true;
  out.scalar_ = VarianceFactor::point(count);
  return out;
}

CovarianceFactor CovarianceFactor::conjugate(const ParameterDensity& prior, double count) {
  const VarianceFactor scalar = VarianceFactor::conjugate(prior, count);
  CovarianceFactor out(1, 2 * scalar.shape());
  out.scalar_ = scalar;
  return out;
}

CovarianceFactor CovarianceFactor::half_t(double df, Vector scale2, double count) {
  check_input(df > 0 && scale2.size() > 0 && scale2.minCoeff() > 0,
              "a half t prior: df and scales");
  if (scale2.size() == 1) return conjugate({DensityKind::half_t, df, scale2[0]}, count);
  const Index r = scale2.size();
  CovarianceFactor out(r, df + static_cast<double>(r) - 1 + count);
  out.nu_ = df;
  out.scale2_ = std::move(scale2);
  out.w_scale_ = Vector::Ones(r);
  return out;
}

Matrix CovarianceFactor::scale() const { return df_ * inverse_of_positive(precision_); }

void CovarianceFactor::set_precision(const Matrix& precision) {
  check_input(precision.rows() == width() && precision.cols() == width(), "a precision: its size");
  precision_ = precision;
  if (is_scalar()) scalar_.set_precision(precision(0, 0));
}

void CovarianceFactor::update(const Matrix& second) {
  if (is_scalar()) {
    scalar_.update(second(0, 0));
    precision_(0, 0) = scalar_.precision();
    return;
  }
  Matrix scale = second;
  if (!is_point_) {
    w_scale_ = scale2_.cwiseInverse() + nu_ * precision_.diagonal();
    const double shape = 0.5 * (nu_ + static_cast<double>(width()));
    scale.diagonal() += 2 * nu_ * shape * w_scale_.cwiseInverse();
  }
  precision_ = df_ * inverse_of_positive(scale);
}

double CovarianceFactor::value(const Matrix& second) const {
  if (is_scalar()) return scalar_.value(second(0, 0));
  const double fit = 0.5 * precision_.cwiseProduct(second).sum();
  if (is_point_) return 0.5 * df_ * log_determinant(precision_) - fit;
  const Index r = width();
  const double size = static_cast<double>(r), prior_df = nu_ + size - 1;
  const double shape = 0.5 * (nu_ + size), log_pi = std::log(std::acos(-1.0));
  double out = -fit + 0.5 * df_ * size * (1 - std::log(df_)) +
               0.5 * df_ * log_determinant(precision_) +
               0.5 * (df_ - prior_df) * size * std::log(2.0) + log_gamma(r, 0.5 * df_) -
               log_gamma(r, 0.5 * prior_df);
  for (Index a = 0; a < r; ++a) {
    const double w = w_scale_[a], own = 1 / scale2_[a];
    out += 0.5 * prior_df * std::log(2 * nu_) + 0.5 * (std::log(own) - log_pi) -
           shape / w * (own + nu_ * precision_(a, a)) + shape * (1 - std::log(w)) +
           std::lgamma(shape);
  }
  return out;
}

}  // namespace hdlmm
