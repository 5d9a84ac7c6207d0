#include "hdlmm/objective/factorised_bound.hpp"

#include <cmath>
#include <limits>

namespace hdlmm {

DeterminantTerms& DeterminantTerms::operator+=(const DeterminantTerms& other) {
  log_det += other.log_det;
  trace += other.trace;
  trace2 += other.trace2;
  noise += other.noise;
  return *this;
}

DeterminantTerms GramSpectrum::terms(const Share& share, double kappa) const {
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

double GramSpectrum::log_det_ratio(double ratio) const {
  double sum = (ratio * d).array().log1p().sum();
  if (!has_shift()) return sum;
  const Vector a2 = coordinates.cwiseAbs2().array() / (1 + ratio * d.array());
  return sum + std::log1p(ratio * constant_norm2 * (rest2 + a2.sum()));
}

GramSpectrum gram_spectrum(const SpectralParts& parts) {
  GramSpectrum out;
  out.d = parts.d;
  if (!parts.mean.is_present()) return out;
  out.coordinates = parts.mean.coordinates;
  out.rest2 = parts.mean.rest2;
  out.constant_norm2 = parts.mean.constant_norm2;
  return out;
}

Factorisation Factorisation::mean_field(const Vector& norms2) {
  GramSpectrum all;
  all.d.resize((norms2.array() > 0).count());
  Index at = 0;
  for (Index j = 0; j < norms2.size(); ++j) {
    if (norms2[j] > 0) all.d[at++] = norms2[j];
  }
  return Factorisation({all});
}

Index Factorisation::rank() const {
  Index sum = 0;
  for (const GramSpectrum& block : blocks_) sum += block.rank();
  return sum;
}

DeterminantTerms Factorisation::terms(const Share& share, double kappa) const {
  DeterminantTerms sum;
  for (const GramSpectrum& block : blocks_) sum += block.terms(share, kappa);
  return sum;
}

double Factorisation::log_det_ratio(double ratio) const {
  double sum = 0;
  for (const GramSpectrum& block : blocks_) sum += block.log_det_ratio(ratio);
  return sum;
}

double factorisation_gap(const GramSpectrum& whole, const Factorisation& factors,
                         const Share& share, double kappa) {
  const double hk = share.h / kappa;
  if (share.nu > 0) {
    const double ratio = hk / share.nu;
    return 0.5 * (factors.log_det_ratio(ratio) - whole.log_det_ratio(ratio));
  }
  if (factors.rank() > whole.rank()) return std::numeric_limits<double>::infinity();
  return 0.5 * (factors.terms(share, kappa).log_det - whole.terms(share, kappa).log_det);
}

CollapsedBound::CollapsedBound(const MarginalSystem& system, Factorisation factors)
    : ShareObjective(system),
      factors_(std::move(factors)),
      excess_(static_cast<double>(system.n_rows() - factors_.rank())) {}

ProfilePoint CollapsedBound::at_share(const Share& share) const {
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

double CollapsedBound::value(const Evaluation& e, double tau2) const {
  constexpr double kLog2Pi = 1.8378770664093454836;
  const double n = static_cast<double>(system().n_rows());
  const double log_det = factors_.terms(e.share, system().kappa()).log_det +
                         (excess_ != 0 ? excess_ * std::log(e.share.nu) : 0);
  return -0.5 * (n * (kLog2Pi + std::log(tau2)) + log_det + e.rss / tau2);
}

double CollapsedBound::slope_at_zero() const {
  const Evaluation e = system().evaluate(Share{0, 1}, Detail::marginal);
  return -0.5 * (e.tr_vk - static_cast<double>(system().n_rows()) * e.quad_k / e.rss);
}

}  // namespace hdlmm
