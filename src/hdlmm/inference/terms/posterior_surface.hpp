#ifndef HDLMM_INFERENCE_TERMS_POSTERIOR_SURFACE_HPP
#define HDLMM_INFERENCE_TERMS_POSTERIOR_SURFACE_HPP

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

  /// A point that was evaluated, and one that was drawn.
  void add_point(const VariancePoint& point);
  void add_draw(const Vector& x);

  /// Fits the surface and the spread to all that was added.
  void fit();

  bool has_surface() const { return !surface_.is_empty(); }

  /// log p(x | y) by the surface; falls off outside of its points.
  double log_density(const ConstVector& x) const;

  /// A direction of about the spread of the draws, N(0, Cov).
  Vector direction(Random& random) const;

 private:
  std::vector<Index> chosen_points() const;
  void fit_spread();

  const VariancePosterior& posterior_;
  std::vector<Vector> features_, outputs_;
  std::vector<double> density_;
  std::vector<Vector> draws_;
  RadialSurface surface_;
  Matrix spread_;  ///< R, R'R = Cov
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_POSTERIOR_SURFACE_HPP
