#include "hdlmm/dense/products.hpp"

#include <algorithm>

namespace hdlmm {

namespace {

/// Columns of b that are multiplied between two polls for a with `size` cells: all of them where
/// that takes tens of milliseconds.
Index polled_width(Index size, Index cols) {
  constexpr double kFlopsBetweenPolls = 2e8;
  const double flops = 2.0 * static_cast<double>(size);
  if (flops * static_cast<double>(cols) <= kFlopsBetweenPolls) return cols;
  return static_cast<Index>(std::max(16.0, kFlopsBetweenPolls / flops));
}

}  // namespace

Vector times(const ConstMatrix& a, const ConstVector& x) {
  if (a.size() == 0) return Vector::Zero(a.rows());
  return a * x;
}

Vector transpose_times(const ConstMatrix& a, const ConstVector& x) {
  if (a.size() == 0) return Vector::Zero(a.cols());
  return a.transpose() * x;
}

Matrix polled_product(const ConstMatrix& a, const ConstMatrix& b, const Context& context) {
  const Index width = polled_width(a.size(), b.cols());
  if (width >= b.cols()) return a * b;
  Matrix out(a.rows(), b.cols());
  for (Index first = 0; first < b.cols(); first += width) {
    context.poll();
    const Index size = std::min(width, b.cols() - first);
    out.middleCols(first, size).noalias() = a * b.middleCols(first, size);
  }
  return out;
}

Matrix polled_transpose_product(const ConstMatrix& a, const ConstMatrix& b,
                                const Context& context) {
  const Index width = polled_width(a.size(), b.cols());
  if (width >= b.cols()) return a.transpose() * b;
  Matrix out(a.cols(), b.cols());
  for (Index first = 0; first < b.cols(); first += width) {
    context.poll();
    const Index size = std::min(width, b.cols() - first);
    out.middleCols(first, size).noalias() = a.transpose() * b.middleCols(first, size);
  }
  return out;
}

Matrix transpose_product(const ConstMatrix& a, const ConstMatrix& b) {
  if (a.cols() > kNarrow) return a.transpose() * b;
  Matrix out(a.cols(), b.cols());
  for (Index j = 0; j < b.cols(); ++j) {
    for (Index i = 0; i < a.cols(); ++i) out(i, j) = a.col(i).dot(b.col(j));
  }
  return out;
}

Matrix lower_gram(const ConstMatrix& a) {
  const Index c = a.cols();
  Matrix out = Matrix::Zero(c, c);
  if (c > kNarrow && a.rows() > 0) {
    out.selfadjointView<Eigen::Lower>().rankUpdate(a.transpose());
    return out;
  }
  for (Index j = 0; j < c; ++j) {
    for (Index i = j; i < c; ++i) out(i, j) = a.col(i).dot(a.col(j));
  }
  return out;
}

Matrix weighted_gram(const ConstMatrix& a, const ConstVector& weight) {
  const Index c = a.cols();
  if (c > kNarrow) {
    return lower_gram(weight.cwiseSqrt().asDiagonal() * a).selfadjointView<Eigen::Lower>();
  }
  Matrix out(c, c);
  for (Index j = 0; j < c; ++j) {
    for (Index i = j; i < c; ++i) {
      out(i, j) = out(j, i) = a.col(i).dot(a.col(j).cwiseProduct(weight));
    }
  }
  return out;
}

void divide_by_upper(const ConstMatrix& r, MatrixView a) {
  const Index c = a.cols();
  if (c > kNarrow && a.rows() > 0) {
    r.triangularView<Eigen::Upper>().solveInPlace<Eigen::OnTheRight>(a);
    return;
  }
  for (Index j = 0; j < c; ++j) {
    for (Index i = 0; i < j; ++i) a.col(j) -= r(i, j) * a.col(i);
    a.col(j) /= r(j, j);
  }
}

}  // namespace hdlmm
