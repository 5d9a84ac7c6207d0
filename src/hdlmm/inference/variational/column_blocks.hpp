#ifndef HDLMM_INFERENCE_VARIATIONAL_COLUMN_BLOCKS_HPP
#define HDLMM_INFERENCE_VARIATIONAL_COLUMN_BLOCKS_HPP

#include <memory>
#include <vector>

#include "hdlmm/objective/factorised_bound.hpp"
#include "hdlmm/operator/column_subset.hpp"

namespace hdlmm {

/// What the operator has taken out of the user's columns: X = X_c + o m'. Both may be empty.
struct ColumnMeans {
  Vector means;     ///< [p], m
  Vector constant;  ///< [n], o (root weights), in the span of Q and orthogonal to X_c

  bool is_present() const { return means.size() > 0; }
  double constant_norm2() const;
};

/// Squared lengths of the user's columns [p].
Vector user_norms2(const DesignOperator& x, const ColumnMeans& shift);

/// One block of columns with the eigenvectors of its smaller side: what q(beta_B) turns on.
///
/// Coefficients live in the coordinates of the rows of X_B: W = X_c'U d^-1/2 [p_B x r], and the
/// direction of the means outside W when there is one.
class ColumnBlock {
 public:
  ColumnBlock(const DesignOperator& x, std::vector<Index> columns, const ColumnMeans& shift,
              const Context& context);

  const GramSpectrum& gram() const { return gram_; }
  const std::vector<Index>& columns() const { return columns_->columns(); }
  Index n_coordinates() const { return gram_.rank(); }

  /// The means along the coordinates, [n_coordinates].
  Vector mean_coordinates() const;

  /// Coordinates of X_B'r for r = residual + o level, residual [n] orthogonal to o.
  Vector pull(const Vector& residual, double level) const;

  /// residual and level less X_B W step.
  void push(const Vector& step, Vector& residual, double& level) const;

  /// (X_B'X_B + ridge I)^-1 g in coordinates.
  Vector solve(double ridge, const Vector& g) const;

  /// Coefficients of the columns [p_B] from coordinates.
  Vector coefficients(const Vector& z) const;

  /// Diagonal of (I + ratio X_B'X_B)^-1, [p_B].
  Vector shrunk_variances(double ratio, const Context& context) const;

 private:
  SpectralFrame frame() const;

  /// (X_c'X_c + ridge I)^-1 g in coordinates.
  Vector solve_centred(double ridge, const Vector& g) const;

  void add_shift(const ColumnMeans& shift);

  std::unique_ptr<ColumnSubset> columns_;
  Spectrum spectrum_;
  GramSpectrum gram_;
  Vector outside_;  ///< [p_B], the direction of the means outside W
};

/// block: [p], 0-based code of the block of each column, each code below n_blocks in use. Throws
/// InvalidInput.
std::vector<ColumnBlock> build_blocks(const DesignOperator& x, const std::vector<int>& block,
                                      int n_blocks, const ColumnMeans& shift,
                                      const Context& context);

Factorisation factorisation(const std::vector<ColumnBlock>& blocks);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_VARIATIONAL_COLUMN_BLOCKS_HPP
