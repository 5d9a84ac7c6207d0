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

/// A logarithm and its derivatives.
struct Curve {
  double value = 0, slope = 0, bend = 0;
};

/// power log x, where 0 log 0 is 0.
Curve power_of(double power, double x) {
  return power == 0 ? Curve() : Curve{power * std::log(x), power / x, -power / x / x};
}

/// The density of a variance x >= 0.
Curve on_variance(const ParameterDensity& density, double x, TermsMeasure measure) {
  switch (density.kind) {
    case DensityKind::jeffreys:
      return power_of(-1, x);
    case DensityKind::inverse_gamma: {
      if (!(x > 0)) return {kMinusInfinity, 0, 0};
      const Curve power = power_of(-(density.a + 1), x);
      const double pull = density.b / x;
      return {power.value - pull, power.slope + pull / x, power.bend - 2 * pull / x / x};
    }
    case DensityKind::half_t: {
      const double half = 0.5 * (density.a + 1), size = density.a * density.b, at = size + x;
      const Curve power = power_of(measure == TermsMeasure::volume ? -0.5 : 0, x);
      return {power.value - half * std::log1p(x / size), power.slope - half / at,
              power.bend + half / at / at};
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

/// Second derivatives of a function of Sigma^-1 = H by half vectors of Sigma, from
/// d^2 = c tr(H dS H dS) + sum_i [e_i (v_i'dS v_i)^2 - f_i v_i'dS H dS v_i], v_i = H e_i.
Matrix block_curvature(const Matrix& inverse, double c, const Vector& e, const Vector& f) {
  const Index r = inverse.rows();
  const auto cells = triangle_cells(r);
  const Index m = static_cast<Index>(cells.size());
  std::vector<Matrix> turned;  // H E
  for (const TriangleCell& cell : cells) turned.push_back(product(inverse, cell_matrix(r, cell)));
  Matrix out(m, m);
  for (Index i = 0; i < m; ++i) {
    for (Index j = 0; j < m; ++j) {
      const Matrix& first = turned[static_cast<std::size_t>(i)];
      const Matrix& second = turned[static_cast<std::size_t>(j)];
      const Matrix one = product(first, inverse), two = product(second, inverse);  // H E H
      const Matrix both = product(first, two);
      out(i, j) = c * first.cwiseProduct(second.transpose()).sum() +
                  e.dot(one.diagonal().cwiseProduct(two.diagonal())) - f.dot(both.diagonal());
    }
  }
  return out;
}

/// |Sigma|^-(a/2 + r) prod_i (a (Sigma^-1)_ii + 1 / b_i)^-(a + r)/2, the mixing scales integrated
/// out; by standard deviations and correlations times prod_i Sigma_ii^(r/2).
double add_block(const TermDensity& density, const Matrix& sigma, TermsMeasure measure,
                 Matrix& gradient, Matrix* curvature) {
  const double r = static_cast<double>(density.width), a = density.a, half = 0.5 * (a + r);
  Matrix root = sigma;
  if (!cholesky_in_place(root, Context())) return kMinusInfinity;
  const Matrix inverse = inverse_of_root(root, Context());
  double value = -(a + 2 * r) * root.diagonal().array().log().sum();
  gradient = -(0.5 * a + r) * inverse;
  Vector weight(density.width);
  for (Index i = 0; i < density.width; ++i) {
    const double scale = a * inverse(i, i) + 1 / density.b[i];
    weight[i] = a / scale;
    value -= half * std::log(scale);
    add_outer(half * weight[i], inverse.col(i), inverse.col(i), gradient);
  }
  if (curvature != nullptr) {
    *curvature =
        block_curvature(inverse, 0.5 * a + r, half * weight.cwiseAbs2(), 2 * half * weight);
  }
  if (measure == TermsMeasure::volume) return value;
  Index at = 0;
  for (Index i = 0; i < density.width; at += density.width - i, ++i) {
    const Curve own = power_of(0.5 * r, sigma(i, i));
    value += own.value;
    gradient(i, i) += own.slope;
    if (curvature != nullptr) (*curvature)(at, at) += own.bend;
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

Index half_size(Index width) { return width * (width + 1) / 2; }

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

Index TermsPrior::parameters() const {
  Index out = 0;
  for (Index k = 0; k < size(); ++k) out += half_size(width(k));
  return out;
}

bool TermsPrior::is_row_block(Index k) const {
  return !is_on_shares_ && width(k) > 1 && term(k).kind == DensityKind::half_t;
}

double TermsPrior::row_density(Index k, const Vector& deviations, const Matrix& root) const {
  const TermDensity& density = term(k);
  const double r = static_cast<double>(density.width), a = density.a;
  const Matrix inverse = inverse_of_root(root, Context());
  double out = -(a + 2 * r) * root.diagonal().array().log().sum();
  for (Index i = 0; i < density.width; ++i) {
    const double ratio = deviations[i] * deviations[i] / density.b[i];
    out -= 0.5 * (a + r) * std::log(a * inverse(i, i) + ratio);
  }
  return out;
}

TermsPrior TermsPrior::without_row_blocks() const {
  TermsPrior out = *this;
  for (Index k = 0; k < size(); ++k) {
    if (is_row_block(k)) out.terms_[static_cast<std::size_t>(k)].kind = DensityKind::flat;
  }
  return out;
}

TermsLogPrior TermsPrior::log_density(const std::vector<Matrix>& sigma, double sigma2,
                                      TermsMeasure measure, bool has_curvature) const {
  check_input(static_cast<Index>(sigma.size()) == size(), "covariances of a prior: their number");
  for (Index k = 0; k < size(); ++k) {
    check_input(sigma[static_cast<std::size_t>(k)].rows() == width(k),
                "covariances of a prior: their shape");
  }
  return is_on_shares_ ? on_shares_at(sigma, sigma2, measure)
                       : on_variances_at(sigma, sigma2, measure, has_curvature);
}

TermsLogPrior TermsPrior::on_variances_at(const std::vector<Matrix>& sigma, double sigma2,
                                          TermsMeasure measure, bool has_curvature) const {
  const Index m = parameters();
  TermsLogPrior out;
  out.curvature = Matrix::Zero(m + 1, m + 1);
  const Curve residual = on_variance(second_, sigma2, measure);
  out.value = residual.value;
  out.residual = residual.slope;
  out.curvature(m, m) = residual.bend;
  Index first = 0;
  for (std::size_t k = 0; k < sigma.size(); ++k) {
    Matrix gradient = Matrix::Zero(sigma[k].rows(), sigma[k].cols());
    const Index own_m = half_size(terms_[k].width);
    if (terms_[k].width == 1) {
      const Curve own = on_variance(variance_density(terms_[k]), sigma[k](0, 0), measure);
      out.value += own.value;
      gradient(0, 0) = own.slope;
      out.curvature(first, first) = own.bend;
    } else if (terms_[k].kind == DensityKind::half_t) {
      Matrix curvature;
      out.value +=
          add_block(terms_[k], sigma[k], measure, gradient, has_curvature ? &curvature : nullptr);
      if (curvature.size() > 0) out.curvature.block(first, first, own_m, own_m) = curvature;
    }
    out.terms.push_back(std::move(gradient));
    first += own_m;
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
  const Curve residual = power_of(residual_power, sigma2), sum = power_of(random_power, random);
  const Curve total = power_of(total_power, tau2), prior = on_variance(second_, tau2, measure);
  const Index m = parameters();
  TermsLogPrior out;
  out.value = residual.value + sum.value + total.value + prior.value;
  out.residual = residual.slope + total.slope + prior.slope;
  out.curvature = Matrix::Zero(m + 1, m + 1);
  Vector all(m + 1);  // derivatives of the sum of kappa_k, then of tau^2
  all[m] = 0;
  Index first = 0;
  for (Index k = 0; k < size(); ++k) {
    const Matrix& moments = moments_[static_cast<std::size_t>(k)];
    const Index own_m = half_size(width(k));
    const double power =
        (is_split ? 0 : shares_.alpha[k] - 1) - (is_volume ? static_cast<double>(own_m - 1) : 0);
    const Curve own = power_of(power, kappa[k]);
    const Vector slope = cell_traces(moments);
    out.value += own.value;
    out.terms.push_back((own.slope + sum.slope + total.slope + prior.slope) * moments);
    add_outer(own.bend, slope, slope, out.curvature.block(first, first, own_m, own_m));
    all.segment(first, own_m) = slope;
    first += own_m;
  }
  add_outer(sum.bend, all, all, out.curvature);
  all[m] = 1;
  add_outer(total.bend + prior.bend, all, all, out.curvature);
  out.curvature(m, m) += residual.bend;
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
