#include "hdlmm/operator/dense_operator.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/narrow_product.hpp"
#include "hdlmm/dense/rank_update.hpp"

namespace hdlmm {

template <typename T>
DenseOperator<T>::DenseOperator(StoredMatrix<T> stored, CellTransform transform)
    : DesignOperator(stored.rows_fitted, stored.cols),
      cells_(std::move(stored), std::move(transform)) {}

template <typename T>
Packer<double> DenseOperator<T>::row_packer(const Context& context) const {
  const MicroKernel kernel = micro_kernel(context.kernels);
  return [this, kernel](Index first, Index count, Index first_col, Index n_cols, double* out) {
    cells_.pack_rows(kernel, first, count, first_col, n_cols, out);
  };
}

template <typename T>
Packer<double> DenseOperator<T>::column_packer(const Context& context) const {
  const MicroKernel kernel = micro_kernel(context.kernels);
  return [this, kernel](Index first, Index count, Index first_row, Index n_rows, double* out) {
    cells_.pack_columns(kernel, first, count, first_row, n_rows, out);
  };
}

template <typename T>
void DenseOperator<T>::for_column_blocks(
    const std::function<void(Index, const ConstMatrix&)>& visit) const {
  Matrix buffer(rows(), std::min(kColumnBlock, cols()));
  for (Index first = 0; first < cols(); first += kColumnBlock) {
    const Index size = std::min(kColumnBlock, cols() - first);
    cells_.unpack(0, first, buffer.leftCols(size));
    visit(first, ConstMatrix(buffer.leftCols(size)));
  }
}

template <typename T>
void DenseOperator<T>::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                      const Context& context) const {
  add_narrow_product(row_packer(context), kPackedVectors, kProductDepth, u, out, context);
}

template <typename T>
void DenseOperator<T>::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                              const Context& context) const {
  if (v.cols() == 1 && cells_.is_plain() && cells_.transform().row_scale.size() == 0) {
    return add_column_dots(v.col(0), out, context);
  }
  add_narrow_product(column_packer(context), kAdjointColumns, kMaxDepth, v, out, context);
}

template <typename T>
void DenseOperator<T>::add_column_dots(const ConstVector& v, Eigen::Ref<Matrix> out,
                                       const Context& context) const {
  const double flops = 2.0 * static_cast<double>(rows()) * static_cast<double>(cols());
  parallel_for(context_for(flops, context), divide_up(cols(), kAdjointColumns), [&](Index task) {
    const Index first = task * kAdjointColumns;
    const Index end = std::min(cols(), first + kAdjointColumns);
    for (Index j = first; j < end; ++j) out(j, 0) += cells_.plain_dot(j, v);
  });
}

template <typename T>
void DenseOperator<T>::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  cells_.unpack(0, first, out);
}

template <typename T>
double DenseOperator<T>::do_column_dot(Index j, const ConstVector& v) const {
  return cells_.dot(j, v);
}

template <typename T>
void DenseOperator<T>::do_add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  cells_.add_column(j, a, out);
}

template <typename T>
Matrix DenseOperator<T>::do_row_gram(const Context& context) const {
  Matrix none(rows(), 0);
  return do_row_gram_and_product(Matrix(cols(), 0), none, context);
}

template <typename T>
Matrix DenseOperator<T>::do_row_gram_and_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                                 const Context& context) const {
  if (std::optional<Matrix> exact = integer_row_gram(context)) {
    do_add_product(u, out, context);
    return std::move(*exact);
  }
  return packed_gram(row_packer(context), Adjacent::vectors, u, out, context);
}

template <typename T>
Matrix DenseOperator<T>::do_column_gram(const Context& context) const {
  Matrix none(cols(), 0);
  return do_column_gram_and_adjoint(Matrix(rows(), 0), none, context);
}

template <typename T>
Matrix DenseOperator<T>::do_column_gram_and_adjoint(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                                    const Context& context) const {
  if (std::optional<Matrix> exact = integer_column_gram(context)) {
    do_add_adjoint_product(v, out, context);
    return std::move(*exact);
  }
  return packed_gram(column_packer(context), Adjacent::depth, v, out, context);
}

