#ifndef HDLMM_OPERATOR_GROUPED_OPERATOR_HPP
#define HDLMM_OPERATOR_GROUPED_OPERATOR_HPP

#include <vector>

#include "hdlmm/operator/level_operator.hpp"

namespace hdlmm {

/// The indicator matrix of a factor: row i has its one in column level[i].
class GroupedOperator final : public LevelOperator {
 public:
  /// level: [n], 0-based; row_scale: [n] or empty. Throws InvalidInput.
  GroupedOperator(const std::vector<Index>& level, Index n_levels, const Vector& row_scale)
      : LevelOperator(level, n_levels, Vector::Ones(static_cast<Index>(level.size())), row_scale) {}
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_GROUPED_OPERATOR_HPP
