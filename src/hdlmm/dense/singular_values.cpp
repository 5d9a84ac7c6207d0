#include "hdlmm/dense/singular_values.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

struct Turn {
  double c = 1, s = 0;

  Turn transposed() const { return {c, -s}; }
};

/// (x, y) <- (c x + s y, c y - s x), cell by cell.
void turn_pair(double* x, double* y, Index n, Index step, const Turn& turn) {
  for (Index i = 0; i < n; ++i, x += step, y += step) {
    const double xi = *x, yi = *y;
    *x = turn.c * xi + turn.s * yi;
    *y = turn.c * yi - turn.s * xi;
  }
}

/// The rotation whose two sides make [x y; y z] diagonal.
Turn symmetric_turn(double x, double y, double z) {
  const double twice = 2 * std::abs(y);
  if (twice < std::numeric_limits<double>::min()) return {};
  const double tau = (x - z) / twice, w = std::sqrt(tau * tau + 1);
  const double t = tau > 0 ? 1 / (tau + w) : 1 / (tau - w);
  const double n = 1 / std::sqrt(t * t + 1);
  return {n, (t > 0 ? -1.0 : 1.0) * (y / std::abs(y)) * std::abs(t) * n};
}

/// A square matrix on its way to u diag v'.
class TwoSidedJacobi {
 public:
  explicit TwoSidedJacobi(Matrix work, double tolerance)
      : n_(work.rows()),
        work_(std::move(work)),
        u_(Matrix::Identity(n_, n_)),
        v_(Matrix::Identity(n_, n_)),
        tolerance_(tolerance) {}

  SingularValues run() {
    for (Index i = 0; i < n_; ++i) largest_ = std::max(largest_, std::abs(work_(i, i)));
    while (sweep()) continue;
    SingularValues out{std::move(u_), std::move(v_), Vector(n_)};
    for (Index i = 0; i < n_; ++i) {
      out.values[i] = std::abs(work_(i, i));
      if (work_(i, i) < 0) out.u.col(i) *= -1;
    }
    sort(out);
    return out;
  }

 private:
  /// Whether anything was left to do. Not a number is never above the threshold.
  bool sweep() {
    bool found = false;
    for (Index p = 1; p < n_; ++p) {
      for (Index q = 0; q < p; ++q) {
        const double threshold =
            std::max(std::numeric_limits<double>::min(), tolerance_ * largest_);
        if (!(std::abs(work_(p, q)) > threshold || std::abs(work_(q, p)) > threshold)) continue;
        found = true;
        make_diagonal(p, q);
        largest_ = std::max(largest_, std::max(std::abs(work_(p, p)), std::abs(work_(q, q))));
      }
    }
    return found;
  }

  /// The block of rows and columns p and q: one rotation makes it symmetric, another one diagonal.
  void make_diagonal(Index p, Index q) {
    const double a = work_(p, p), b = work_(p, q), c = work_(q, p), d = work_(q, q);
    const double sum = a + d, difference = c - b;
    Turn first{1, 0};
    if (std::abs(difference) >= std::numeric_limits<double>::min()) {
      const double ratio = sum / difference, length = std::sqrt(1 + ratio * ratio);
      first = {ratio / length, 1 / length};
    }
    const Turn right = symmetric_turn(first.c * a + first.s * c, first.c * b + first.s * d,
                                      first.c * d - first.s * b);
    const Turn left{first.c * right.c + first.s * right.s, first.s * right.c - first.c * right.s};
    turn_pair(&work_(p, 0), &work_(q, 0), n_, n_, left);
    turn_pair(&u_(0, p), &u_(0, q), n_, 1, left);
    turn_pair(&work_(0, p), &work_(0, q), n_, 1, right.transposed());
    turn_pair(&v_(0, p), &v_(0, q), n_, 1, right.transposed());
  }

  static void sort(SingularValues& out) {
    for (Index i = 0; i < out.values.size(); ++i) {
      const double* cells = out.values.data();
      const Index at = std::max_element(cells + i, cells + out.values.size()) - cells;
      if (at == i) continue;
      std::swap(out.values[i], out.values[at]);
      out.u.col(at).swap(out.u.col(i));
      out.v.col(at).swap(out.v.col(i));
    }
  }

  Index n_;
  Matrix work_, u_, v_;
  double tolerance_;
  double largest_ = 0;  ///< entry of the diagonal
};

constexpr double kEps = std::numeric_limits<double>::epsilon();

/// The scale keeps squares of the cells within the range of numbers.
SingularValues by_rotations(const Matrix& square, double tolerance) {
  const double largest = square.size() > 0 ? square.cwiseAbs().maxCoeff() : 0;
  const double scale = largest == 0 ? 1 : largest;
  SingularValues out = TwoSidedJacobi(square / scale, tolerance).run();
  out.values *= scale;
  return out;
}

SingularValues by_eigenvectors(const Matrix& square) {
  const Matrix vectors =
      symmetric_eigen(transpose_product(square, square)).vectors.rowwise().reverse();
  const ThinQr qr = thin_qr(product(square, vectors));
  const SingularValues near = by_rotations(qr.r, kEps * static_cast<double>(square.rows()) / 8);
  return {product(qr.q, near.u), product(vectors, near.v), near.values};
}

}  // namespace

SingularValues singular_values(const ConstMatrix& a) {
  constexpr Index kMany = 64;
  const Index k = a.rows(), c = a.cols();
  Matrix square = Matrix::Zero(c, c);
  square.topRows(k) = a;
  SingularValues out =
      c < kMany || !a.allFinite() ? by_rotations(square, 2 * kEps) : by_eigenvectors(square);
  if (k < c) {
    out.u = Matrix(out.u.topLeftCorner(k, k));
    out.values = Vector(out.values.head(k));
  }
  return out;
}

}  // namespace hdlmm
