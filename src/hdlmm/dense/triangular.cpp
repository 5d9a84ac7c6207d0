#include "hdlmm/dense/triangular.hpp"

#include <algorithm>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

constexpr Index kUnblocked = 64;

constexpr Index kVectors = 128;  ///< of the right-hand side in one task

/// The first part of n, in whole blocks.
Index half(Index n) { return round_up(n / 2, kUnblocked); }

/// solve(first, count) for slices of m vectors.
template <typename Solve>
void for_slices(Index n, Index m, const Context& context, Solve&& solve) {
  const Context chosen = context_for(4.0 * n * n * m, context);
  parallel_for(chosen, divide_up(m, kVectors), [&](Index task) {
    const Index first = task * kVectors;
    solve(first, std::min(kVectors, m - first));
  });
}

}  // namespace

void solve_lower(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    for_slices(n, m, context, [&](Index first, Index count) {
      l.triangularView<Eigen::Lower>().solveInPlace(b.middleCols(first, count));
    });
    return;
  }
  const Index top = half(n), bottom = n - top;
  solve_lower(l.topLeftCorner(top, top), b.topRows(top), context);
  add_product(-1, l.bottomLeftCorner(bottom, top), Op::none, b.topRows(top), Op::none,
              b.bottomRows(bottom), context);
  solve_lower(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
}

void solve_lower_transposed(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    for_slices(n, m, context, [&](Index first, Index count) {
      l.triangularView<Eigen::Lower>().transpose().solveInPlace(b.middleCols(first, count));
    });
    return;
  }
  const Index top = half(n), bottom = n - top;
  solve_lower_transposed(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
  add_product(-1, l.bottomLeftCorner(bottom, top), Op::transpose, b.bottomRows(bottom), Op::none,
              b.topRows(top), context);
  solve_lower_transposed(l.topLeftCorner(top, top), b.topRows(top), context);
}

void solve_lower_transposed_on_right(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.rows();
  if (n == 0 || m == 0) return;
  if (n <= kUnblocked) {
    for_slices(n, m, context, [&](Index first, Index count) {
      l.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(
          b.middleRows(first, count));
    });
    return;
  }
  const Index left = half(n), right = n - left;
  solve_lower_transposed_on_right(l.topLeftCorner(left, left), b.leftCols(left), context);
  add_product(-1, b.leftCols(left), Op::none, l.bottomLeftCorner(right, left), Op::transpose,
              b.rightCols(right), context);
  solve_lower_transposed_on_right(l.bottomRightCorner(right, right), b.rightCols(right), context);
}

bool cholesky_in_place(MatrixView a, const Context& context) {
  const Index n = a.rows();
  if (n == 0) return true;
  if (n <= kUnblocked) {
    return factor_cholesky(a) && a.diagonal().allFinite();
  }
  const Index top = half(n), bottom = n - top;
  if (!cholesky_in_place(a.topLeftCorner(top, top), context)) return false;
  solve_lower_transposed_on_right(a.topLeftCorner(top, top), a.bottomLeftCorner(bottom, top),
                                  context);
  const ConstMatrix below = a.bottomLeftCorner(bottom, top);
  add_lower_product(-1, below, below, a.bottomRightCorner(bottom, bottom), context);
  return cholesky_in_place(a.bottomRightCorner(bottom, bottom), context);
}

}  // namespace hdlmm
