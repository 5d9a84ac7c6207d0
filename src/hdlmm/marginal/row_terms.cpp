#include "hdlmm/marginal/row_terms.hpp"

#include <algorithm>
#include <cstddef>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"

namespace hdlmm {

namespace {

constexpr Index kColumns = 128;  ///< of n x n matrices, in a task

/// visit(task, j) for all columns.
template <typename Visit>
void for_columns(Index n, const Context& context, Visit&& visit) {
  const Context chosen = context_for(4.0 * n * n, context);
  parallel_for(chosen, divide_up(n, kColumns), [&](Index task) {
    const Index end = std::min(n, (task + 1) * kColumns);
    for (Index j = task * kColumns; j < end; ++j) visit(task, j);
  });
}

/// The rows of each level and their values, where no row has cells in two of them.
bool read_levels(const DesignOperator& design, const TermShape& shape,
                 std::vector<std::vector<Index>>& members, Matrix& values) {
  if (!design.has_row_cells() || !design.has_identity_prior()) return false;
  const RowCells cells = design.row_cells();
  members.assign(static_cast<std::size_t>(shape.levels), {});
  values = Matrix::Zero(design.rows(), shape.width);
  for (Index i = 0; i < design.rows(); ++i) {
    if (cells.start[i] == cells.start[i + 1]) continue;
    const Index level = cells.column[cells.start[i]] / shape.width;
    for (Index at = cells.start[i]; at < cells.start[i + 1]; ++at) {
      if (cells.column[at] / shape.width != level) return false;
      values(i, cells.column[at] % shape.width) = cells.value[at];
    }
    members[static_cast<std::size_t>(level)].push_back(i);
  }
  return true;
}

}  // namespace

RowTerm::RowTerm(const DesignOperator& design, const TermShape& shape, const Context& context)
    : shape_(shape) {
  if (read_levels(design, shape, members_, values_)) return;
  gram_ = design.row_gram(context);
}

void RowTerm::add_to(MatrixView v, const Matrix& s, const Context& context) const {
  if (has_gram()) {
    for_columns(v.rows(), context, [&](Index, Index j) {
      v.col(j).tail(v.rows() - j) += s(0, 0) * gram_.col(j).tail(v.rows() - j);
    });
    return;
  }
  for (const auto& rows : members_) {
    for (std::size_t a = 0; a < rows.size(); ++a) {
      const Vector weighted = s * values_.row(rows[a]).transpose();
      for (std::size_t b = a; b < rows.size(); ++b) {
        v(rows[b], rows[a]) += values_.row(rows[b]).dot(weighted);
      }
    }
  }
}

Matrix RowTerm::times_cell(const TriangleCell& cell, const ConstMatrix& b,
                           const Context& context) const {
  if (has_gram()) return lower_symmetric_product(gram_, b, context);
  Matrix out = Matrix::Zero(b.rows(), b.cols());
  for (const auto& rows : members_) {
    for (Index k = 0; k < b.cols(); ++k) {
      double row_sum = 0, col_sum = 0;
      for (const Index i : rows) {
        row_sum += values_(i, cell.row) * b(i, k);
        col_sum += values_(i, cell.col) * b(i, k);
      }
      for (const Index i : rows) {
        out(i, k) += values_(i, cell.row) * col_sum;
        if (cell.row != cell.col) out(i, k) += values_(i, cell.col) * row_sum;
      }
    }
  }
  return out;
}

Matrix RowTerm::inner(const Matrix& a, const Context& context) const {
  Matrix out = Matrix::Zero(shape_.width, shape_.width);
  if (has_gram()) {
    Vector parts = Vector::Zero(divide_up(a.cols(), kColumns));
    for_columns(a.rows(), context, [&](Index task, Index j) {
      const Index below = a.rows() - j - 1;
      parts[task] += gram_(j, j) * a(j, j) + 2 * gram_.col(j).tail(below).dot(a.col(j).tail(below));
    });
    out(0, 0) = parts.sum();
    return out;
  }
  for (const auto& rows : members_) {
    for (const Index j : rows) {
      Vector sum = Vector::Zero(shape_.width);
      for (const Index i : rows) {
        sum += a(std::max(i, j), std::min(i, j)) * values_.row(i).transpose();
      }
      for (Index b = 0; b < shape_.width; ++b) out.col(b) += values_(j, b) * sum;
    }
  }
  return out;
}

}  // namespace hdlmm
