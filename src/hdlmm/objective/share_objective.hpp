#ifndef HDLMM_OBJECTIVE_SHARE_OBJECTIVE_HPP
#define HDLMM_OBJECTIVE_SHARE_OBJECTIVE_HPP

#include "hdlmm/marginal/marginal_system.hpp"

namespace hdlmm {

/// An objective with omega and the total variance tau^2 profiled out, at one share.
struct ProfilePoint {
  Share share;
  double phi = 0;        ///< log(sigma_b^2 / sigma_e^2), -infinity at h = 0, infinity at h = 1
  double value = 0;      ///< up to a constant of the data
  double slope = 0;      ///< derivative by phi
  double curvature = 0;  ///< second derivative by phi
  double tau2 = 0;       ///< kappa sigma_b^2 + sigma_e^2
};

/// What is maximised over one share: a likelihood, a bound of it, a posterior density.
class ShareObjective {
 public:
  explicit ShareObjective(const MarginalSystem& system) : system_(system) {}
  virtual ~ShareObjective() = default;

  const MarginalSystem& system() const { return system_; }

  ProfilePoint at(double phi) const;

  virtual ProfilePoint at_share(const Share& share) const = 0;
  /// Derivative by the ratio sigma_b^2 / sigma_e^2 at zero: its sign decides the boundary.
  virtual double slope_at_zero() const = 0;
  /// Whether it tends to infinity as h -> 1, and whether it has a finite limit there.
  virtual bool is_unbounded() const = 0;
  virtual bool has_limit_at_one() const = 0;

 private:
  const MarginalSystem& system_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_SHARE_OBJECTIVE_HPP
