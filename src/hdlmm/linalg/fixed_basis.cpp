#include "hdlmm/linalg/fixed_basis.hpp"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/base/double_double.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

/// Reflectors H_1 H_2 ... = I - V T V' that leave the rows before `first` alone (Schreiber & Van
/// Loan 1989, SIAM J. Sci. Stat. Comput. 10).
struct ReflectorBlock {
  Index first = 0;
  Matrix v;  ///< [n - first x w], columns of unit length
  Matrix t;  ///< [w x w], upper triangular

  /// a [n x k] <- H a, or H'a.
  void apply(bool is_transposed, MatrixView a) const {
    MatrixView below = a.bottomRows(v.rows());
    const Context context;
    Matrix along = Matrix::Zero(v.cols(), a.cols());
    add_product(1, v, Op::transpose, below, Op::none, along, context);
    along = is_transposed ? transpose_product(t, along) : product(t, along);
    add_product(-1, v, Op::none, along, Op::none, below, context);
  }
};

/// One column after another, `length` that of the column before any reflection. Those that are kept
/// add a reflector to `block` and a column to R.
class PanelReducer {
 public:
  PanelReducer(Index n, Index rank, Index width, double tolerance)
      : n_(n), tolerance_(tolerance), block_{rank, Matrix::Zero(n - rank, width), Matrix()} {}

  /// Whether the column is independent of those before; `column` becomes that of R.
  bool reduce(double length, Eigen::Ref<Vector> column) {
    const Index rank = block_.first + count_;
    for (Index k = 0; k < count_; ++k) {
      const auto v = block_.v.col(k).tail(block_.v.rows() - k);
      auto rest = column.tail(v.size());
      rest -= 2 * v.dot(rest) * v;
    }
    const double rest = rank < n_ ? column.tail(n_ - rank).norm() : 0;
    if (!(rest > tolerance_ * length)) return false;
    const double diagonal = column[rank] > 0 ? -rest : rest;
    auto v = block_.v.col(count_).tail(n_ - rank);
    v = column.tail(n_ - rank);
    v[0] -= diagonal;
    v.normalize();
    column[rank] = diagonal;
    ++count_;
    return true;
  }

  ReflectorBlock finish() {
    block_.v.conservativeResize(Eigen::NoChange, count_);
    block_.t = Matrix::Zero(count_, count_);
    for (Index j = 0; j < count_; ++j) {
      block_.t(j, j) = 2;
      const Vector dots = transpose_times(block_.v.leftCols(j), block_.v.col(j));
      block_.t.col(j).head(j) = -2 * times(block_.t.topLeftCorner(j, j), dots);
    }
    return std::move(block_);
  }

 private:
  Index n_;
  double tolerance_;
  Index count_ = 0;
  ReflectorBlock block_;
};

}  // namespace

FixedBasis build_fixed_basis(const ConstMatrix& z, double tolerance, const Context& context) {
  constexpr Index kPanel = 32;
  const Index n = z.rows();
  std::vector<ReflectorBlock> blocks;
  std::vector<Vector> triangle;
  FixedBasis basis;
  for (Index first = 0; first < z.cols(); first += kPanel) {
    const Index width = std::min(kPanel, z.cols() - first);
    const Index rank = static_cast<Index>(basis.kept.size());
    if (rank == n) break;
    Matrix panel = z.middleCols(first, width);
    for (const auto& block : blocks) {
      context.poll();
      block.apply(true, panel);
    }
    PanelReducer reducer(n, rank, std::min(width, n - rank), tolerance);
    for (Index j = 0; j < width; ++j) {
      context.poll();
      if (!reducer.reduce(z.col(first + j).norm(), panel.col(j))) continue;
      triangle.push_back(panel.col(j).head(triangle.size() + 1));
      basis.kept.push_back(first + j);
    }
    if (static_cast<Index>(basis.kept.size()) > rank) blocks.push_back(reducer.finish());
  }
  const Index c = static_cast<Index>(basis.kept.size());
  basis.r = Matrix::Zero(c, c);
  for (Index k = 0; k < c; ++k) basis.r.col(k).head(k + 1) = triangle[static_cast<std::size_t>(k)];
  basis.q = Matrix::Identity(n, c);
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
    context.poll();
    block->apply(false, basis.q.rightCols(c - block->first));
  }
  return basis;
}

LeastSquares solve_least_squares(const FixedBasis& basis, const ConstMatrix& z,
                                 const ConstVector& y, const Context& context) {
  constexpr int kRefinements = 4;
  constexpr Index kColumnsBetweenPolls = 8;
  constexpr double kRounding = 0.125 * std::numeric_limits<double>::epsilon();
  const Index n = y.size(), c = static_cast<Index>(basis.kept.size());
  check_input(z.rows() == n, "least squares: rows of Z and y");
  LeastSquares fit{Vector::Zero(c), Vector::Zero(n)};
  Vector f(n), g(c);
  std::vector<DoubleDouble> sums;
  for (int step = 0; step <= kRefinements; ++step) {
    sums.assign(static_cast<std::size_t>(n), DoubleDouble());
    for (Index i = 0; i < n; ++i) {
      sums[i].add(y[i]);
      sums[i].add(-fit.residual[i]);
    }
    for (Index k = 0; k < c; ++k) {
      if (k % kColumnsBetweenPolls == 0) context.poll();
      const auto column = z.col(basis.kept[k]);
      DoubleDouble sum;
      for (Index i = 0; i < n; ++i) {
        sums[i].add_product(-column[i], fit.omega[k]);
        sum.add_product(-column[i], fit.residual[i]);
      }
      g[k] = sum.value();
    }
    for (Index i = 0; i < n; ++i) f[i] = sums[i].value();
    const Vector d = transpose_times(basis.q, f);
    Vector u = g;
    solve_upper_transposed(basis.r, u);
    Vector omega_step = d - u;
    solve_upper(basis.r, omega_step);
    const Vector residual_step = f + times(basis.q, u - d);
    fit.omega += omega_step;
    fit.residual += residual_step;
    const bool is_small = omega_step.norm() <= kRounding * fit.omega.norm() &&
                          residual_step.norm() <= kRounding * fit.residual.norm();
    if (is_small) break;
  }
  return fit;
}

}  // namespace hdlmm
