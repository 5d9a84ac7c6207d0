#include "hdlmm/marginal/prior_directions.hpp"

#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

PriorDirections prior_directions(const ConstMatrix& root, const Evaluation& e) {
  const SymmetricEigen eigen = symmetric_eigen(root * e.covariance * root.transpose());
  return {eigen.values.cwiseMax(0.0), (eigen.vectors.transpose() * (root * e.delta)).cwiseAbs2()};
}

}  // namespace hdlmm
