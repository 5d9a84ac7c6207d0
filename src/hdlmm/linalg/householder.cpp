#include "hdlmm/linalg/householder.hpp"

#include <algorithm>
#include <cmath>

#include "hdlmm/base/moderate_scale.hpp"
#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

constexpr Index kLeaf = 8;  // columns of a panel that are reduced one by one

/// QR of a few columns, one by one: R above, V below in `a` and in full in `v`, T in `t`.
/// 5 m w^2 flops.
void factor_leaf(MatrixView a, MatrixView v, MatrixView t, const PanelKernels& kernels) {
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
      t.col(j).head(j) = -tau * times(t.topLeftCorner(j, j), dots.head(j));
    }
  }
}

}  // namespace

Columns<const double> as_columns(const ConstMatrix& a) {
  return {a.data(), a.outerStride(), a.cols()};
}

Matrix inner_products(const ConstMatrix& a, const ConstMatrix& b, const PanelKernels& kernels) {
  Matrix out = Matrix::Zero(a.cols(), b.cols());
  kernels.inner(a.rows(), as_columns(a), as_columns(b), as_columns(MatrixView(out)));
  return out;
}

Matrix inner_products(const ConstMatrix& a, const ConstMatrix& b, const Context& context) {
  constexpr Index kPiece = 1024;  // rows
  const PanelKernels kernels = panel_kernels(context.kernels);
  const Index n = a.rows(), n_pieces = divide_up(n, kPiece), k = b.cols();
  Matrix parts = Matrix::Zero(a.cols(), k * n_pieces), out = Matrix::Zero(a.cols(), k);
  const double flops = 2.0 * n * a.cols() * k;
  parallel_for(context_for(flops, context), n_pieces, [&](Index piece) {
    const Index first = piece * kPiece;
    MatrixView part = parts.middleCols(piece * k, k);
    kernels.inner(std::min(kPiece, n - first), as_columns(a).below(first),
                  as_columns(b).below(first), as_columns(part));
  });
  for (Index piece = 0; piece < n_pieces; ++piece) out += parts.middleCols(piece * k, k);
  return out;
}

double reflect(Index n, double* x, double& tau, const PanelKernels& kernels) {
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

void factor_panel(MatrixView a, MatrixView v, MatrixView t, const Context& context) {
  const PanelKernels kernels = panel_kernels(context.kernels);
  const Index m = a.rows(), w = a.cols();
  if (w <= kLeaf) return factor_leaf(a, v, t, kernels);
  const Index left = (w / 2 + kLeaf - 1) / kLeaf * kLeaf, right = w - left;
  factor_panel(a.leftCols(left), v.leftCols(left), t.topLeftCorner(left, left), context);

  const auto v1 = v.leftCols(left);
  const auto t1 = t.topLeftCorner(left, left);
  Matrix dots = transpose_product(t1, inner_products(v1, a.rightCols(right), kernels));
  add_product(-1, v1, Op::none, dots, Op::none, a.rightCols(right), context);

  v.topRightCorner(left, right).setZero();
  const Index below = m - left;
  factor_panel(a.bottomRightCorner(below, right), v.bottomRightCorner(below, right),
               t.bottomRightCorner(right, right), context);
  dots = inner_products(v1.bottomRows(below), v.bottomRightCorner(below, right), kernels);
  dots = product(dots, t.bottomRightCorner(right, right));
  t.topRightCorner(left, right) = -product(t1, dots);
}

}  // namespace hdlmm