template <typename T>
Matrix DenseOperator<T>::packed_gram(const Packer<double>& pack, Adjacent adjacent,
                                     const ConstMatrix& b, Eigen::Ref<Matrix> out,
                                     const Context& context) {
  Matrix gram = zero_lower(out.rows(), context);
  const MicroKernel kernel = micro_kernel(context.kernels);
  const auto pack_and_multiply = [&](Index first, Index count, Index first_depth, Index depth,
                                     double* to) {
    pack(first, count, first_depth, depth, to);
    const Index present = std::min(count, out.rows() - first);
    add_packed_product(kernel, to, b.middleRows(first_depth, depth),
                       out.middleRows(first, present));
  };
  add_packed_gram(b.rows(), pack_and_multiply, adjacent, gram, context, report(context, b.rows()));
  return gram;
}

template <typename T>
bool DenseOperator<T>::may_be_small_integers(const Context& context) const {
  if (!has_byte_kernel(context.kernels) || cols() == 0) return false;
  if (cells_.transform().fill.size() > 0 || cells_.transform().row_scale.size() > 0) return false;
  std::vector<T> scratch(static_cast<std::size_t>(rows()));
  return are_small_integers(cells_.stored_cells(0, 0, rows(), scratch.data()), rows());
}

template <typename T>
bool DenseOperator<T>::has_constant_scale() const {
  const Vector& scale = cells_.transform().scale;
  return scale.size() == 0 || (scale.array() == scale[0]).all();
}

template <typename T>
std::optional<Matrix> DenseOperator<T>::integer_row_gram(const Context& context) const {
  if (!may_be_small_integers(context) || !has_constant_scale()) return std::nullopt;
  Matrix gram = zero_lower(rows(), context);
  const Index width = byte_kernel(context.kernels).width;
  const bool is_shifted = cells_.transform().shift.size() > 0;
  RowShift shift(cells_.transform().shift, rows());
  const auto pack = [&](Index first, Index count, Index first_col, Index n_cols,
                        std::uint8_t* out) {
    cells_.pack_row_quads(width, first, count, first_col, n_cols, out,
                          is_shifted ? &shift : nullptr);
  };
  try {
    add_small_integer_gram(cols(), pack, Adjacent::vectors, gram, context, report(context, cols()));
  } catch (const NotSmallIntegers&) {
    return std::nullopt;
  }
  if (is_shifted) shift.subtract_from(gram);
  if (cells_.transform().scale.size() > 0)
    gram *= cells_.transform().scale[0] * cells_.transform().scale[0];
  return gram;
}

template <typename T>
std::optional<Matrix> DenseOperator<T>::integer_column_gram(const Context& context) const {
  if (!may_be_small_integers(context)) return std::nullopt;
  Matrix gram = zero_lower(cols(), context);
  const Index width = byte_kernel(context.kernels).width;
  Vector sums = Vector::Zero(cols());
  const auto pack = [&](Index first, Index count, Index first_row, Index n_rows,
                        std::uint8_t* out) {
    cells_.pack_column_quads(width, first, count, first_row, n_rows, out, sums);
  };
  try {
    add_small_integer_gram(rows(), pack, Adjacent::depth, gram, context, report(context, rows()));
  } catch (const NotSmallIntegers&) {
    return std::nullopt;
  }
  if (cells_.transform().shift.size() > 0)
    subtract_column_shift(sums, cells_.transform().shift, rows(), gram);
  if (cells_.transform().scale.size() > 0) {
    gram.array().colwise() *= cells_.transform().scale.array();
    gram.array().rowwise() *= cells_.transform().scale.array().transpose();
  }
  return gram;
}

template <typename T>
Progress DenseOperator<T>::report(const Context& context, Index total) {
  return [&context, total](Index done) {
    context.progress("Gram matrix", static_cast<double>(done) / static_cast<double>(total));
  };
}

template <typename T>
Vector DenseOperator<T>::do_column_norms2() const {
  Vector norms2(cols());
  for_column_blocks([&](Index first, const ConstMatrix& block) {
    norms2.segment(first, block.cols()) = block.colwise().squaredNorm().transpose();
  });
  return norms2;
}

template class DenseOperator<double>;
template class DenseOperator<int>;
template class DenseOperator<std::uint8_t>;

}  // namespace hdlmm
