#include "hdlmm/model/terms_prior.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

const double kLogPi = std::log(std::acos(-1.0));
constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

/// A logarithm and its derivative.
struct Slope {
  double value = 0, slope = 0;
};

/// power log x, where 0 log 0 is 0.
Slope power_of(double power, double x) {
  return power == 0 ? Slope() : Slope{power * std::log(x), power / x};
}

/// The density of a variance x >= 0.
Slope on_variance(const ParameterDensity& density, double x, TermsMeasure measure) {
  switch (density.kind) {
    case DensityKind::jeffreys:
      return power_of(-1, x);
    case DensityKind::inverse_gamma: {
      if (!(x > 0)) return {kMinusInfinity, 0};
      const Slope power = power_of(-(density.a + 1), x);
      return {power.value - density.b / x, power.slope + density.b / x / x};
    }
    case DensityKind::half_t: {
      const double half = 0.5 * (density.a + 1), size = density.a * density.b;
      const Slope power = power_of(measure == TermsMeasure::volume ? -0.5 : 0, x);
      return {power.value - half * std::log1p(x / size), power.slope - half / (size + x)};
    }
    default:
      return {};
  }
}

double variance_constant(const ParameterDensity& density) {
  const double a = density.a, b = density.b;
  if (density.kind == DensityKind::inverse_gamma) return a * std::log(b) - std::lgamma(a);
  if (density.kind != DensityKind::half_t) return 0;
  return std::lgamma(0.5 * (a + 1)) - std::lgamma(0.5 * a) - 0.5 * (std::log(a * b) + kLogPi);
}

ParameterDensity variance_density(const TermDensity& density) {
  return {density.kind, density.a, density.b.size() > 0 ? density.b[0] : 0};
}

/// log of the multivariate gamma function of x, dimension r.
double log_gamma(Index r, double x) {
  double out = 0.25 * static_cast<double>(r * (r - 1)) * kLogPi;
  for (Index i = 0; i < r; ++i) out += std::lgamma(x - 0.5 * static_cast<double>(i));
  return out;
}

/// |Sigma|^-(a/2 + r) prod_i (a (Sigma^-1)_ii + 1 / b_i)^-(a + r)/2, the mixing scales integrated
/// out; by standard deviations and correlations times prod_i Sigma_ii^(r/2).
double add_block(const TermDensity& density, const Matrix& sigma, TermsMeasure measure,
                 Matrix& gradient) {
  const double r = static_cast<double>(density.width), a = density.a;
  gradient = Matrix::Zero(sigma.rows(), sigma.cols());
  Matrix root = sigma;
  if (!cholesky_in_place(root, Context())) return kMinusInfinity;
  const Matrix inverse = inverse_of_root(root, Context());
  const double determinant = 2 * root.diagonal().array().log().sum();
  double value = -(0.5 * a + r) * determinant;
  gradient = -(0.5 * a + r) * inverse;
  for (Index i = 0; i < density.width; ++i) {
    const double scale = a * inverse(i, i) + 1 / density.b[i];
    value -= 0.5 * (a + r) * std::log(scale);
    add_outer(0.5 * (a + r) * a / scale, inverse.col(i), inverse.col(i), gradient);
    if (measure == TermsMeasure::volume) continue;
    value += 0.5 * r * std::log(sigma(i, i));
    gradient(i, i) += 0.5 * r / sigma(i, i);
  }
  return value;
}

double block_constant(const TermDensity& density) {
  const double r = static_cast<double>(density.width), a = density.a, df = a + r - 1;
  double out = 0.5 * r * df * std::log(a) - log_gamma(density.width, 0.5 * df);
  for (Index i = 0; i < density.width; ++i) {
    out += std::lgamma(0.5 * (a + r)) - 0.5 * (kLogPi + std::log(density.b[i]));
  }
  return out;
}

double trace_of(const Matrix& a, const Matrix& b) { return a.cwiseProduct(b).sum(); }

}  // namespace

TermsPrior TermsPrior::on_variances(std::vector<TermDensity> terms,
                                    const ParameterDensity& residual) {
  TermsPrior out;
  for (const TermDensity& term : terms) {
    const bool has_scales = term.kind == DensityKind::half_t;
    check_input(term.width == 1 || has_scales || term.kind == DensityKind::flat,
                "a prior of a block: its kind");
    check_input(!has_scales || term.b.size() == term.width, "a prior of a block: its scales");
  }
  out.terms_ = std::move(terms);
  out.second_ = residual;
  return out;
}

TermsPrior TermsPrior::on_shares(SharesDensity shares, const ParameterDensity& total,
                                 std::vector<Matrix> moments) {
  const Index k = static_cast<Index>(moments.size());
  check_input(shares.alpha.size() == (shares.is_split ? 2 : k + 1), "a prior of shares: its size");
  TermsPrior out;
  out.is_on_shares_ = true;
  out.shares_ = std::move(shares);
  out.moments_ = std::move(moments);
  out.second_ = total;
  return out;
}

