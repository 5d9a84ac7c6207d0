#ifndef HDLMM_MODEL_VARIANCE_PRIOR_HPP
#define HDLMM_MODEL_VARIANCE_PRIOR_HPP

#include <cmath>

namespace hdlmm {

enum class DensityKind { flat, jeffreys, inverse_gamma, half_t, beta };

/// A density of one parameter, without its normalising constant.
///
/// inverse_gamma: a = shape, b = scale, of a variance x: x^(-a-1) exp(-b/x). half_t: a = degrees
/// of freedom, b = squared scale, of a standard deviation. beta: a, b, of a share. flat: 1,
/// jeffreys: 1/x, of a variance.
struct ParameterDensity {
  DensityKind kind = DensityKind::flat;
  double a = 0;
  double b = 0;
};

/// By which measure a density of the variances is taken: that of the parameter on which each prior
/// is stated (for modes), or that of (log sigma_b^2, log sigma_e^2) (for integrals and sampling).
enum class PriorMeasure { stated, log_variances };

/// Priors of both variances: on (pve, total) or on (sigma_b^2, sigma_e^2) themselves.
struct VariancePrior {
  bool is_on_shares = false;
  ParameterDensity first;   ///< of pve = h, or of sigma_b^2
  ParameterDensity second;  ///< of the total tau^2 = kappa sigma_b^2 + sigma_e^2, or of sigma_e^2
  double kappa = 1;
};

/// A logarithm with gradient and Hessian in (u, v) = (log sigma_b^2, log sigma_e^2).
struct LogPrior {
  double value = 0;
  double du = 0, dv = 0;
  double duu = 0, duv = 0, dvv = 0;
};

struct PriorCurve {
  double value = 0, slope = 0, curvature = 0;
};

/// log(1 + exp(x)) without overflow.
double softplus(double x);
inline double logistic(double x) { return 1 / (1 + std::exp(-x)); }

/// The density of a variance as a function of x = log variance.
PriorCurve on_log_variance(const ParameterDensity& density, double x, PriorMeasure measure);

/// Log prior density at (u, v) = (log sigma_b^2, log sigma_e^2), without constants.
LogPrior log_prior(const VariancePrior& prior, double u, double v, PriorMeasure measure);

}  // namespace hdlmm

#endif  // HDLMM_MODEL_VARIANCE_PRIOR_HPP
