#include "hdlmm/inference/variational/variational_model.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

VariationalModel::VariationalModel(Factorisation factors, Index n, Index p)
    : factors_(std::move(factors)),
      n_(static_cast<double>(n)),
      p_(static_cast<double>(p)),
      random_(VarianceFactor::point(p_)),
      residual_(VarianceFactor::point(n_)) {}

VariationalModel::VariationalModel(Factorisation factors, Index n, Index p,
                                   const VariancePrior& prior, Matrix precision)
    : factors_(std::move(factors)),
      n_(static_cast<double>(n)),
      p_(static_cast<double>(p)),
      random_(VarianceFactor::conjugate(prior.first, p_)),
      residual_(VarianceFactor::conjugate(prior.second, n_)),
      fixed_precision_(std::move(precision)),
      is_full_(true) {}

void VariationalModel::set_precisions(double random, double residual) {
  random_.set_precision(random);
  residual_.set_precision(residual);
}

Share VariationalModel::share(double kappa) const {
  const double odds = kappa * ratio();
  return {odds / (1 + odds), 1 / (1 + odds)};
}

Matrix VariationalModel::fixed_covariance(Index c) const {
  if (!is_full_ || c == 0) return Matrix::Zero(c, c);
  Matrix precision = residual_precision() * Matrix::Identity(c, c);
  if (has_fixed_prior()) precision += fixed_precision_;
  return solve_positive(precision, Matrix::Identity(c, c));
}

Vector VariationalModel::fixed_step(const Vector& along, const Vector& delta) const {
  if (!has_fixed_prior()) return along;
  Matrix precision = fixed_precision_;
  precision.diagonal().array() += residual_precision();
  return solve_positive(precision, residual_precision() * along - times(fixed_precision_, delta));
}

double VariationalModel::update(const MeanMoments& means) {
  const double random = random_precision(), residual = residual_precision();
  const double ratio_now = residual / random;
  const double shrunk = factors_.terms({ratio_now / (1 + ratio_now), 1 / (1 + ratio_now)}, 1).trace;
  double entropy =
      0.5 * (p_ * (kLog2Pi + 1 - std::log(random)) - factors_.log_det_ratio(ratio_now));
  double fixed_trace = 0;
  if (is_full_ && means.delta.size() > 0) {
    const Index c = means.delta.size();
    const Matrix covariance = fixed_covariance(c);
    fixed_trace = covariance.trace();
    entropy += 0.5 * (static_cast<double>(c) * (kLog2Pi + 1) + log_determinant(covariance));
    if (has_fixed_prior()) {
      entropy -= 0.5 * (means.delta.dot(times(fixed_precision_, means.delta)) +
                        fixed_precision_.cwiseProduct(covariance).sum());
    }
  }
  const double random2 = means.effects2 + (p_ - shrunk) / random;
  const double residual2 = means.residual2 + fixed_trace + shrunk / residual;
  random_.update(random2);
  residual_.update(residual2);
  return -0.5 * (n_ + p_) * kLog2Pi + entropy + random_.value(random2) + residual_.value(residual2);
}

BoundPoint VariationalModel::point(double elbo) const {
  return {elbo, 1 / random_precision(), 1 / residual_precision()};
}

double VariationalModel::rounding(double elbo) const {
  return 4 * std::numeric_limits<double>::epsilon() * (std::abs(elbo) + n_ + p_);
}

bool GainRule::is_done(double value, double rounding) {
  const double gain = value - last_;
  last_ = value;
  ++steps_;
  if (steps_ < 3) {
    last_gain_ = gain;
    return false;
  }
  const double rate = last_gain_ > 0 ? gain / last_gain_ : 1;
  const double left =
      rate < 1 ? gain * std::max(rate, 0.0) / (1 - rate) : std::numeric_limits<double>::infinity();
  const bool is_small = gain <= rounding || (gain >= 0 && left <= tol_);
  last_gain_ = gain;
  n_small_ = is_small ? n_small_ + 1 : 0;
  return n_small_ >= 2;
}

}  // namespace hdlmm
