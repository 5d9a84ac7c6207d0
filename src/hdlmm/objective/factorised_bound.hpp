#ifndef HDLMM_OBJECTIVE_FACTORISED_BOUND_HPP
#define HDLMM_OBJECTIVE_FACTORISED_BOUND_HPP

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "hdlmm/core/sum_log.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/objective/share_objective.hpp"

namespace hdlmm {

/// log|nu I + hk G| and its derivatives for G = X'X of some columns, hk = h / kappa.
///
/// log_det counts the rank(G) directions that G acts on and no others; trace = tr(hk G (nu I +
/// hk G)^-1), trace2 the trace of its square, noise = rank - trace without cancellation.
struct DeterminantTerms {
  double log_det = 0;
  double trace = 0, trace2 = 0, noise = 0;

  DeterminantTerms& operator+=(const DeterminantTerms& other) {
    log_det += other.log_det;
    trace += other.trace;
    trace2 += other.trace2;
    noise += other.noise;
    return *this;
  }
};

/// The spectrum of X'X for some columns of the user's design: eigenvalues of the columns as the
/// operator has them, and a rank-one term for the column means that were taken out of them.
///
/// X = X_c + o m' with X_c'o = 0, so X'X = X_c'X_c + o'o m m', and its determinants follow by the
/// matrix determinant lemma without the cancellation that large means would bring.
struct GramSpectrum {
  Vector d;                   ///< [r], positive eigenvalues of X_c'X_c
  Vector coordinates;         ///< [r], m along its eigenvectors; read when constant_norm2 > 0
  double rest2 = 0;           ///< squared length of the rest of m
  double constant_norm2 = 0;  ///< o'o, or 0 for no shift

  bool has_shift() const { return constant_norm2 > 0; }
  bool adds_direction() const { return has_shift() && rest2 > 0; }
  Index rank() const { return d.size() + (adds_direction() ? 1 : 0); }

  DeterminantTerms terms(const Share& share, double kappa) const {
    const double hk = share.h / kappa, nu = share.nu;
    const Vector s = (hk * d).array() + nu;
    const Vector explained = hk * d.cwiseQuotient(s), noise = nu * s.cwiseInverse();
    DeterminantTerms out{sum_log(s), explained.sum(), explained.squaredNorm(), noise.sum()};
    if (!has_shift()) return out;
    // nu + hk o'o (rest2 + sum a^2 nu / s); with rest2 = 0 divided by nu, so that nu = 0 is safe
    const double size = constant_norm2 * hk, unit = adds_direction() ? nu : 1;
    const Vector weight = adds_direction() ? noise : Vector(s.cwiseInverse());
    const Vector a2 = coordinates.cwiseAbs2().cwiseProduct(weight);
    const double denominator = unit + size * (rest2 + a2.sum());
    const double ratio = size * (rest2 + a2.dot(noise)) / denominator;
    out.log_det += std::log(denominator);
    out.trace += ratio;
    out.trace2 += ratio * ratio + 2 * size * a2.cwiseProduct(noise).dot(explained) / denominator;
    out.noise += adds_direction() ? (nu + size * a2.dot(explained)) / denominator : -ratio;
    return out;
  }

  /// log|I + ratio X'X|, every term positive.
  double log_det_ratio(double ratio) const {
    double sum = (ratio * d).array().log1p().sum();
    if (!has_shift()) return sum;
    const Vector a2 = coordinates.cwiseAbs2().array() / (1 + ratio * d.array());
    return sum + std::log1p(ratio * constant_norm2 * (rest2 + a2.sum()));
  }
};

/// The whole design as one block.
inline GramSpectrum gram_spectrum(const SpectralParts& parts) {
  GramSpectrum out;
  out.d = parts.d;
  if (!parts.mean.is_present()) return out;
  out.coordinates = parts.mean.coordinates;
  out.rest2 = parts.mean.rest2;
  out.constant_norm2 = parts.mean.constant_norm2;
  return out;
}

/// q(beta) = prod over blocks of columns; for single columns one spectrum holds all their norms.
class Factorisation {
 public:
  explicit Factorisation(std::vector<GramSpectrum> blocks) : blocks_(std::move(blocks)) {}

  /// One factor a column. norms2: [p], squared lengths of the user's (weighted, uncentred) columns.
  static Factorisation mean_field(const Vector& norms2) {
    GramSpectrum all;
    all.d.resize((norms2.array() > 0).count());
    Index at = 0;
    for (Index j = 0; j < norms2.size(); ++j) {
      if (norms2[j] > 0) all.d[at++] = norms2[j];
    }
    return Factorisation({all});
  }

