#include "hdlmm/dense/lower_triangle.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/packed_products.hpp"

namespace hdlmm {

namespace {

/// A matrix [n x n] whose column j is given from its diagonal down by fill(j, cells [n - j]).
///
/// Above, the memory is left as it comes: half of it is never asked for from the system, and what
/// is comes to the threads that share the columns.
template <typename Fill>
Matrix make_lower(Index n, const Context& context, const Fill& fill) {
  constexpr Index kColumns = 256;  // a few hundred columns are not worth a thread
  Matrix out(n, n);
  parallel_for(context, divide_up(n, kColumns), [&](Index task) {
    const Index end = std::min(n, (task + 1) * kColumns);
    for (Index j = task * kColumns; j < end; ++j) fill(j, &out(j, j));
  });
  return out;
}

}  // namespace

Matrix zero_lower(Index n, const Context& context) {
  return make_lower(n, context,
                    [&](Index j, double* cells) { std::fill(cells, cells + n - j, 0.0); });
}

Matrix copy_lower(const ConstMatrix& k, const Context& context) {
  return make_lower(k.rows(), context, [&](Index j, double* cells) {
    std::copy_n(k.col(j).data() + j, k.rows() - j, cells);
  });
}

Matrix transpose_of_lower(const ConstMatrix& l) {
  Matrix out = l.transpose();
  for (Index j = 0; j < out.cols(); ++j) out.col(j).tail(out.rows() - j - 1).setZero();
  return out;
}

void mirror_lower(MatrixView a, const Context& context) {
  constexpr Index kBlock = 64;  // columns and rows that stay in the cache
  const Index n = a.rows();
  for (Index col = 0; col < n; col += kBlock) {
    context.poll();
    for (Index row = 0; row <= col; row += kBlock) {
      for (Index j = col; j < std::min(n, col + kBlock); ++j) {
        for (Index i = row; i < std::min(j, row + kBlock); ++i) a(i, j) = a(j, i);
      }
    }
  }
}

Matrix lower_symmetric_product(const ConstMatrix& s, const ConstMatrix& b, const Context& context) {
  constexpr Index kFewColumns = 16;
  const Index n = b.rows();
  if (b.cols() > kFewColumns) {
    Matrix out = Matrix::Zero(n, b.cols());
    add_symmetric_product(1, s, b, out, context);
    return out;
  }
  // sums by slices of columns, as many as the shape asks for, whatever the number of threads
  const Index tasks = divide_up(n, 512);
  std::vector<Matrix> parts(static_cast<std::size_t>(tasks));
  const Context chosen = context_for(2.0 * n * n * b.cols(), context);
  parallel_for(chosen, tasks, [&](Index task) {
    const Index first = n * task / tasks, end = n * (task + 1) / tasks;
    Matrix sum = Matrix::Zero(n, b.cols());
    for (Index j = first; j < end; ++j) {
      const Index below = n - j - 1;
      const auto column = s.col(j).tail(below);
      for (Index k = 0; k < b.cols(); ++k) {
        sum(j, k) += s(j, j) * b(j, k) + column.dot(b.col(k).tail(below));
        sum.col(k).tail(below) += b(j, k) * column;
      }
    }
    parts[static_cast<std::size_t>(task)] = std::move(sum);
  });
  Matrix out = Matrix::Zero(n, b.cols());
  for (const Matrix& part : parts) out += part;
  return out;
}

}  // namespace hdlmm
