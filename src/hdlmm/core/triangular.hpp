#ifndef HDLMM_CORE_TRIANGULAR_HPP
#define HDLMM_CORE_TRIANGULAR_HPP

#include <algorithm>

#include "hdlmm/core/dense_products.hpp"

namespace hdlmm {

// Triangular solves and the Cholesky factor by halving: all but diagonal blocks is matrix products
// (Elmroth, Gustavson, Jonsson & Kagstrom 2004, SIAM Review 46). l is read below its diagonal only.

/// B [n x m] <- L^-1 B. n^2 m flops.
inline void solve_lower(const ConstMatrix& l, MatrixView b, const Context& context);

/// B [n x m] <- L^-T B. n^2 m flops.
inline void solve_lower_transposed(const ConstMatrix& l, MatrixView b, const Context& context);

/// B [m x n] <- B L^-T. n^2 m flops.
inline void solve_lower_transposed_on_right(const ConstMatrix& l, MatrixView b,
                                            const Context& context);

/// The lower triangle of A [n x n], A = L L', becomes L; the upper one is untouched. n^3 / 3 flops.
/// False when A is not positive definite (or not a number): A is then in pieces.
inline bool cholesky_in_place(MatrixView a, const Context& context);

namespace triangular_detail {

constexpr Index kUnblocked = 64;
constexpr Index kVectors = 128;  ///< of the right-hand side in one task

/// The first part of n, in whole blocks.
inline Index half(Index n) { return round_up(n / 2, kUnblocked); }

/// solve(first, count) for slices of m vectors.
template <typename Solve>
void for_slices(Index n, Index m, const Context& context, Solve&& solve) {
  const Context chosen = dense_products_detail::context_for(4.0 * n * n * m, context);
  parallel_for(chosen, divide_up(m, kVectors), [&](Index task) {
    const Index first = task * kVectors;
    solve(first, std::min(kVectors, m - first));
  });
}

}  // namespace triangular_detail

inline void solve_lower(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= triangular_detail::kUnblocked) {
    triangular_detail::for_slices(n, m, context, [&](Index first, Index count) {
      l.triangularView<Eigen::Lower>().solveInPlace(b.middleCols(first, count));
    });
    return;
  }
  const Index top = triangular_detail::half(n), bottom = n - top;
  solve_lower(l.topLeftCorner(top, top), b.topRows(top), context);
  add_product(-1, l.bottomLeftCorner(bottom, top), Op::none, b.topRows(top), Op::none,
              b.bottomRows(bottom), context);
  solve_lower(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
}

inline void solve_lower_transposed(const ConstMatrix& l, MatrixView b, const Context& context) {
  const Index n = l.rows(), m = b.cols();
  if (n == 0 || m == 0) return;
  if (n <= triangular_detail::kUnblocked) {
    triangular_detail::for_slices(n, m, context, [&](Index first, Index count) {
      l.triangularView<Eigen::Lower>().transpose().solveInPlace(b.middleCols(first, count));
    });
    return;
  }
  const Index top = triangular_detail::half(n), bottom = n - top;
  solve_lower_transposed(l.bottomRightCorner(bottom, bottom), b.bottomRows(bottom), context);
  add_product(-1, l.bottomLeftCorner(bottom, top), Op::transpose, b.bottomRows(bottom), Op::none,
              b.topRows(top), context);
  solve_lower_transposed(l.topLeftCorner(top, top), b.topRows(top), context);
}

inline void solve_lower_transposed_on_right(const ConstMatrix& l, MatrixView b,
                                            const Context& context) {
  const Index n = l.rows(), m = b.rows();
  if (n == 0 || m == 0) return;
  if (n <= triangular_detail::kUnblocked) {
    triangular_detail::for_slices(n, m, context, [&](Index first, Index count) {
      l.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(
          b.middleRows(first, count));
    });
    return;
  }
  const Index left = triangular_detail::half(n), right = n - left;
  solve_lower_transposed_on_right(l.topLeftCorner(left, left), b.leftCols(left), context);
  add_product(-1, b.leftCols(left), Op::none, l.bottomLeftCorner(right, left), Op::transpose,
              b.rightCols(right), context);
  solve_lower_transposed_on_right(l.bottomRightCorner(right, right), b.rightCols(right), context);
}

inline bool cholesky_in_place(MatrixView a, const Context& context) {
  const Index n = a.rows();
  if (n == 0) return true;
  if (n <= triangular_detail::kUnblocked) {
    Matrix block = a;  // Eigen's factorisation in place wants a matrix of its own
    const Eigen::LLT<Eigen::Ref<Matrix>> factor(block);
    a.triangularView<Eigen::Lower>() = block;
    return factor.info() == Eigen::Success && block.diagonal().allFinite();
  }
  const Index top = triangular_detail::half(n), bottom = n - top;
  if (!cholesky_in_place(a.topLeftCorner(top, top), context)) return false;
  solve_lower_transposed_on_right(a.topLeftCorner(top, top), a.bottomLeftCorner(bottom, top),
                                  context);
  const ConstMatrix below = a.bottomLeftCorner(bottom, top);
  add_lower_product(-1, below, below, a.bottomRightCorner(bottom, bottom), context);
  return cholesky_in_place(a.bottomRightCorner(bottom, bottom), context);
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_TRIANGULAR_HPP
