#include "hdlmm/dense/inverse.hpp"

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

constexpr Index kUnblocked = 64;

Index half(Index n) { return round_up(n / 2, kUnblocked); }

/// L <- L^-1, below the diagonal.
void invert_root(MatrixView l, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) {
    for (Index j = 0; j < n; ++j) {
      const Index below = n - j - 1;
      Vector column = -l.col(j).tail(below) / l(j, j);
      l(j, j) = 1 / l(j, j);
      // the rest of the triangle is not inverted yet
      for (Index i = 0; i < below; ++i) {
        column[i] /= l(j + 1 + i, j + 1 + i);
        column.tail(below - i - 1) -= column[i] * l.col(j + 1 + i).tail(below - i - 1);
      }
      l.col(j).tail(below) = column;
    }
    return;
  }
  const Index top = half(n), bottom = n - top;
  auto corner = l.bottomLeftCorner(bottom, top);
  solve_lower(l.bottomRightCorner(bottom, bottom), corner, context);
  invert_root(l.topLeftCorner(top, top), context);
  invert_root(l.bottomRightCorner(bottom, bottom), context);
  Matrix turned = Matrix::Zero(bottom, top);
  const Matrix upper = l.topLeftCorner(top, top).triangularView<Eigen::Lower>();
  add_product(-1, corner, Op::none, upper, Op::none, turned, context);
  corner = turned;
}

/// Lower triangle of c += L'L.
void add_square(const ConstMatrix& l, MatrixView c, const Context& context) {
  const Index n = l.rows();
  if (n <= kUnblocked) {
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) c(i, j) += l.col(i).tail(n - i).dot(l.col(j).tail(n - i));
    }
    return;
  }
  const Index top = half(n), bottom = n - top;
  const ConstMatrix corner = l.bottomLeftCorner(bottom, top);
  add_square(l.topLeftCorner(top, top), c.topLeftCorner(top, top), context);
  const Matrix across = corner.transpose();
  add_lower_product(1, across, across, c.topLeftCorner(top, top), context);
  const Matrix lower = l.bottomRightCorner(bottom, bottom).triangularView<Eigen::Lower>();
  add_product(1, lower, Op::transpose, corner, Op::none, c.bottomLeftCorner(bottom, top), context);
  add_square(l.bottomRightCorner(bottom, bottom), c.bottomRightCorner(bottom, bottom), context);
}

}  // namespace

Matrix inverse_of_root(const ConstMatrix& l, const Context& context) {
  const Index n = l.rows();
  Matrix root = l, out = Matrix::Zero(n, n);
  if (n == 0) return out;
  invert_root(root, context);
  add_square(root, out, context);
  mirror_lower(out);
  return out;
}

}  // namespace hdlmm
