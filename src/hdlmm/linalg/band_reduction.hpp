#ifndef HDLMM_LINALG_BAND_REDUCTION_HPP
#define HDLMM_LINALG_BAND_REDUCTION_HPP

#include <algorithm>
#include <cmath>
#include <utility>

#include "hdlmm/core/dense_products.hpp"
#include "hdlmm/linalg/moderate_scale.hpp"
#include "hdlmm/linalg/panel_kernels.hpp"

namespace hdlmm {

/// K = Q1 B Q1', B a band.
///
/// Q1 is the product of a block reflector I - V T V' for each panel of `width` columns; V is unit
/// lower trapezoidal, starts `width` rows below the diagonal and is kept there, without its
/// diagonal of ones.
struct BandReduction {
  Index width = 0;
  Matrix reflectors;  ///< [n x n], V below the band; the rest is spent
  Matrix factors;     ///< [width x n], T [r x r, upper] of each panel in its leading columns
  Matrix band;        ///< [(width + 1) x n], lower band storage: B(j + i, j) at (i, j)
};

namespace band_reduction_detail {

constexpr Index kLeaf = 8;  // columns of a panel that are reduced one by one
// Panels between two updates of the rest of the matrix. Measured at n = 3000, width 64, seconds of
// one processor: 1.09 (1), 1.03 (2), 1.13 (4), 1.31 (8).
constexpr Index kPanelsTogether = 2;

/// Rows below the band of the panel that starts at column c.
inline Index panel_rows(Index n, Index width, Index c) { return n - c - width; }

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

/// Panels in a row, and the update of the rest of the matrix that is still to be made with them:
/// K -= V W' + W V'.
class PanelGroup {
 public:
  explicit PanelGroup(BandReduction& out)
      : out_(out),
        n_(out.reflectors.rows()),
        pending_(n_, 3 * kPanelsTogether * out.width),
        product_(n_, out.width) {}

  /// Reduces `count` panels from column `first` on and brings the rest up to date.
  void reduce(Index first, Index count, const Context& context) {
    const Index b = out_.width, below = panel_rows(n_, b, first);
    size_ = count * b;
    done_ = 0;
    pending_.bottomRows(below).leftCols(3 * size_).setZero();
    for (Index c = first; c < first + size_; c += b) reduce_panel(c, context);
    const Index m = below - size_ + b;
    add_lower_product(-1, columns(m, 0, 2 * size_), columns(m, size_, 2 * size_),
                      out_.reflectors.bottomRightCorner(m, m), context);
  }

 private:
  /// Part of the last m rows of [V W V], where [V W] and [W V] are neighbours.
  Eigen::Block<Matrix> columns(Index m, Index first, Index count) {
    return pending_.block(n_ - m, first, m, count);
  }

  /// 4 m^2 r flops, half of them in the update that waits.
  void reduce_panel(Index c, const Context& context) {
    const Index b = out_.width, m = panel_rows(n_, b, c), r = std::min(b, m);
    update_panel(c, context);
    auto panel = out_.reflectors.block(c + b, c, m, b);
    auto t = out_.factors.block(0, c, r, r);
    auto v = columns(m, done_, r), w = columns(m, size_ + done_, r);
    factor_panel(panel.leftCols(r), v, t, context);
    if (r < b) {
      const Matrix dots = v.transpose() * panel.rightCols(b - r);
      panel.rightCols(b - r).noalias() -= v * (t.transpose() * dots);
    }

    auto y = product_.topLeftCorner(m, r);
    y.setZero();
    add_symmetric_product(1, out_.reflectors.bottomRightCorner(m, m), v, y, context);
    subtract_pending(v, y, context);
    Matrix inner = Matrix::Zero(r, r);
    add_product(1, y, Op::none, t, Op::none, w, context);
    add_product(1, v, Op::transpose, w, Op::none, inner, context);
    inner = t.transpose() * inner.eval();
    add_product(-0.5, v, Op::none, inner, Op::none, w, context);
    columns(m, 2 * size_ + done_, r) = v;
    done_ += b;
  }

  /// The update of the panel's own columns, from the diagonal down, with those before it.
  void update_panel(Index c, const Context& context) {
    if (done_ == 0) return;
    const Index b = out_.width, m = n_ - c;
    for (const Index side : {Index{0}, size_}) {
      add_product(-1, columns(m, side, done_), Op::none, columns(m, side + size_, done_).topRows(b),
                  Op::transpose, out_.reflectors.block(c, c, m, b), context);
    }
  }

