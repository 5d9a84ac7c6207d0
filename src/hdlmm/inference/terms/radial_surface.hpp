#ifndef HDLMM_INFERENCE_TERMS_RADIAL_SURFACE_HPP
#define HDLMM_INFERENCE_TERMS_RADIAL_SURFACE_HPP

#include <vector>

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// Several smooth functions of a point, known at some points: a quadratic trend (a linear one where
/// the points are few) and a radial part sum_i w_i |x - x_i|^3 that interpolates what it leaves
/// (Duchon 1977), in coordinates in which the points are uncorrelated with variance one.
class RadialSurface {
 public:
  RadialSurface() = default;

  /// points: [m x N]; values: [k x N]. Fewer points than a linear trend needs, with some to spare,
  /// leave the surface empty.
  RadialSurface(const Matrix& points, const Matrix& values);

  bool is_empty() const { return trend_.size() == 0; }

  struct Value {
    Vector value;       ///< [k]
    double beyond = 0;  ///< how far outside of the ball of all points, in deviations
  };
  /// The first `count` of the functions.
  Value at(const ConstVector& point, Index count) const;
  Value at(const ConstVector& point) const { return at(point, trend_.rows()); }

  /// The first and then always the one that is farthest from those chosen, at most `count` of the
  /// points, in the same coordinates.
  static std::vector<Index> spread(const Matrix& points, Index first, Index count);

 private:
  void standardise(const Matrix& points);
  Vector monomials(const ConstVector& z) const;

  Vector centre_;
  Matrix whiten_;  ///< lower triangular W: z = W (x - centre)
  double reach_ = 0;
  bool is_quadratic_ = false;
  Matrix nodes_;    ///< z of the points, [m x N]
  Matrix weights_;  ///< [k x N]
  Matrix trend_;    ///< [k x monomials]
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_RADIAL_SURFACE_HPP