  Index rank() const {
    Index sum = 0;
    for (const GramSpectrum& block : blocks_) sum += block.rank();
    return sum;
  }

  DeterminantTerms terms(const Share& share, double kappa) const {
    DeterminantTerms sum;
    for (const GramSpectrum& block : blocks_) sum += block.terms(share, kappa);
    return sum;
  }

  double log_det_ratio(double ratio) const {
    double sum = 0;
    for (const GramSpectrum& block : blocks_) sum += block.log_det_ratio(ratio);
    return sum;
  }

 private:
  std::vector<GramSpectrum> blocks_;
};

/// KL(q || posterior of beta) at given variances: 1/2 (sum_B log|A_BB| - log|A|) with A = X'X /
/// sigma_e^2 + I / sigma_b^2 (Hadamard's inequality for single columns, Fischer's for blocks).
inline double factorisation_gap(const GramSpectrum& whole, const Factorisation& factors,
                                const Share& share, double kappa) {
  const double hk = share.h / kappa;
  if (share.nu > 0) {
    const double ratio = hk / share.nu;
    return 0.5 * (factors.log_det_ratio(ratio) - whole.log_det_ratio(ratio));
  }
  if (factors.rank() > whole.rank()) return std::numeric_limits<double>::infinity();
  return 0.5 * (factors.terms(share, kappa).log_det - whole.terms(share, kappa).log_det);
}

/// The ELBO with q(beta), omega and tau^2 maximised out: the ML criterion less the gap, which
/// leaves the blocks' determinants in the place of log|V|.
///
/// value = -1/2 [n (log 2 pi + 1 + log(y'P y / n)) + sum_B log|nu I + hk G_B| + (n - R) log nu],
/// R the sum of the ranks of the blocks. As nu -> 0 it tends to +infinity only when R < n and y is
/// fitted exactly, and to -infinity when R > n.
class CollapsedBound final : public ShareObjective {
 public:
  CollapsedBound(const MarginalSystem& system, Factorisation factors)
      : ShareObjective(system),
        factors_(std::move(factors)),
        excess_(static_cast<double>(system.n_rows() - factors_.rank())) {}

  const Factorisation& factors() const { return factors_; }

  bool is_unbounded() const override { return system().null_residual() == 0 && excess_ > 0; }
  bool has_limit_at_one() const override { return system().null_residual() == 0 && excess_ == 0; }

  ProfilePoint at_share(const Share& share) const override {
    const Evaluation e = system().evaluate(share, Detail::marginal);
    const double n = static_cast<double>(system().n_rows()), hk = share.h / system().kappa();
    ProfilePoint point;
    point.share = share;
    point.phi = std::log(hk) - std::log(share.nu);
    point.tau2 = e.rss / n;
    point.value = value(e, point.tau2);
    const DeterminantTerms det = factors_.terms(share, system().kappa());
    const double quad = hk * e.quad_k / e.rss, quad2 = hk * hk * e.quad_kk / e.rss;
    point.slope = share.h < 0.5 ? -0.5 * (det.trace - n * quad)
                                : 0.5 * (det.noise + excess_ - n * e.quad_noise / e.rss);
    point.curvature = -0.5 * (det.trace - det.trace2 - n * (quad - 2 * quad2 + quad * quad));
    return point;
  }

  /// The bound at any total variance, with the best q(beta) and omega for both variances.
  double value(const Evaluation& e, double tau2) const {
    constexpr double kLog2Pi = 1.8378770664093454836;
    const double n = static_cast<double>(system().n_rows());
    const double log_det = factors_.terms(e.share, system().kappa()).log_det +
                           (excess_ != 0 ? excess_ * std::log(e.share.nu) : 0);
    return -0.5 * (n * (kLog2Pi + std::log(tau2)) + log_det + e.rss / tau2);
  }

  /// That of ML: the gap is of second order in the ratio.
  double slope_at_zero() const override {
    const Evaluation e = system().evaluate(Share{0, 1}, Detail::marginal);
    return -0.5 * (e.tr_vk - static_cast<double>(system().n_rows()) * e.quad_k / e.rss);
  }

 private:
  Factorisation factors_;
  double excess_;  ///< n - R
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_FACTORISED_BOUND_HPP
