#ifndef HDLMM_OPERATOR_DENSE_OPERATOR_HPP
#define HDLMM_OPERATOR_DENSE_OPERATOR_HPP

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "hdlmm/core/rank_update.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

inline bool is_missing(double x) { return std::isnan(x); }
inline bool is_missing(int x) { return x == std::numeric_limits<int>::min(); }
inline bool is_missing(std::uint8_t) { return false; }

/// How the stored column x becomes the column of the design:
/// (x - shift) * scale, missing cells replaced by `fill` first, rows multiplied by row_scale.
/// An empty vector means 0, 1, no missing cells and 1.
struct CellTransform {
  Vector shift;      ///< [p]
  Vector scale;      ///< [p]
  Vector fill;       ///< [p]
  Vector row_scale;  ///< [n]
};

/// Stored cells: column major, `stride` rows a column, of which the listed `rows` are fitted
/// (all of them, in order, when the list is empty). Borrowed: the host keeps them alive.
template <typename T>
struct StoredMatrix {
  const T* cells = nullptr;
  Index stride = 0;
  Index rows_fitted = 0;
  Index cols = 0;
  std::vector<Index> rows;
};

/// A dense design, read from the user's memory in blocks and never copied as a whole.
template <typename T>
class DenseOperator final : public DesignOperator {
 public:
  DenseOperator(StoredMatrix<T> stored, CellTransform transform)
      : DesignOperator(stored.rows_fitted, stored.cols),
        stored_(std::move(stored)),
        transform_(std::move(transform)) {}

 private:
  double cell(const T* column, Index i, Index j) const {
    const T x = column[stored_.rows.empty() ? i : stored_.rows[i]];
    double value = static_cast<double>(x);
    if (transform_.fill.size() > 0 && is_missing(x)) value = transform_.fill[j];
    if (transform_.shift.size() > 0) value -= transform_.shift[j];
    if (transform_.scale.size() > 0) value *= transform_.scale[j];
    if (transform_.row_scale.size() > 0) value *= transform_.row_scale[i];
    return value;
  }

  /// Rows first_row.., columns first_col.. of the design, as doubles.
  void unpack(Index first_row, Index first_col, Eigen::Ref<Matrix> out) const {
    for (Index k = 0; k < out.cols(); ++k) {
      const T* column = stored_.cells + (first_col + k) * stored_.stride;
      for (Index i = 0; i < out.rows(); ++i) out(i, k) = cell(column, first_row + i, first_col + k);
    }
  }

  template <typename Visit>
  void for_column_blocks(Visit&& visit) const {
    Matrix buffer(rows(), std::min(kColumnBlock, cols()));
    for (Index first = 0; first < cols(); first += kColumnBlock) {
      const Index size = std::min(kColumnBlock, cols() - first);
      unpack(0, first, buffer.leftCols(size));
      visit(first, ConstMatrix(buffer.leftCols(size)));
    }
  }

  void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out) const override {
    for_column_blocks([&](Index first, const ConstMatrix& block) {
      out.noalias() += block * u.middleRows(first, block.cols());
    });
  }

  void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out) const override {
    for_column_blocks([&](Index first, const ConstMatrix& block) {
      out.middleRows(first, block.cols()).noalias() += block.transpose() * v;
    });
  }

  void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const override {
    unpack(0, first, out);
  }

  /// Whether column j is (cells - shift) * scale over a run of memory.
  bool is_plain() const { return stored_.rows.empty() && transform_.fill.size() == 0; }

  auto plain_column(Index j) const {
    using Cells = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
    const double shift = transform_.shift.size() > 0 ? transform_.shift[j] : 0;
    const double scale = transform_.scale.size() > 0 ? transform_.scale[j] : 1;
    return (Cells(stored_.cells + j * stored_.stride, rows()).template cast<double>() - shift) *
           scale;
  }

  double do_column_dot(Index j, const ConstVector& v) const override {
    if (is_plain()) {
      if (transform_.row_scale.size() == 0) return (plain_column(j) * v.array()).sum();
      return (plain_column(j) * transform_.row_scale.array() * v.array()).sum();
    }
    const T* column = stored_.cells + j * stored_.stride;
    double sum = 0;
    for (Index i = 0; i < rows(); ++i) sum += cell(column, i, j) * v[i];
    return sum;
  }

  void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const override {
    if (is_plain()) {
      if (transform_.row_scale.size() == 0) {
        out.array() += a * plain_column(j);
      } else {
        out.array() += a * plain_column(j) * transform_.row_scale.array();
      }
      return;
    }
    const T* column = stored_.cells + j * stored_.stride;
    for (Index i = 0; i < rows(); ++i) out[i] += a * cell(column, i, j);
  }

  Matrix do_row_gram(const Context& context) const override {
    Matrix gram = Matrix::Zero(rows(), rows());
    for_column_blocks([&](Index first, const ConstMatrix& block) {
      add_outer_gram(block, gram, context);
      context.progress("Gram matrix", static_cast<double>(first + block.cols()) / cols());
    });
    return gram;
  }

  Matrix do_column_gram(const Context& context) const override {
    constexpr Index kBufferCells = Index(1) << 21;  // 16 MB of rows at a time
    const Index chunk =
        std::min(rows(), std::max<Index>(64, kBufferCells / std::max<Index>(1, cols())));
    Matrix gram = Matrix::Zero(cols(), cols());
    Matrix buffer(chunk, cols());
    for (Index first = 0; first < rows(); first += chunk) {
      const Index size = std::min(chunk, rows() - first);
      unpack(first, 0, buffer.topRows(size));
      add_inner_gram(buffer.topRows(size), gram, context);
      context.progress("Gram matrix", static_cast<double>(first + size) / rows());
    }
    return gram;
  }

  Vector do_column_norms2() const override {
    Vector norms2(cols());
    for_column_blocks([&](Index first, const ConstMatrix& block) {
      norms2.segment(first, block.cols()) = block.colwise().squaredNorm().transpose();
    });
    return norms2;
  }

  StoredMatrix<T> stored_;
  CellTransform transform_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_DENSE_OPERATOR_HPP
