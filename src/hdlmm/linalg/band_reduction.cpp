#include "hdlmm/linalg/band_reduction.hpp"

#include <algorithm>
#include <utility>

#include "hdlmm/base/moderate_scale.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/linalg/column_reduction.hpp"
#include "hdlmm/linalg/householder.hpp"

namespace hdlmm {

namespace {

// Panels between two updates of the rest of the matrix. Measured at n = 3000, width 64, seconds of
// one processor: 1.09 (1), 1.03 (2), 1.13 (4), 1.31 (8).
constexpr Index kPanelsTogether = 2;

/// Rows below the band of the panel that starts at column c.
Index panel_rows(Index n, Index width, Index c) { return n - c - width; }

/// Panels in a row, and the update of the rest of the matrix that is still to be made with them:
/// K -= V W' + W V'.
class PanelGroup {
 public:
  explicit PanelGroup(BandReduction& out)
      : out_(out),
        n_(out.reflectors.rows()),
        left_(n_, 2 * kPanelsTogether * out.width),
        right_(n_, 2 * kPanelsTogether * out.width),
        product_(n_, out.width) {}

  /// Reduces `count` panels from column `first` on and brings the rest up to date.
  void reduce(Index first, Index count, const Context& context) {
    const Index b = out_.width, below = panel_rows(n_, b, first);
    done_ = 0;
    left_.bottomRows(below).leftCols(2 * count * b).setZero();
    right_.bottomRows(below).leftCols(2 * count * b).setZero();
    for (Index c = first; c < first + count * b; c += b) reduce_panel(c, context);
    const Index m = below - (count - 1) * b;
    add_lower_product(-1, before(left_, m), before(right_, m),
                      out_.reflectors.bottomRightCorner(m, m), context);
  }

 private:
  /// The last m rows of the panels that are reduced.
  Eigen::Block<Matrix> before(Matrix& side, Index m) { return side.block(n_ - m, 0, m, done_); }

  /// 4 m^2 r flops, half of them in the update that waits.
  void reduce_panel(Index c, const Context& context) {
    const Index b = out_.width, m = panel_rows(n_, b, c), r = std::min(b, m);
    update_panel(c, context);
    auto panel = out_.reflectors.block(c + b, c, m, b);
    auto t = out_.factors.block(0, c, r, r);
    auto v = left_.block(n_ - m, done_, m, r), w = left_.block(n_ - m, done_ + b, m, r);
    factor_panel(panel.leftCols(r), v, t, context);
    if (r < b) {
      const Matrix dots = transpose_product(v, panel.rightCols(b - r));
      subtract_product(v, transpose_product(t, dots), panel.rightCols(b - r));
    }

    auto y = product_.topLeftCorner(m, r);
    y.setZero();
    add_symmetric_product(1, out_.reflectors.bottomRightCorner(m, m), v, y, context);
    subtract_pending(v, y, context);
    const Matrix inner = sandwich(t, inner_products(v, y, context));
    add_product(1, y, Op::none, t, Op::none, w, context);
    add_product(-0.5, v, Op::none, inner, Op::none, w, context);
    right_.block(n_ - m, done_, m, r) = w;
    right_.block(n_ - m, done_ + b, m, r) = v;
    done_ += 2 * b;
  }

  /// The update of the panel's own columns, from the diagonal down, with those before it.
  void update_panel(Index c, const Context& context) {
    if (done_ == 0) return;
    const Index b = out_.width, m = n_ - c;
    add_product(-1, before(left_, m), Op::none, before(right_, m).topRows(b), Op::transpose,
                out_.reflectors.block(c, c, m, b), context);
  }

  /// y [m x r] -= (V W' + W V') v of the panels before.
  void subtract_pending(const ConstMatrix& v, MatrixView y, const Context& context) {
    if (done_ == 0) return;
    const Matrix dots = inner_products(before(right_, v.rows()), v, context);
    add_product(-1, before(left_, v.rows()), Op::none, dots, Op::none, y, context);
  }

