#ifndef HDLMM_OPERATOR_DENSE_OPERATOR_HPP
#define HDLMM_OPERATOR_DENSE_OPERATOR_HPP

#include <functional>
#include <optional>

#include "hdlmm/operator/dense_cells.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// A dense design, read from the user's memory in blocks and never copied as a whole.
template <typename T>
class DenseOperator final : public DesignOperator {
 public:
  DenseOperator(StoredMatrix<T> stored, CellTransform transform);

 private:
  static constexpr Index kProductDepth = 128;   // times kPackedVectors: less than half of a cache
  static constexpr Index kAdjointColumns = 48;  // open at once, 2 kB of each

  Packer<double> row_packer(const Context& context) const;

  Packer<double> column_packer(const Context& context) const;

  void for_column_blocks(const std::function<void(Index, const ConstMatrix&)>& visit) const;

  /// One pass over the cells, which threads share by rows.
  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                      const Context& context) const override;

  /// One pass over the cells, which threads share by columns.
  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context& context) const override;

  /// out [p x 1] += X' v: there is nothing to be gained from packing for one vector.
  void add_column_dots(const ConstVector& v, Eigen::Ref<Matrix> out, const Context& context) const;

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override;

  double do_column_dot(Index j, const ConstVector& v) const override;

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override;

  Matrix do_row_gram(const Context& context) const override;

  Matrix do_row_gram_and_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                 const Context& context) const override;

  Matrix do_column_gram(const Context& context) const override;

  Matrix do_column_gram_and_adjoint(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                    const Context& context) const override;

  /// Gram matrix of the rows or columns of X, whatever `pack` packs, [m x m]. They meet b [depth x
  /// k] while they are in a cache: out [m x k] += their products.
  static Matrix packed_gram(const Packer<double>& pack, Adjacent adjacent, const ConstMatrix& b,
                            Eigen::Ref<Matrix> out, const Context& context);

  /// Whether it is worth while to look for cells that are all whole numbers from 0 to 15.
  bool may_be_small_integers(const Context& context) const;

  bool has_constant_scale() const;

  /// The row Gram matrix from whole numbers, or nothing where the cells are not.
  std::optional<Matrix> integer_row_gram(const Context& context) const;

  /// The column Gram matrix from whole numbers, or nothing where the cells are not.
  std::optional<Matrix> integer_column_gram(const Context& context) const;

  static Progress report(const Context& context, Index total);

  Vector do_column_norms2() const override;

  DenseCells<T> cells_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_DENSE_OPERATOR_HPP
