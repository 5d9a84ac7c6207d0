#ifndef HDLMM_INFERENCE_VARIATIONAL_FACTORISED_COLUMNS_HPP
#define HDLMM_INFERENCE_VARIATIONAL_FACTORISED_COLUMNS_HPP

#include <vector>

#include "hdlmm/inference/variational/column_blocks.hpp"

namespace hdlmm {

/// The user's columns and how q(beta) factorises over them. Borrows the design.
class FactorisedColumns {
 public:
  /// Single columns. Throws InvalidInput.
  FactorisedColumns(const DesignOperator& x, ColumnMeans shift);
  /// Blocks of columns, at least one: see build_blocks().
  FactorisedColumns(const DesignOperator& x, ColumnMeans shift, const std::vector<int>& block,
                    int n_blocks, const Context& context);

  const DesignOperator& design() const { return x_; }
  const ColumnMeans& shift() const { return shift_; }
  /// Empty for single columns.
  const std::vector<ColumnBlock>& blocks() const { return blocks_; }

  Factorisation factors() const;

  /// Variances of q(beta_j) per unit sigma_b^2, [p].
  Vector shrunk_variances(const Share& share, double kappa, const Context& context) const;

 private:
  const DesignOperator& x_;
  ColumnMeans shift_;
  std::vector<ColumnBlock> blocks_;
  Vector norms2_;  ///< [p], of single columns
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_FACTORISED_COLUMNS_HPP