  BandReduction& out_;
  Index n_;
  Index done_ = 0;  ///< columns of the sides that are filled
  /// [n x 2 width kPanelsTogether]: V and W of one panel after another, zero above its rows; the
  /// same with W and V.
  Matrix left_, right_;
  Matrix product_;  ///< [n x width]
};

/// f [n x k] <- (I - tau v v') f, the reflector of a panel of one column.
void apply_reflector(const BandReduction& reduction, Index c, MatrixView f,
                     const PanelKernels& kernels, Vector& dots) {
  const Index first = c + 1, left = f.rows() - first - 1;
  const Columns<const double> tail{&reduction.reflectors(first + 1, c), left, 1};
  MatrixView below = f.bottomRows(left);
  dots = f.row(first).transpose();
  kernels.inner(left, as_columns(ConstMatrix(below)), tail, {dots.data(), dots.size(), 1});
  dots *= reduction.factors(0, c);
  f.row(first) -= dots.transpose();
  kernels.subtract(left, tail.cells, dots.data(), as_columns(below));
}

/// A square matrix below its diagonal, ones on it and zeros above.
Matrix unit_lower(const ConstMatrix& a) {
  Matrix out = Matrix::Identity(a.rows(), a.cols());
  for (Index j = 0; j < a.cols(); ++j) {
    const Index below = a.rows() - j - 1;
    out.col(j).tail(below) = a.col(j).tail(below);
  }
  return out;
}

/// f [n x k] <- (I - V T V') f, or with T' in place of T. V is read where it lies: a triangle with
/// ones on its diagonal above a whole block.
void apply_panel(const BandReduction& reduction, Index c, bool transposed, MatrixView f,
                 const Context& context) {
  const Index b = reduction.width, m = panel_rows(f.rows(), b, c), r = std::min(b, m);
  const auto panel = reduction.reflectors.block(c + b, c, m, r);
  const Matrix top = unit_lower(panel.topRows(r));
  const auto t = reduction.factors.block(0, c, r, r);
  MatrixView f_top = f.middleRows(c + b, r), f_rest = f.bottomRows(m - r);
  Matrix dots = transpose_product(top, f_top);
  add_product(1, panel.bottomRows(m - r), Op::transpose, f_rest, Op::none, dots, context);
  dots = transposed ? transpose_product(t, dots) : product(t, dots);
  subtract_product(top, dots, f_top);
  add_product(-1, panel.bottomRows(m - r), Op::none, dots, Op::none, f_rest, context);
}

/// Number of panels that have something below the band to be reduced.
Index count_panels(Index n, Index width) { return n > width + 1 ? (n - width - 2) / width + 1 : 0; }

void reduce_by_panels(BandReduction& out, const Context& context) {
  const Index width = out.width, n_panels = count_panels(out.reflectors.rows(), width);
  PanelGroup group(out);
  for (Index first = 0; first < n_panels; first += kPanelsTogether) {
    context.poll();
    const double left = 1 - static_cast<double>(first) / n_panels;
    context.progress("reduction to a band", 1 - left * left * left);
    group.reduce(first * width, std::min(kPanelsTogether, n_panels - first), context);
  }
}

double largest_in_lower(const Matrix& k) {
  double largest = 0;
  for (Index j = 0; j < k.cols(); ++j) {
    largest = std::max(largest, k.col(j).tail(k.rows() - j).cwiseAbs().maxCoeff());
  }
  return largest;
}

/// f [n x k] <- Q1 f, or Q1' f: a panel after the other, backwards or forwards.
void apply_panels(const BandReduction& reduction, bool transposed, MatrixView f,
                  const Context& context) {
  if (f.size() == 0) return;
  const Index width = reduction.width, n_panels = count_panels(f.rows(), width);
  const PanelKernels kernels = panel_kernels(context.kernels);
  Vector dots(f.cols());
  for (Index i = 0; i < n_panels; ++i) {
    context.poll();
    const Index c = (transposed ? i : n_panels - 1 - i) * width;
    if (width == 1) {
      apply_reflector(reduction, c, f, kernels, dots);
    } else {
      apply_panel(reduction, c, transposed, f, context);
    }
  }
}

}  // namespace

BandReduction reduce_to_band(Matrix&& k, Index width, const Context& context) {
  const Index n = k.rows();
  BandReduction out;
  out.width = width;
  out.reflectors = std::move(k);
  out.factors = Matrix::Zero(width, n);
  out.band = Matrix::Zero(width + 1, n);
  const double scale = moderate_scale(largest_in_lower(out.reflectors));
  if (scale != 1) out.reflectors *= scale;

  if (width == 1) {
    reduce_by_columns(out.reflectors, out.factors.row(0), context);
  } else {
    reduce_by_panels(out, context);
  }
  for (Index j = 0; j < n; ++j) {
    const Index length = std::min(width + 1, n - j);
    out.band.col(j).head(length) = out.reflectors.col(j).segment(j, length) / scale;
  }
  return out;
}

void apply_transposed(const BandReduction& reduction, MatrixView f, const Context& context) {
  apply_panels(reduction, true, f, context);
}

void apply(const BandReduction& reduction, MatrixView f, const Context& context) {
  apply_panels(reduction, false, f, context);
}

}  // namespace hdlmm
