#include "hdlmm/dense/symmetric_root.hpp"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

constexpr double kNearlyZero = 1e-10;  ///< of the largest variance: what a root may leave

/// Of the largest variance left after each column, until what is left is rounding.
Matrix pivoted_root(const ConstMatrix& a, const Context& context) {
  const Index n = a.rows();
  Matrix whole = a, root(n, 0);
  mirror_lower(whole);
  Vector left = whole.diagonal();
  const double floor =
      static_cast<double>(4 * n) * std::numeric_limits<double>::epsilon() * left.maxCoeff();
  Index rank = 0;
  while (rank < n) {
    Index pivot = 0;
    if (!(left.maxCoeff(&pivot) > floor)) break;
    if (rank == root.cols()) root.conservativeResize(n, std::min(n, rank + kColumnBlock));
    if (rank % kColumnBlock == 0) context.poll();
    const Vector along = root.row(pivot).head(rank);
    Vector column = whole.col(pivot) - times(root.leftCols(rank), along);
    column /= std::sqrt(left[pivot]);
    left -= column.cwiseAbs2();
    left[pivot] = 0;
    root.col(rank++) = column;
  }
  return root.leftCols(rank);
}

bool is_root(const ConstMatrix& a, const Matrix& root, const Context& context) {
  Matrix left = copy_lower(a, context);
  add_lower_product(-1, root, root, left, context);
  const double largest = a.diagonal().cwiseAbs().maxCoeff();
  for (Index j = 0; j < left.cols(); ++j) {
    if (!(left.col(j).tail(left.rows() - j).cwiseAbs().maxCoeff() <= kNearlyZero * largest)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Matrix> symmetric_root(const ConstMatrix& a, const Context& context) {
  const Index n = a.rows();
  if (n == 0) return Matrix(0, 0);
  Matrix root = a;
  if (cholesky_in_place(root, context)) {
    const double smallest = root.diagonal().minCoeff();
    if (smallest * smallest > kNearlyZero * a.diagonal().maxCoeff()) {
      for (Index j = 1; j < n; ++j) root.col(j).head(j).setZero();
      return root;
    }
  }
  root = pivoted_root(a, context);
  if (!is_root(a, root, context)) return std::nullopt;
  return root;
}

}  // namespace hdlmm
