#ifndef HDLMM_LINALG_HOUSEHOLDER_HPP
#define HDLMM_LINALG_HOUSEHOLDER_HPP

#include <algorithm>
#include <cmath>

#include "hdlmm/core/dense_products.hpp"
#include "hdlmm/linalg/moderate_scale.hpp"
#include "hdlmm/linalg/panel_kernels.hpp"

namespace hdlmm {

namespace householder_detail {

constexpr Index kLeaf = 8;  // columns of a panel that are reduced one by one

/// Columns of a matrix as kernels take them.
inline Columns<double> as_columns(MatrixView a) { return {a.data(), a.outerStride(), a.cols()}; }
inline Columns<const double> as_columns(const ConstMatrix& a) {
  return {a.data(), a.outerStride(), a.cols()};
}

/// a'b, [cols of a x cols of b], for long and narrow matrices.
inline Matrix inner_products(const ConstMatrix& a, const ConstMatrix& b,
                             const PanelKernels& kernels) {
  Matrix out = Matrix::Zero(a.cols(), b.cols());
  kernels.inner(a.rows(), as_columns(a), as_columns(b), as_columns(MatrixView(out)));
  return out;
}

/// The same by pieces of the rows, which threads share.
inline Matrix inner_products(const ConstMatrix& a, const ConstMatrix& b, const Context& context) {
  constexpr Index kPiece = 1024;  // rows
  const PanelKernels kernels = panel_kernels(context.kernels);
  const Index n = a.rows(), n_pieces = divide_up(n, kPiece), k = b.cols();
  Matrix parts = Matrix::Zero(a.cols(), k * n_pieces), out = Matrix::Zero(a.cols(), k);
  const double flops = 2.0 * n * a.cols() * k;
  parallel_for(dense_products_detail::context_for(flops, context), n_pieces, [&](Index piece) {
    const Index first = piece * kPiece;
    MatrixView part = parts.middleCols(piece * k, k);
    kernels.inner(std::min(kPiece, n - first), as_columns(a).below(first),
                  as_columns(b).below(first), as_columns(part));
  });
  for (Index piece = 0; piece < n_pieces; ++piece) out += parts.middleCols(piece * k, k);
  return out;
}

/// H x = beta e_1 for x [n], H = I - tau v v'; x becomes v without its leading one. Returns beta.
/// The matrix must be of moderate scale.
inline double reflect(Index n, double* x, double& tau, const PanelKernels& kernels) {
  const double alpha = x[0];
  const Columns<const double> tail{x + 1, n, 1};
  double tail2 = 0;
  kernels.inner(n - 1, tail, tail, {&tail2, 1, 1});
  tau = 0;
  if (tail2 < kNegligibleSquare) {
    std::fill(x + 1, x + n, 0.0);
    return alpha;
  }
  const double length = std::sqrt(alpha * alpha + tail2);
  const double beta = alpha > 0 ? -length : length;
  tau = (beta - alpha) / beta;
  Eigen::Map<Vector>(x + 1, n - 1) *= 1 / (alpha - beta);
  return beta;
}

/// QR of a few columns, one by one: R above, V below in `a` and in full in `v`, T in `t`.
/// 5 m w^2 flops.
inline void factor_leaf(MatrixView a, MatrixView v, MatrixView t, const PanelKernels& kernels) {
  const Index m = a.rows(), w = a.cols();
  v.setZero();
  Vector dots(w);
  for (Index j = 0; j < w; ++j) {
    const Index below = m - j, right = w - j - 1;
    double tau = 0;
    a(j, j) = reflect(below, &a(j, j), tau, kernels);
    v(j, j) = 1;
    v.col(j).tail(below - 1) = a.col(j).tail(below - 1);
    const auto vj = v.col(j).tail(below);
    if (right > 0) {
      MatrixView beside = a.bottomRightCorner(below, right);
      dots.head(right) = tau * inner_products(beside, vj, kernels);
      kernels.subtract(below, vj.data(), dots.data(), as_columns(beside));
    }
    t(j, j) = tau;
    if (j > 0) {
      dots.head(j) = inner_products(v.bottomLeftCorner(below, j), vj, kernels);
      const auto before = t.topLeftCorner(j, j).template triangularView<Eigen::Upper>();
      t.col(j).head(j) = before * (-tau * dots.head(j));
    }
  }
}

/// QR of a panel by halves (Elmroth & Gustavson 2000, IBM J. Res. Dev. 44). a: [m x w], w <= m;
/// v: [m x w], t: [w x w] zero below its diagonal.
inline void factor_panel(MatrixView a, MatrixView v, MatrixView t, const Context& context) {
  const PanelKernels kernels = panel_kernels(context.kernels);
  const Index m = a.rows(), w = a.cols();
  if (w <= kLeaf) return factor_leaf(a, v, t, kernels);
  const Index left = (w / 2 + kLeaf - 1) / kLeaf * kLeaf, right = w - left;
  factor_panel(a.leftCols(left), v.leftCols(left), t.topLeftCorner(left, left), context);

  const auto v1 = v.leftCols(left);
  const auto t1 = t.topLeftCorner(left, left).template triangularView<Eigen::Upper>();
  Matrix dots = t1.transpose() * inner_products(v1, a.rightCols(right), kernels);
  add_product(-1, v1, Op::none, dots, Op::none, a.rightCols(right), context);

  v.topRightCorner(left, right).setZero();
  const Index below = m - left;
  factor_panel(a.bottomRightCorner(below, right), v.bottomRightCorner(below, right),
               t.bottomRightCorner(right, right), context);
  const auto t2 = t.bottomRightCorner(right, right).template triangularView<Eigen::Upper>();
  dots = inner_products(v1.bottomRows(below), v.bottomRightCorner(below, right), kernels) * t2;
  t.topRightCorner(left, right) = t1 * (-dots);
}

}  // namespace householder_detail

}  // namespace hdlmm

#endif  // HDLMM_LINALG_HOUSEHOLDER_HPP
