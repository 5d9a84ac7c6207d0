#ifndef HDLMM_INFERENCE_TERMS_POSTERIOR_SURFACE_HPP
#define HDLMM_INFERENCE_TERMS_POSTERIOR_SURFACE_HPP

#include <limits>
#include <optional>
#include <vector>

#include "hdlmm/base/slice_sampler.hpp"
#include "hdlmm/inference/terms/radial_surface.hpp"
#include "hdlmm/inference/terms/variance_posterior.hpp"

namespace hdlmm {

/// Where the posterior of the variances has been evaluated, and what follows from that: a surface
/// in the place of the likelihood, and the spread of the draws.
class PosteriorSurface {
 public:
  explicit PosteriorSurface(const VariancePosterior& posterior) : posterior_(posterior) {}

  /// A point that was evaluated, one that was drawn, and one that the surface met for the first
  /// time with what it had there.
  void add_point(const VariancePoint& point);
  void add_draw(const Vector& x);
  void add_error(const VariancePoint& point, double log_density);

  /// Fits the surface and the spread to all that was added.
  void fit();

  bool has_surface() const { return !surface_.is_empty(); }

  /// log p(x | y) by the surface; falls off outside of its points.
  double log_density(const ConstVector& x) const;

  /// What the surface has for a point where it is trusted: in the middle of the posterior, with
  /// about 98 percent of its mass.
  std::optional<VariancePoint> trusted_point(const ConstVector& x) const;

  /// What log_density() is off by there at most, judged by new points that the surface met before
  /// it was last fitted: three times their largest error. Infinite where they were few, or large.
  double tolerance() const { return tolerance_; }

  /// A direction of about the spread of the draws, N(0, Cov).
  Vector direction(Random& random) const;

 private:
  std::vector<Index> chosen_points() const;
  void fit_spread();
  void judge();
  bool is_central(double log_density) const;

  const VariancePosterior& posterior_;
  std::vector<Vector> features_, outputs_;
  std::vector<double> density_, errors_;
  double best_ = -std::numeric_limits<double>::infinity();
  double tolerance_ = std::numeric_limits<double>::infinity();
  std::vector<Vector> draws_;
  RadialSurface surface_;
  Matrix spread_;  ///< R, R'R = Cov
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_POSTERIOR_SURFACE_HPP
