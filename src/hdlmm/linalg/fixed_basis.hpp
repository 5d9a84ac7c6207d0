#ifndef HDLMM_LINALG_FIXED_BASIS_HPP
#define HDLMM_LINALG_FIXED_BASIS_HPP

#include <algorithm>
#include <cmath>
#include <vector>

#include "hdlmm/core/double_double.hpp"
#include "hdlmm/core/types.hpp"

namespace hdlmm {

/// Z = Q R on the columns that are not aliased with earlier ones.
struct FixedBasis {
  Matrix q;                 ///< [n x c], orthonormal columns
  Matrix r;                 ///< [c x c], upper triangular
  std::vector<Index> kept;  ///< [c], indices of the columns of Z, ascending
};

/// Householder QR that keeps columns in order and leaves out each that lies in the span of those
/// before it, up to `tolerance` relative to its own length (as lm() does, with a tighter bound).
/// Columns must be of moderate size: scale them first. O(n c^2).
inline FixedBasis build_fixed_basis(const ConstMatrix& z, double tolerance) {
  const Index n = z.rows();
  Matrix reflectors = Matrix::Zero(n, std::min(n, z.cols()));
  std::vector<Vector> triangle;
  FixedBasis basis;
  Vector column(n);
  for (Index j = 0; j < z.cols(); ++j) {
    const Index rank = static_cast<Index>(basis.kept.size());
    column = z.col(j);
    const double length = column.norm();
    for (Index k = 0; k < rank; ++k) {
      const auto v = reflectors.col(k).tail(n - k);
      column.tail(n - k) -= 2 * v.dot(column.tail(n - k)) * v;
    }
    const double rest = rank < n ? column.tail(n - rank).norm() : 0;
    if (!(rest > tolerance * length)) continue;
    const double diagonal = column[rank] > 0 ? -rest : rest;
    auto v = reflectors.col(rank).tail(n - rank);
    v = column.tail(n - rank);
    v[0] -= diagonal;
    v.normalize();
    column[rank] = diagonal;
    triangle.push_back(column.head(rank + 1));
    basis.kept.push_back(j);
  }
  const Index c = static_cast<Index>(basis.kept.size());
  basis.r = Matrix::Zero(c, c);
  for (Index k = 0; k < c; ++k) basis.r.col(k).head(k + 1) = triangle[k];
  basis.q = Matrix::Identity(n, c);
  for (Index k = c - 1; k >= 0; --k) {
    const auto v = reflectors.col(k).tail(n - k);
    const Eigen::RowVectorXd dots = v.transpose() * basis.q.bottomRows(n - k);
    basis.q.bottomRows(n - k).noalias() -= 2 * v * dots;
  }
  return basis;
}

struct LeastSquares {
  Vector omega;     ///< [c]
  Vector residual;  ///< [n]
};

/// Least squares of y on the kept columns of z, refined with residuals of twice the precision.
///
/// Bjorck (1967), BIT 7: iterate on the augmented system, which corrects omega and the residual
/// together and so also helps when the residual is large. O(n c) an iteration.
inline LeastSquares solve_least_squares(const FixedBasis& basis, const ConstMatrix& z,
                                        const ConstVector& y) {
  constexpr int kRefinements = 4;
  const Index n = y.size(), c = static_cast<Index>(basis.kept.size());
  const auto r = basis.r.triangularView<Eigen::Upper>();
  LeastSquares fit{Vector::Zero(c), Vector::Zero(n)};
  Vector f(n), g(c);
  for (int step = 0; step <= kRefinements; ++step) {
    for (Index i = 0; i < n; ++i) {
      DoubleDouble sum;
      sum.add(y[i]);
      sum.add(-fit.residual[i]);
      for (Index k = 0; k < c; ++k) sum.add_product(-z(i, basis.kept[k]), fit.omega[k]);
      f[i] = sum.value();
    }
    for (Index k = 0; k < c; ++k) {
      DoubleDouble sum;
      for (Index i = 0; i < n; ++i) sum.add_product(-z(i, basis.kept[k]), fit.residual[i]);
      g[k] = sum.value();
    }
    const Vector u = r.transpose().solve(g);
    const Vector d = basis.q.transpose() * f;
    fit.omega += r.solve(d - u);
    fit.residual += f + basis.q * (u - d);
  }
  return fit;
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_FIXED_BASIS_HPP
