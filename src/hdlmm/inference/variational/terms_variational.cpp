#include "hdlmm/inference/variational/terms_variational.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/objective/terms_coordinates.hpp"

namespace hdlmm {

namespace {

constexpr double kLog2Pi = 1.8378770664093454836;

Matrix inverse_precision(const Matrix& precision) {
  return solve_positive(precision, Matrix::Identity(precision.rows(), precision.cols()));
}

double n_coefficients(const TermsModel& model) {
  Index sum = 0;
  for (const TermShape& shape : model.shapes) sum += shape.cols();
  return static_cast<double>(sum);
}

}  // namespace

TermsVariational::TermsVariational(const TermsModel& model, std::vector<CovarianceFactor> random,
                                   VarianceFactor residual, Matrix fixed_precision, bool is_full)
    : model_(&model),
      random_(std::move(random)),
      residual_(residual),
      fixed_precision_(std::move(fixed_precision)),
      is_full_(is_full) {}

void TermsVariational::set_precisions(const std::vector<Matrix>& random, double residual) {
  for (std::size_t k = 0; k < random_.size(); ++k) random_[k].set_precision(random[k]);
  residual_.set_precision(residual);
}

std::vector<Matrix> TermsVariational::covariances() const {
  std::vector<Matrix> out;
  for (const CovarianceFactor& factor : random_) {
    out.push_back(inverse_precision(factor.precision()));
  }
  return out;
}

Covariances TermsVariational::relative() const {
  std::vector<Matrix> out = covariances();
  for (Matrix& sigma : out) sigma *= residual_precision();
  return inside(*model_, out);
}

Matrix TermsVariational::fixed_covariance() const {
  const Index c = model_->q.cols();
  if (!is_full_ || c == 0) return Matrix::Zero(c, c);
  Matrix precision = residual_precision() * Matrix::Identity(c, c);
  if (has_fixed_prior()) precision += fixed_precision_;
  return inverse_precision(precision);
}

Vector TermsVariational::best_fixed(const Matrix& a, const Vector& v) const {
  if (!has_fixed_prior()) return solve_positive(a, v);
  return solve_positive(residual_precision() * a + fixed_precision_, residual_precision() * v);
}

Vector TermsVariational::fixed_step(const Vector& along, const Vector& delta) const {
  const Index c = delta.size();
  if (!has_fixed_prior()) return along;
  return best_fixed(Matrix::Identity(c, c), along + delta) - delta;
}

double TermsVariational::fixed_entropy(const TermsMeans& means, const Matrix& covariance) const {
  if (!is_full_ || means.delta.size() == 0) return 0;
  const double c = static_cast<double>(means.delta.size());
  double out = 0.5 * (c * (kLog2Pi + 1) + log_determinant(covariance));
  if (has_fixed_prior()) {
    out -= 0.5 * (means.delta.dot(times(fixed_precision_, means.delta)) +
                  fixed_precision_.cwiseProduct(covariance).sum());
  }
  return out;
}

double TermsVariational::update(const TermsMeans& means, const TermsSpread& spread) {
  const double n = static_cast<double>(model_->rows()), q = n_coefficients(*model_);
  const Matrix covariance = fixed_covariance();
  double elbo = -0.5 * (n + q) * kLog2Pi + 0.5 * (q * (kLog2Pi + 1) + spread.log_det) +
                fixed_entropy(means, covariance);
  for (std::size_t k = 0; k < random_.size(); ++k) {
    const Matrix second = means.second[k] + spread.second[k];
    random_[k].update(second);
    elbo += random_[k].value(second);
  }
  const double residual2 = means.residual2 + covariance.trace() + spread.fit;
  residual_.update(residual2);
  return elbo + residual_.value(residual2);
}

TermsPoint TermsVariational::point(double elbo) const {
  return {elbo, 1 / residual_precision(), covariances()};
}

double TermsVariational::rounding(double elbo) const {
  return 4 * std::numeric_limits<double>::epsilon() *
         (std::abs(elbo) + static_cast<double>(model_->rows()) + n_coefficients(*model_));
}

Matrix level_products(const Vector& b, const Matrix& turn) {
  const Index r = turn.rows();
  if (r == 1) return Matrix::Constant(1, 1, turn(0, 0) * turn(0, 0) * b.squaredNorm());
  const Eigen::Map<const Matrix> levels(b.data(), r, b.size() / r);
  return congruent(turn, product_transpose(levels, levels));
}

TermsSpread factorised_spread(const TermsFactorisation& factors, const TermsVariational& model) {
  TermsSpread out;
  for (Index k = 0; k < model.model().size(); ++k) {
    const BlockMoments own = factors.blocks[static_cast<std::size_t>(k)].moments(
        model.random(k).precision(), model.residual_precision());
    out.second.push_back(own.second);
    out.fit += own.fit;
    out.log_det += own.log_det;
  }
  return out;
}

// Cov(beta) = A^-1 with A = E[1/s] X'X + blockdiag E[Sigma^-1]: log|A^-1| = sum_k J_k log|Sigma_k|
// - log|V| and tr X A^-1 X' = (n - tr V^-1) / E[1/s].
TermsSpread joint_spread(const TermsFactor& factor, const TermsVariational& model) {
  const TermsModel& terms = model.model();
  TermsSpread out;
  out.log_det = -factor.log_det();
  for (Index k = 0; k < terms.size(); ++k) {
    const Index r = terms.shape(k).width;
    const Matrix levels = outside(terms, k, factor.level_covariances(k));
    Matrix sum = Matrix::Zero(r, r);
    for (Index j = 0; j < terms.shape(k).levels; ++j) sum += levels.middleCols(j * r, r);
    out.second.push_back(sum / model.residual_precision());
    out.log_det -=
        static_cast<double>(terms.shape(k).levels) * log_determinant(model.random(k).precision());
  }
  out.fit = (static_cast<double>(terms.rows()) - factor.inverse_diagonal().sum()) /
            model.residual_precision();
  return out;
}

TermsMeans best_means(const TermsFactor& factor, const TermsVariational& model) {
  const TermsModel& terms = model.model();
  const Index c = terms.q.cols();
  const Matrix gram = factor.data_gram();
  TermsMeans out;
  out.delta = model.best_fixed(gram.topLeftCorner(c, c), gram.col(c).head(c));
  out.residual2 = factor.projected(out.delta).squaredNorm();
  const std::vector<Vector> effects = factor.effects(out.delta);
  for (Index k = 0; k < terms.size(); ++k) {
    out.second.push_back(level_products(effects[static_cast<std::size_t>(k)],
                                        terms.turns[static_cast<std::size_t>(k)]));
  }
  return out;
}

}  // namespace hdlmm
