#include "hdlmm/objective/terms_marginal.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

constexpr double kRounding = 64 * std::numeric_limits<double>::epsilon();

}  // namespace

MarginalSummary summary_of(const TermsFactor& factor) {
  return {factor.log_det(), factor.data_gram()};
}

TermsMarginal::TermsMarginal(Index rows, Index fixed, Matrix precision)
    : rows_(rows), fixed_(fixed), precision_(std::move(precision)) {}

Vector TermsMarginal::outputs(const MarginalSummary& summary) const {
  Matrix root = upper_root(summary.gram);
  if (!is_flat()) {
    // where the fixed effects fit y, all that is left of its square is rounding of either sign
    double& left = root(fixed_, fixed_);
    const double least = std::sqrt(kRounding * summary.gram(fixed_, fixed_));
    if (!(left > least)) left = least;
  }
  const auto cells = triangle_cells(root.rows());
  Vector out(static_cast<Index>(cells.size()) + 2);
  Index i = 2;
  for (const auto [row, col] : cells) {
    out[i++] = row == col ? std::log(root(row, row)) : root(col, row);
  }
  const double log_det_fixed = 2 * root.diagonal().head(fixed_).array().log().sum();
  out[0] = summary.log_det + (is_flat() ? log_det_fixed : 0);
  out[1] = is_flat() ? 2 * std::log(root(fixed_, fixed_)) : 0;
  return out;
}

MarginalSummary TermsMarginal::summary(const ConstVector& outputs) const {
  Matrix root = Matrix::Zero(fixed_ + 1, fixed_ + 1);
  Index i = 2;
  for (const auto [row, col] : triangle_cells(fixed_ + 1)) {
    root(row, col) = row == col ? std::exp(outputs[i]) : outputs[i];
    ++i;
  }
  return {outputs[0], product_transpose(root, root)};
}

double TermsMarginal::log_likelihood(const ConstVector& outputs, double log_sigma2) const {
  if (!is_flat()) return log_likelihood_with_prior(summary(outputs), log_sigma2);
  return -0.5 * (static_cast<double>(rows_ - fixed_) * log_sigma2 + outputs[0] +
                 std::exp(outputs[1] - log_sigma2));
}

/// With M = A + sigma_e^2 precision: |V| and y'V^-1 y - v'M^-1 v in the place of |V| |A| and rss.
double TermsMarginal::log_likelihood_with_prior(const MarginalSummary& summary,
                                                double log_sigma2) const {
  const Index c = precision_.rows();
  const double sigma2 = std::exp(log_sigma2);
  const Matrix m = summary.gram.topLeftCorner(c, c) + sigma2 * precision_;
  const Vector v = summary.gram.col(c).head(c);
  const double rss = summary.gram(c, c) - v.dot(solve_positive(m, v).col(0));
  return -0.5 * (static_cast<double>(rows_ - c) * log_sigma2 + summary.log_det +
                 log_determinant(m) + rss / sigma2);
}

FixedPosterior TermsMarginal::fixed(const MarginalSummary& summary, double sigma2) const {
  const Index c = summary.gram.rows() - 1;
  Matrix m = summary.gram.topLeftCorner(c, c);
  if (!is_flat()) m += sigma2 * precision_;
  FixedPosterior out;
  const Matrix inverse = solve_positive(m, Matrix::Identity(c, c));
  out.mean = times(inverse, summary.gram.col(c).head(c));
  out.covariance = sigma2 * inverse;
  return out;
}

}  // namespace hdlmm
