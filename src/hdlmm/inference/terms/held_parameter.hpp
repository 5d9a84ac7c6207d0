#ifndef HDLMM_INFERENCE_TERMS_HELD_PARAMETER_HPP
#define HDLMM_INFERENCE_TERMS_HELD_PARAMETER_HPP

#include <limits>
#include <memory>
#include <vector>

#include "hdlmm/inference/terms/theta_point.hpp"

namespace hdlmm {

/// correlation: of two coefficients of a block; share: of the variance, by moments of the terms;
/// contrast: of the fixed effects, which the likelihood itself holds.
enum class HeldKind { variance, covariance, correlation, residual, share, contrast };

/// A parameter of which a profile is asked.
struct AskedParameter {
  HeldKind kind = HeldKind::residual;
  Index term = -1;         ///< -1: none, or of a share all of them
  Index row = 0, col = 0;  ///< of the block
  Vector contrast;         ///< [c]
};

/// A point and the coordinate u of what is held, on which the signed root of a profile is nearly
/// straight:
///   variance    L_11 = u       residual     log sigma_e^2 = u
///   covariance  L_21 = u / L_11
///   correlation (L_21, L_22) = d (sin u, cos u)
///   share       of all variance sin^2 u, by the scale of its terms
/// with the held coefficients of a block first.
struct HeldPoint : ThetaPoint {
  double u = 0;
};

class HeldParameter {
 public:
  virtual ~HeldParameter() = default;

  virtual double lowest() const = 0;
  virtual double highest() const = 0;
  /// Whether there is a likelihood at the highest u.
  virtual bool has_highest() const { return true; }
  /// Beyond such a step the path may be lost to another maximum.
  virtual double longest_step() const { return std::numeric_limits<double>::infinity(); }

  /// The value of the parameter, per unit variance.
  virtual double value(const HeldPoint& at) const = 0;

  /// x moved on to where the parameter is `to`.
  virtual void settle(HeldPoint& at, double to) const = 0;

  /// Directions [m + 1 x f] in which x is free, what the second derivatives of x along them add to
  /// a Hessian where the gradient is g, and the direction of x by u.
  virtual Matrix directions(const HeldPoint& at, const Vector& g) const = 0;
  virtual Matrix bend(const HeldPoint& at, const Vector& g) const = 0;
  virtual Vector along(const HeldPoint& at) const = 0;

  /// The term whose units must stay as they are; -1: none.
  virtual Index fixed_term() const { return -1; }

  /// What of a model in x is one in the free directions.
  QuadraticModel reduced(const HeldPoint& at, const QuadraticModel& model) const;
};

/// moments: <M_k, Sigma_k> is the size of term k in a share, for coefficients inside. Where the
/// point, which is given inside and gets units, has no such parameter there is none.
std::unique_ptr<HeldParameter> hold(const AskedParameter& asked, const std::vector<Matrix>& moments,
                                    const std::vector<Matrix>& turns, const Covariances& inside,
                                    HeldPoint& at);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_HELD_PARAMETER_HPP