  /// y [m x r] -= (V W' + W V') v of the panels before.
  void subtract_pending(const ConstMatrix& v, MatrixView y, const Context& context) {
    if (done_ == 0) return;
    for (const Index side : {Index{0}, size_}) {
      Matrix dots = Matrix::Zero(done_, v.cols());
      add_product(1, columns(v.rows(), side + size_, done_), Op::transpose, v, Op::none, dots,
                  context);
      add_product(-1, columns(v.rows(), side, done_), Op::none, dots, Op::none, y, context);
    }
  }

  BandReduction& out_;
  Index n_;
  Index size_ = 0, done_ = 0;  ///< columns of the group, and those that are reduced
  Matrix pending_;             ///< [n x 3 size], [V W V], zero above each panel's rows
  Matrix product_;             ///< [n x width]
};

/// V [m x r] of the panel at column c with its zeros and ones.
inline Matrix panel_reflectors(const BandReduction& reduction, Index c) {
  const Index m = panel_rows(reduction.reflectors.rows(), reduction.width, c);
  const Index r = std::min(reduction.width, m);
  Matrix v = reduction.reflectors.block(c + reduction.width, c, m, r);
  v.topRows(r).template triangularView<Eigen::StrictlyUpper>().setZero();
  v.diagonal().setOnes();
  return v;
}

/// f [n x k] <- (I - V T V') f, or with T' in place of T.
inline void apply_panel(const BandReduction& reduction, Index c, bool transposed, MatrixView f,
                        const Context& context) {
  const Matrix v = panel_reflectors(reduction, c);
  const Index m = v.rows(), r = v.cols();
  const auto t = reduction.factors.block(0, c, r, r).template triangularView<Eigen::Upper>();
  Matrix dots = Matrix::Zero(r, f.cols());
  add_product(1, v, Op::transpose, f.bottomRows(m), Op::none, dots, context);
  if (transposed) {
    dots = t.transpose() * dots.eval();
  } else {
    dots = t * dots.eval();
  }
  add_product(-1, v, Op::none, dots, Op::none, f.bottomRows(m), context);
}

/// Number of panels that have something below the band to be reduced.
inline Index count_panels(Index n, Index width) {
  return n > width + 1 ? (n - width - 2) / width + 1 : 0;
}

inline double largest_in_lower(const Matrix& k) {
  double largest = 0;
  for (Index j = 0; j < k.cols(); ++j) {
    largest = std::max(largest, k.col(j).tail(k.rows() - j).cwiseAbs().maxCoeff());
  }
  return largest;
}

}  // namespace band_reduction_detail

/// Orthogonal reduction of a symmetric matrix to a band, nearly all of it in matrix products.
///
/// k: [n x n], its lower triangle is read and the storage reused. Blocked Householder panels
/// (Bischof, Lang & Sun 2000, ACM TOMS 26); the rest of the matrix is read once a panel and written
/// once every few panels. 4/3 n^3 flops.
inline BandReduction reduce_to_band(Matrix&& k, Index width, const Context& context) {
  namespace detail = band_reduction_detail;
  const Index n = k.rows();
  BandReduction out;
  out.width = width;
  out.reflectors = std::move(k);
  out.factors = Matrix::Zero(width, n);
  out.band = Matrix::Zero(width + 1, n);
  const double scale = moderate_scale(detail::largest_in_lower(out.reflectors));
  if (scale != 1) out.reflectors *= scale;

  const Index n_panels = detail::count_panels(n, width);
  detail::PanelGroup group(out);
  for (Index first = 0; first < n_panels; first += detail::kPanelsTogether) {
    context.poll();
    const double left = 1 - static_cast<double>(first) / n_panels;
    context.progress("reduction to a band", 1 - left * left * left);
    group.reduce(first * width, std::min(detail::kPanelsTogether, n_panels - first), context);
  }
  for (Index j = 0; j < n; ++j) {
    const Index length = std::min(width + 1, n - j);
    out.band.col(j).head(length) = out.reflectors.col(j).segment(j, length) / scale;
  }
  return out;
}

/// f [n x k] <- Q1' f. 2 n^2 k flops.
inline void apply_transposed(const BandReduction& reduction, MatrixView f, const Context& context) {
  if (f.size() == 0) return;
  const Index width = reduction.width;
  const Index n_panels = band_reduction_detail::count_panels(f.rows(), width);
  for (Index i = 0; i < n_panels; ++i) {
    context.poll();
    band_reduction_detail::apply_panel(reduction, i * width, true, f, context);
  }
}

/// f [n x k] <- Q1 f. 2 n^2 k flops.
inline void apply(const BandReduction& reduction, MatrixView f, const Context& context) {
  if (f.size() == 0) return;
  const Index width = reduction.width;
  for (Index i = band_reduction_detail::count_panels(f.rows(), width) - 1; i >= 0; --i) {
    context.poll();
    band_reduction_detail::apply_panel(reduction, i * width, false, f, context);
  }
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_BAND_REDUCTION_HPP
