#include "hdlmm/linalg/column_reduction.hpp"

#include "hdlmm/dense/packing.hpp"
#include "hdlmm/linalg/householder.hpp"
#include "hdlmm/simd/rank_two_kernels.hpp"

namespace hdlmm {

void reduce_by_columns(MatrixView k,
                       Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>> factors,
                       const Context& context) {
  constexpr Index kLine = 8, kPollEvery = 8;
  const PanelKernels kernels = panel_kernels(context.kernels);
  const RankTwoKernel make_pass = rank_two_kernel(context.kernels);
  const Index n = k.rows(), stride = round_up(n + kRankTwoPad, kLine);
  const AlignedBuffer<double> buffer(stride * (n + 4));
  Eigen::Map<Matrix> cells(buffer.data(), stride, n),
      vectors(buffer.data() + stride * n, stride, 4);
  cells.setZero();
  cells.topRows(n).triangularView<Eigen::Lower>() = k;
  vectors.setZero();
  auto v = vectors.col(0), w = vectors.col(1), x = vectors.col(2), y = vectors.col(3);
  for (Index j = 0; j < n; ++j) {
    const Index below = n - j - 1;
    cells.col(j).segment(j, n - j) -= w[j] * v.segment(j, n - j) + v[j] * w.segment(j, n - j);
    if (below < 2) continue;
    if (j % kPollEvery == 0) {
      context.poll();
      const double left = static_cast<double>(n - j) / static_cast<double>(n);
      context.progress("reduction to a band", 1 - left * left * left);
    }
    double tau = 0, *column = &cells(j + 1, j);
    *column = reflect(below, column, tau, kernels);
    factors[j] = tau;
    x[j + 1] = 1;
    x.segment(j + 2, below - 1) = cells.col(j).segment(j + 2, below - 1);
    y.setZero();
    make_pass({j + 1, n, cells.data(), stride, v.data(), w.data(), x.data(), y.data()});
    v.segment(j + 1, below) = x.segment(j + 1, below);
    const auto vj = v.segment(j + 1, below), yj = y.segment(j + 1, below);
    w.segment(j + 1, below) = tau * (yj - 0.5 * tau * yj.dot(vj) * vj);
  }
  k.triangularView<Eigen::Lower>() = cells.topRows(n);
}

}  // namespace hdlmm
