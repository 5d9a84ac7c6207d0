#ifndef HDLMM_OPERATOR_SPARSE_OPERATOR_HPP
#define HDLMM_OPERATOR_SPARSE_OPERATOR_HPP

#include <vector>

#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// Compressed sparse columns, borrowed from the host.
struct StoredSparse {
  const int* column_start = nullptr;  ///< [p + 1]
  const int* row = nullptr;           ///< [nnz]
  const double* value = nullptr;      ///< [nnz]
  Index rows = 0;
  Index cols = 0;
  Index n_starts = 0;  ///< how many of each there are in truth
  Index n_cells = 0;
};

/// W (X - 1 shift') diag(scale) with X sparse and W = diag(row_scale): the centred matrix is dense
/// but is never formed. Costs are O(nnz) a product.
class SparseOperator final : public DesignOperator {
 public:
  /// shift, scale: [p] or empty; row_scale: [n] or empty. Throws InvalidInput.
  SparseOperator(StoredSparse stored, Vector shift, Vector scale, Vector row_scale);

 private:
  /// Columns that follow each other within the stored cells, rows ascending within each. O(nnz).
  static const StoredSparse& checked(const StoredSparse& stored);

  bool is_shifted() const { return shift_.size() > 0; }

  /// visit(row, value of W X diag(scale)) over the stored cells of column j.
  template <typename Visit>
  void for_cells(Index j, Visit&& visit) const;

  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out, const Context&) const override;

  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context&) const override;

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;

  double do_column_dot(Index j, const ConstVector& v) const override;

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override;

  /// sum_j x_j x_j' over the stored cells: O(sum_j nnz_j^2), then the rank-two shift.
  Matrix do_row_gram(const Context& context) const override;

  bool do_has_row_cells() const override { return !is_shifted(); }

  RowCells do_row_cells() const override { return by_rows(); }

  RowCells by_rows() const;

  /// sum_i x_i x_i' over the stored cells of the rows: O(sum_i nnz_i^2), then the rank-two shift.
  Matrix do_column_gram(const Context& context) const override;

  Vector do_column_norms2() const override;

  StoredSparse stored_;
  Vector shift_;
  Vector scale_;
  Vector row_scale_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_SPARSE_OPERATOR_HPP