Index TermsPrior::size() const {
  return static_cast<Index>(is_on_shares_ ? moments_.size() : terms_.size());
}

Index TermsPrior::width(Index k) const {
  const auto at = static_cast<std::size_t>(k);
  return is_on_shares_ ? moments_[at].rows() : terms_[at].width;
}

TermsLogPrior TermsPrior::log_density(const std::vector<Matrix>& sigma, double sigma2,
                                      TermsMeasure measure) const {
  check_input(static_cast<Index>(sigma.size()) == size(), "covariances of a prior: their number");
  for (Index k = 0; k < size(); ++k) {
    check_input(sigma[static_cast<std::size_t>(k)].rows() == width(k),
                "covariances of a prior: their shape");
  }
  if (is_on_shares_) return on_shares_at(sigma, sigma2, measure);
  TermsLogPrior out;
  const Slope residual = on_variance(second_, sigma2, measure);
  out.value = residual.value;
  out.residual = residual.slope;
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    Matrix gradient = Matrix::Zero(sigma[k].rows(), sigma[k].cols());
    if (terms_[k].width == 1) {
      const Slope own = on_variance(variance_density(terms_[k]), sigma[k](0, 0), measure);
      out.value += own.value;
      gradient(0, 0) = own.slope;
    } else if (terms_[k].kind == DensityKind::half_t) {
      out.value += add_block(terms_[k], sigma[k], measure, gradient);
    }
    out.terms.push_back(std::move(gradient));
  }
  return out;
}

TermsLogPrior TermsPrior::on_shares_at(const std::vector<Matrix>& sigma, double sigma2,
                                       TermsMeasure measure) const {
  const double n_terms = static_cast<double>(size());
  const bool is_volume = measure == TermsMeasure::volume, is_split = shares_.is_split;
  Vector kappa(size());
  for (Index k = 0; k < size(); ++k) {
    const auto at = static_cast<std::size_t>(k);
    kappa[k] = trace_of(moments_[at], sigma[at]);
  }
  const double random = kappa.sum(), tau2 = random + sigma2;
  // powers of sigma_e^2, of the sum of kappa_k, of tau^2; a uniform split has density H^-(K - 1)
  const double residual_power = shares_.alpha[shares_.alpha.size() - 1] - 1;
  double random_power = 0, total_power = -residual_power;
  if (is_split) random_power = shares_.alpha[0] - 1;
  total_power -= random_power;
  if (!is_split) total_power -= shares_.alpha.head(size()).sum() - n_terms;
  if (is_volume) {
    if (is_split) random_power -= n_terms - 1;
    total_power -= is_split ? 1 : n_terms;
  }
  const Slope residual = power_of(residual_power, sigma2), sum = power_of(random_power, random);
  const Slope total = power_of(total_power, tau2), prior = on_variance(second_, tau2, measure);
  TermsLogPrior out;
  out.value = residual.value + sum.value + total.value + prior.value;
  out.residual = residual.slope + total.slope + prior.slope;
  for (Index k = 0; k < size(); ++k) {
    const double m = 0.5 * static_cast<double>(width(k) * (width(k) + 1));
    const double power = (is_split ? 0 : shares_.alpha[k] - 1) - (is_volume ? m - 1 : 0);
    const Slope own = power_of(power, kappa[k]);
    out.value += own.value;
    out.terms.push_back((own.slope + sum.slope + total.slope + prior.slope) *
                        moments_[static_cast<std::size_t>(k)]);
  }
  return out;
}

double TermsPrior::shares_constant() const {
  double out = std::lgamma(shares_.alpha.sum());
  for (Index i = 0; i < shares_.alpha.size(); ++i) out -= std::lgamma(shares_.alpha[i]);
  if (shares_.is_split) out += std::lgamma(static_cast<double>(size()));
  return out;
}

double TermsPrior::log_constant() const {
  double out = variance_constant(second_);
  if (is_on_shares_) {
    out += shares_constant();
    for (const Matrix& moments : moments_) out -= log_directions(moments);
    return out;
  }
  for (const TermDensity& term : terms_) {
    const bool is_block = term.width > 1 && term.kind == DensityKind::half_t;
    out += is_block ? block_constant(term) : variance_constant(variance_density(term));
  }
  return out;
}

double log_directions(const ConstMatrix& moments) {
  const Index r = moments.rows();
  const double half = 0.5 * static_cast<double>(r + 1), m = half * static_cast<double>(r);
  return log_gamma(r, half) - std::lgamma(m) - half * log_determinant(moments);
}

}  // namespace hdlmm
