#include "hdlmm/objective/profiled_likelihood.hpp"

#include <cmath>

namespace hdlmm {

ProfiledLikelihood::ProfiledLikelihood(const MarginalSystem& system, Criterion criterion)
    : ShareObjective(system), criterion_(criterion) {}

double ProfiledLikelihood::degrees() const {
  return static_cast<double>(system().n_rows() - (is_reml() ? system().n_fixed() : 0));
}

bool ProfiledLikelihood::is_unbounded() const {
  if (!is_reml()) return system().is_ml_unbounded();
  return system().null_dimension() > system().null_in_fixed() && system().null_residual() == 0;
}

bool ProfiledLikelihood::has_limit_at_one() const {
  return is_reml() ? system().has_reml_limit_at_one() : system().has_ml_limit_at_one();
}

ProfilePoint ProfiledLikelihood::at_share(const Share& share) const {
  return point_of(system().evaluate(share, detail()));
}

ProfilePoint ProfiledLikelihood::point_of(const Evaluation& e) const {
  constexpr double kLog2Pi = 1.8378770664093454836;
  const Share& share = e.share;
  const double n = degrees(), hk = share.h / system().kappa();
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

double ProfiledLikelihood::slope_at_zero() const {
  return slope_at_zero(system().evaluate(Share{0, 1}, detail()));
}

double ProfiledLikelihood::slope_at_zero(const Evaluation& e) const {
  return -0.5 * ((is_reml() ? e.tr_pk : e.tr_vk) - degrees() * e.quad_k / e.rss);
}

}  // namespace hdlmm
