#ifndef HDLMM_INFERENCE_VARIATIONAL_COORDINATE_ASCENT_HPP
#define HDLMM_INFERENCE_VARIATIONAL_COORDINATE_ASCENT_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hdlmm/base/random.hpp"
#include "hdlmm/inference/variational/column_blocks.hpp"
#include "hdlmm/inference/variational/variational_model.hpp"

namespace hdlmm {

enum class Sweep { cyclic, random };

struct AscentOptions {
  double tol = 1e-10;    ///< of the ELBO's projected gain; variances: see AitkenTest
  int max_iter = 10000;  ///< sweeps
  Sweep sweep = Sweep::cyclic;
  std::uint64_t seed = 1;  ///< of random sweeps
};

/// y and the design of the fixed effects; y need not be orthogonal to Q.
struct AscentData {
  const DesignOperator& x;
  ColumnMeans shift;
  const Matrix& q;  ///< [n x c], orthonormal
  const Vector& y;  ///< [n]
};

struct AscentResult {
  Vector effects;  ///< [p], mu
  Vector delta;    ///< [c]
  std::vector<BoundPoint> trace;
  bool is_converged = false;
};

/// 0 .. n - 1 in the order of the next sweep.
class SweepOrder {
 public:
  SweepOrder(std::size_t n, const AscentOptions& options);

  const std::vector<std::size_t>& next();

 private:
  std::vector<std::size_t> order_;
  Sweep sweep_;
  SplitMix64 generator_;
};

/// Coordinate ascent variational inference from mu = 0 and the precisions that the model has: all
/// blocks of columns in turn (single columns when `blocks` is empty), then delta, then both
/// variances. The ELBO never falls. One sweep costs a pass over X.
AscentResult ascend_coordinates(const AscentData& data, const std::vector<ColumnBlock>& blocks,
                                VariationalModel& model, const AscentOptions& options,
                                const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_COORDINATE_ASCENT_HPP
