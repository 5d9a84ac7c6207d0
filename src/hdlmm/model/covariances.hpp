#ifndef HDLMM_MODEL_COVARIANCES_HPP
#define HDLMM_MODEL_COVARIANCES_HPP

#include <vector>

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// A random term: coefficients that come in `levels` groups of `width`, of which each has the same
/// covariance S [width x width].
struct TermShape {
  Index levels = 0;
  Index width = 1;

  Index cols() const { return levels * width; }
  Index parameters() const { return width * (width + 1) / 2; }
};

/// Cells of a lower triangle, column by column: (row, col) of the i-th.
struct TriangleCell {
  Index row = 0, col = 0;
};
std::vector<TriangleCell> triangle_cells(Index width);

/// The derivative of a symmetric matrix by a cell of its lower triangle.
Matrix cell_matrix(Index width, const TriangleCell& cell);

/// Lower triangle of a, column by column, and the symmetric matrix of one.
Vector half_vector(const ConstMatrix& a);
Matrix symmetric_of(const ConstVector& half, Index width);

/// The half vectors of several matrices, one after the other.
Vector half_vectors(const std::vector<Matrix>& all);

/// tr(E a) of every cell's derivative E, for a symmetric a: cells beside the diagonal twice; and
/// the symmetric matrix of such traces.
Vector cell_traces(const ConstMatrix& a);
Matrix of_cell_traces(const ConstVector& traces, Index width);

/// Lower triangular L with L L' = s, positive semidefinite; a column whose pivot is rounding beside
/// the diagonal is zero.
Matrix semidefinite_root(Matrix s);

/// half_vector(left S left') from half_vector(S), [m x m].
Matrix congruence_map(const ConstMatrix& left);

/// out += (I (x) E) h over the levels of a term, E the derivative of S by a cell; h, out: [q x m].
void add_cell(const TermShape& shape, const TriangleCell& cell, const ConstMatrix& h,
              MatrixView out);

/// Covariances of several terms per unit sigma_e^2, S_k = L_k L_k', by theta, the lower triangles
/// of all L_k: any theta is one, signs are free, and a variance of zero is no edge.
class Covariances {
 public:
  Covariances(std::vector<TermShape> shapes, Vector theta);

  /// From positive semidefinite S_k; pivots that are rounding beside the diagonal are zero.
  static Covariances of(std::vector<TermShape> shapes, const std::vector<Matrix>& relative);

  Index size() const { return static_cast<Index>(shapes_.size()); }
  const std::vector<TermShape>& shapes() const { return shapes_; }
  const TermShape& shape(Index k) const { return shapes_[static_cast<std::size_t>(k)]; }
  const Vector& theta() const { return theta_; }
  Index parameters() const { return theta_.size(); }
  const Matrix& factor(Index k) const { return factors_[static_cast<std::size_t>(k)]; }
  const Matrix& relative(Index k) const { return relative_[static_cast<std::size_t>(k)]; }

  /// Where the parameters of term k begin in theta, and in the half vectors of all S_k.
  Index first(Index k) const { return first_[static_cast<std::size_t>(k)]; }

  /// d half_vector(S) / d theta, [m x m].
  Matrix jacobian() const;

  /// Gradient in theta of a function whose differential is sum_k tr(G_k dS_k).
  Vector gradient(const std::vector<Matrix>& g) const;

  /// The part of its Hessian in theta that is exact: sum_k tr(G_k d^2 S_k).
  Matrix curvature(const std::vector<Matrix>& g) const;

 private:
  std::vector<TermShape> shapes_;
  Vector theta_;
  std::vector<Index> first_;
  std::vector<Matrix> factors_, relative_;
};

}  // namespace hdlmm

#endif  // HDLMM_MODEL_COVARIANCES_HPP
