#ifndef HDLMM_INFERENCE_SEARCH_PROFILE_INTERVALS_HPP
#define HDLMM_INFERENCE_SEARCH_PROFILE_INTERVALS_HPP

#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

/// Ends of an interval: NaN where there is none, infinite where nothing is known to be outside.
struct Limits {
  double lower = 0;
  double upper = 0;
};

/// What the search for a criterion's modes left behind.
struct SearchedCurve {
  std::vector<ProfilePoint> grid;  ///< ascending in phi
  double mode_phi = 0;             ///< of the highest mode; infinite at a boundary
  bool is_unbounded = false;
};

/// Which variance is held, what it is at the mode, and where to begin if that is zero; kappa
/// sigma_b^2 and sigma_e^2 add up to tau^2.
struct HeldVariance {
  bool is_residual = false;
  double estimate = 0;
  double scale = 1;
};

/// Profile limits of one variance, sigma_b^2 or sigma_e^2: where the criterion, maximised over the
/// other one, falls below `floor`. Of an unbounded criterion what counts is the basin of its mode.
Limits variance_limits(const ProfiledLikelihood& criterion, const SearchedCurve& curve,
                       const HeldVariance& held, double floor, const Context& context);

/// Profile limits of linear functions rows [k x c] of the fixed effects, as the system's basis
/// counts them: where the likelihood, maximised over both variances and the other coefficients,
/// falls by `fall`. The restricted likelihood is no function of them.
std::vector<Limits> coefficient_limits(const MarginalSystem& system, const SearchedCurve& curve,
                                       const Matrix& rows, double fall, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_PROFILE_INTERVALS_HPP
