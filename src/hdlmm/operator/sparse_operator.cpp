#include "hdlmm/operator/sparse_operator.hpp"

#include <cstddef>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

SparseOperator::SparseOperator(StoredSparse stored, Vector shift, Vector scale, Vector row_scale)
    : DesignOperator(checked(stored).rows, stored.cols),
      stored_(stored),
      shift_(std::move(shift)),
      scale_(scale.size() > 0 ? std::move(scale) : Vector::Ones(stored.cols)),
      row_scale_(row_scale.size() > 0 ? std::move(row_scale) : Vector::Ones(stored.rows)) {
  check_optional_length(shift_.size(), cols(), "a sparse design: length of the shift");
  check_input(scale_.size() == cols(), "a sparse design: length of the scale");
  check_input(row_scale_.size() == rows(), "a sparse design: length of the row scale");
}

const StoredSparse& SparseOperator::checked(const StoredSparse& stored) {
  check_input(stored.rows >= 0 && stored.cols >= 0, "a sparse design: negative dimensions");
  check_input(stored.n_starts == stored.cols + 1 && stored.column_start[0] == 0,
              "a sparse design: column pointers do not fit its dimensions");
  for (Index j = 0; j < stored.cols; ++j) {
    const int first = stored.column_start[j], end = stored.column_start[j + 1];
    check_input(first <= end && end <= stored.n_cells,
                "a sparse design: column pointers do not ascend within the stored cells");
    Index before = -1;
    for (int at = first; at < end; ++at) {
      check_input(stored.row[at] > before && stored.row[at] < stored.rows,
                  "a sparse design: row indices do not ascend within its rows");
      before = stored.row[at];
    }
  }
  return stored;
}

template <typename Visit>
void SparseOperator::for_cells(Index j, Visit&& visit) const {
  for (int at = stored_.column_start[j]; at < stored_.column_start[j + 1]; ++at) {
    const int i = stored_.row[at];
    visit(i, stored_.value[at] * scale_[j] * row_scale_[i]);
  }
}

void SparseOperator::do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                    const Context&) const {
  for (Index k = 0; k < u.cols(); ++k) {
    for (Index j = 0; j < cols(); ++j) {
      for_cells(j, [&](int i, double x) { out(i, k) += x * u(j, k); });
    }
    if (is_shifted()) out.col(k) -= row_scale_ * shift_.cwiseProduct(scale_).dot(u.col(k));
  }
}

void SparseOperator::do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                            const Context&) const {
  for (Index k = 0; k < v.cols(); ++k) {
    const double total = is_shifted() ? row_scale_.dot(v.col(k)) : 0;
    for (Index j = 0; j < cols(); ++j) {
      double sum = is_shifted() ? -shift_[j] * scale_[j] * total : 0;
      for_cells(j, [&](int i, double x) { sum += x * v(i, k); });
      out(j, k) += sum;
    }
  }
}

void SparseOperator::do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  for (Index k = 0; k < out.cols(); ++k) {
    const Index j = first + k;
    if (is_shifted()) {
      out.col(k) = -shift_[j] * scale_[j] * row_scale_;
    } else {
      out.col(k).setZero();
    }
    for_cells(j, [&](int i, double x) { out(i, k) += x; });
  }
}

double SparseOperator::do_column_dot(Index j, const ConstVector& v) const {
  double sum = is_shifted() ? -shift_[j] * scale_[j] * row_scale_.dot(v) : 0;
  for_cells(j, [&](int i, double x) { sum += x * v[i]; });
  return sum;
}

void SparseOperator::do_add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  if (is_shifted()) out -= (a * shift_[j] * scale_[j]) * row_scale_;
  for_cells(j, [&](int i, double x) { out[i] += a * x; });
}

Matrix SparseOperator::do_row_gram(const Context& context) const {
  Matrix gram = Matrix::Zero(rows(), rows());
  for (Index j = 0; j < cols(); ++j) {
    if (j % kColumnBlock == 0) {
      context.poll();
      context.progress("Gram matrix", static_cast<double>(j) / cols());
    }
    for_cells(
        j, [&](int i, double x) { for_cells(j, [&](int l, double z) { gram(l, i) += z * x; }); });
  }
  if (is_shifted()) {
    const Vector step = shift_.cwiseProduct(scale_);
    Vector product = Vector::Zero(rows());
    for (Index j = 0; j < cols(); ++j) {
      for_cells(j, [&](int i, double x) { product[i] += x * step[j]; });
    }
    add_outer(-1, product, row_scale_, gram);
    add_outer(-1, row_scale_, product, gram);
    add_outer(step.squaredNorm(), row_scale_, row_scale_, gram);
  }
  return gram;
}

RowCells SparseOperator::by_rows() const {
  RowCells out;
  out.start.assign(static_cast<std::size_t>(rows()) + 1, 0);
  const int nnz = stored_.column_start[cols()];
  for (int at = 0; at < nnz; ++at) ++out.start[stored_.row[at] + 1];
  for (Index i = 0; i < rows(); ++i) out.start[i + 1] += out.start[i];
  out.column.resize(static_cast<std::size_t>(nnz));
  out.value.resize(static_cast<std::size_t>(nnz));
  std::vector<Index> next(out.start.begin(), out.start.end() - 1);
  for (Index j = 0; j < cols(); ++j) {
    for_cells(j, [&](int i, double x) {
      const Index at = next[i]++;
      out.column[at] = j;
      out.value[at] = x;
    });
  }
  return out;
}

Matrix SparseOperator::do_column_gram(const Context& context) const {
  Matrix gram = Matrix::Zero(cols(), cols());
  const RowCells cells = by_rows();
  for (Index i = 0; i < rows(); ++i) {
    if (i % kColumnBlock == 0) {
      context.poll();
      context.progress("Gram matrix", static_cast<double>(i) / rows());
    }
    const Index end = cells.start[i + 1];
    for (Index a = cells.start[i]; a < end; ++a) {
      double* column = gram.col(cells.column[a]).data();
      const double x = cells.value[a];
      for (Index b = a; b < end; ++b) column[cells.column[b]] += x * cells.value[b];
    }
  }
  if (is_shifted()) {
    const Vector step = shift_.cwiseProduct(scale_);
    Vector totals(cols());
    for (Index j = 0; j < cols(); ++j) {
      totals[j] = 0;
      for_cells(j, [&](int i, double x) { totals[j] += x * row_scale_[i]; });
    }
    add_outer(-1, totals, step, gram);
    add_outer(-1, step, totals, gram);
    add_outer(row_scale_.squaredNorm(), step, step, gram);
  }
  return gram;
}

Vector SparseOperator::do_column_norms2() const {
  Vector norms2 = Vector::Zero(cols());
  const double total_weight = row_scale_.squaredNorm();
  for (Index j = 0; j < cols(); ++j) {
    double total = 0;
    for_cells(j, [&](int i, double x) {
      norms2[j] += x * x;
      total += x * row_scale_[i];
    });
    if (is_shifted()) {
      const double step = shift_[j] * scale_[j];
      norms2[j] += step * (step * total_weight - 2 * total);
    }
  }
  return norms2;
}

}  // namespace hdlmm
