#include "hdlmm/inference/terms/expected_posterior.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/inference/terms/trust_region.hpp"

namespace hdlmm {

namespace {

/// A point of -2 times the objective: theta of S~_k, then t, Sigma_k = R_k S~_k R_k' and sigma_e^2
/// = E / n exp(t), R_k R_k' = B_k / J_k, so that the maximum without prior is S~ = I, t = 0.
struct ExpectedPoint {
  double value = 0;
  Vector gradient;
};

class ExpectedPosterior {
 public:
  ExpectedPosterior(const TermsExpectation& moments, const TermsPosterior& posterior)
      : posterior_(posterior), shapes_(posterior.system().model().shapes) {
    n_ = static_cast<double>(posterior.system().model().rows());
    noise_ = moments.noise / n_;
    for (std::size_t k = 0; k < shapes_.size(); ++k) {
      const Matrix mean = moments.second[k] / static_cast<double>(shapes_[k].levels);
      roots_.push_back(upper_root(mean).transpose());
    }
  }

  Vector plain_maximum() const {
    std::vector<Matrix> relative;
    for (const TermShape& shape : shapes_) {
      relative.push_back(Matrix::Identity(shape.width, shape.width));
    }
    return joined(Covariances::of(shapes_, relative), 0);
  }

  Vector of(const TermsVariances& at) const {
    std::vector<Matrix> relative;
    for (std::size_t k = 0; k < shapes_.size(); ++k) {
      Matrix inverse = Matrix::Identity(shapes_[k].width, shapes_[k].width);
      solve_upper_transposed(roots_[k].transpose(), inverse);
      relative.push_back(congruent(inverse, at.sigma[k]));
    }
    return joined(Covariances::of(shapes_, relative), std::log(at.sigma2 / noise_));
  }

  TermsVariances variances(const Vector& x) const {
    const Covariances inner = covariances(x);
    TermsVariances out;
    out.sigma2 = noise_ * std::exp(x[x.size() - 1]);
    for (std::size_t k = 0; k < shapes_.size(); ++k) {
      out.sigma.push_back(congruent(roots_[k], inner.relative(static_cast<Index>(k))));
    }
    return out;
  }

  /// The value is not finite where an S~_k is singular or the prior vanishes.
  ExpectedPoint at(const Vector& x) const {
    const Index m = x.size() - 1;
    const Covariances inner = covariances(x);
    const TermsVariances outer = variances(x);
    std::vector<Matrix> relative;
    for (const Matrix& sigma : outer.sigma) relative.push_back(sigma / outer.sigma2);
    const TermsLogPrior prior =
        posterior_.log_prior(Covariances::of(shapes_, relative), outer.sigma2, false);
    ExpectedPoint out;
    const double t = x[m];
    out.value = n_ * (t + std::exp(-t)) - 2 * prior.value;
    std::vector<Matrix> gradient;
    for (std::size_t k = 0; k < shapes_.size(); ++k) {
      const Index term = static_cast<Index>(k), r = shapes_[k].width;
      const double levels = static_cast<double>(shapes_[k].levels);
      const Matrix& factor = inner.factor(term);
      Matrix half = Matrix::Identity(r, r);
      solve_upper_transposed(factor.transpose(), half);  // L^-1
      const Matrix inverse = transpose_product(half, half);
      out.value += levels * (2 * factor.diagonal().array().abs().log().sum() + inverse.trace());
      gradient.push_back(levels * (inverse - product(inverse, inverse)) -
                         2 * sandwich(roots_[k], prior.terms[k]));
    }
    out.gradient.resize(m + 1);
    out.gradient.head(m) = inner.gradient(gradient);
    out.gradient[m] = n_ * (1 - std::exp(-t)) - 2 * outer.sigma2 * prior.residual;
    return out;
  }

  QuadraticModel model_at(const Vector& x, const ExpectedPoint& here) const {
    constexpr double kStep = 1e-5;
    const Index m = x.size();
    QuadraticModel out;
    out.gradient = here.gradient;
    Matrix hessian(m, m);
    for (Index i = 0; i < m; ++i) {
      const Vector step = kStep * Vector::Unit(m, i);
      hessian.col(i) = (at(x + step).gradient - at(x - step).gradient) / (2 * kStep);
    }
    out.hessian = symmetric_part(hessian);
    return out;
  }

 private:
  Covariances covariances(const Vector& x) const {
    return Covariances(shapes_, x.head(x.size() - 1));
  }

  static Vector joined(const Covariances& inner, double t) {
    Vector out(inner.parameters() + 1);
    out << inner.theta(), t;
    return out;
  }

  const TermsPosterior& posterior_;
  std::vector<TermShape> shapes_;
  std::vector<Matrix> roots_;
  double n_ = 0, noise_ = 0;
};

}  // namespace

TermsVariances maximise_expected(const TermsExpectation& moments, const TermsPosterior& posterior,
                                 const TermsVariances& start) {
  constexpr int kSteps = 60;
  constexpr double kSmallGain = 1e-13;
  const ExpectedPosterior objective(moments, posterior);
  Vector x = objective.of(start);
  ExpectedPoint here = objective.at(x);
  const Vector plain = objective.plain_maximum();
  const ExpectedPoint there = objective.at(plain);
  if (there.value < here.value) {
    x = plain;
    here = there;
  }
  double radius = 1;
  for (int i = 0; i < kSteps && radius > 1e-12; ++i) {
    const QuadraticModel model = objective.model_at(x, here);
    if (!model.hessian.allFinite()) break;
    const Vector step = trust_step(model, radius);
    const double promised = -model.change(step);
    if (promised < kSmallGain * (1 + std::abs(here.value))) break;
    ExpectedPoint next = objective.at(x + step);
    const double ratio = (here.value - next.value) / promised;
    if (!(ratio > 0.25)) radius = 0.25 * std::min(radius, step.norm());
    if (ratio > 0.75) radius = std::max(radius, 2 * step.norm());
    if (!(ratio > 1e-4)) continue;
    x += step;
    here = std::move(next);
  }
  return objective.variances(x);
}

}  // namespace hdlmm
