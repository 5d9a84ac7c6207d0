#ifndef HDLMM_MARGINAL_PRIOR_DIRECTIONS_HPP
#define HDLMM_MARGINAL_PRIOR_DIRECTIONS_HPP

#include "hdlmm/marginal/marginal_system.hpp"

namespace hdlmm {

/// How a normal prior of delta with mean zero and precision Lambda stands to the data, along the
/// eigenvectors of Lambda^1/2 C Lambda^1/2', C the covariance of delta per unit tau^2.
struct PriorDirections {
  Vector spread;  ///< [c], the eigenvalues
  Vector along2;  ///< [c], squares of Lambda^1/2 delta
};

/// root: [c x c], Lambda^1/2; e: with all of its Detail.
PriorDirections prior_directions(const ConstMatrix& root, const Evaluation& e);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_PRIOR_DIRECTIONS_HPP
