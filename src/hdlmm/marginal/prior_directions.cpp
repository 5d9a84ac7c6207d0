#include "hdlmm/marginal/prior_directions.hpp"

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

PriorDirections prior_directions(const ConstMatrix& root, const Evaluation& e) {
  const Matrix spread = product_transpose(product(root, e.covariance), root);
  const SymmetricEigen eigen = symmetric_eigen(spread);
  const Vector along = transpose_times(eigen.vectors, times(root, e.delta));
  return {eigen.values.cwiseMax(0.0), along.cwiseAbs2()};
}

}  // namespace hdlmm
