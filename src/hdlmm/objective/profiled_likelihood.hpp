#ifndef HDLMM_OBJECTIVE_PROFILED_LIKELIHOOD_HPP
#define HDLMM_OBJECTIVE_PROFILED_LIKELIHOOD_HPP

#include <cmath>

#include "hdlmm/marginal/marginal_system.hpp"

namespace hdlmm {

enum class Criterion { reml, ml };

/// A log-likelihood with omega and the total variance tau^2 profiled out, at one share.
struct ProfilePoint {
  Share share;
  double phi = 0;        ///< log(sigma_b^2 / sigma_e^2), -infinity at h = 0, infinity at h = 1
  double value = 0;      ///< up to a constant of the data
  double slope = 0;      ///< derivative by phi
  double curvature = 0;  ///< second derivative by phi
  double tau2 = 0;       ///< kappa sigma_b^2 + sigma_e^2
};

/// The ML or REML criterion of a marginal system as a function of one share.
///
/// value = -1/2 [N (log 2 pi + 1 + log(y'P y / N)) + log-determinant], with N = n and log|V| for
/// ML, N = n - c and log|V| + log|Q'V^-1 Q| for REML (Patterson & Thompson 1971).
class ProfiledLikelihood {
 public:
  ProfiledLikelihood(const MarginalSystem& system, Criterion criterion)
      : system_(system), criterion_(criterion) {}

  const MarginalSystem& system() const { return system_; }
  bool is_reml() const { return criterion_ == Criterion::reml; }
  double degrees() const {
    return static_cast<double>(system_.n_rows() - (is_reml() ? system_.n_fixed() : 0));
  }
  bool is_unbounded() const {
    if (!is_reml()) return system_.is_ml_unbounded();
    return system_.null_dimension() > system_.null_in_fixed() && system_.null_residual() == 0;
  }
  bool has_limit_at_one() const {
    return is_reml() ? system_.has_reml_limit_at_one() : system_.has_ml_limit_at_one();
  }

  ProfilePoint at(double phi) const {
    ProfilePoint point = at_share(Share::from_log_ratio(phi, system_.kappa()));
    point.phi = phi;
    return point;
  }

  ProfilePoint at_share(const Share& share) const {
    constexpr double kLog2Pi = 1.8378770664093454836;
    const Evaluation e = system_.evaluate(share);
    const double n = degrees(), hk = share.h / system_.kappa();
    const double log_det = is_reml() ? e.log_det_restricted : e.log_det_v;
    const double trace = hk * (is_reml() ? e.tr_pk : e.tr_vk);
    const double trace2 = hk * hk * (is_reml() ? e.tr_pkpk : e.tr_vkvk);
    const double trace_noise = is_reml() ? e.tr_p_noise : e.tr_v_noise;
    const double quad = hk * e.quad_k / e.rss, quad2 = hk * hk * e.quad_kk / e.rss;
    ProfilePoint point;
    point.share = share;
    point.phi = std::log(hk) - std::log(share.nu);
    point.tau2 = e.rss / n;
    point.value = -0.5 * (n * (kLog2Pi + 1 + std::log(point.tau2)) + log_det);
    point.slope =
        share.h < 0.5 ? -0.5 * (trace - n * quad) : 0.5 * (trace_noise - n * e.quad_noise / e.rss);
    point.curvature = -0.5 * (trace - trace2 - n * (quad - 2 * quad2 + quad * quad));
    return point;
  }

  /// Derivative by the ratio sigma_b^2 / sigma_e^2 at zero: its sign decides the boundary.
  double slope_at_zero() const {
    const Evaluation e = system_.evaluate(Share{0, 1});
    return -0.5 * ((is_reml() ? e.tr_pk : e.tr_vk) - degrees() * e.quad_k / e.rss);
  }

 private:
  const MarginalSystem& system_;
  Criterion criterion_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_PROFILED_LIKELIHOOD_HPP
