#include "hdlmm/dense/small_dense.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Eigenvalues>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// L of a = L L', below its diagonal; cells above are not defined.
Matrix lower_root(const ConstMatrix& a) {
  Matrix out = a;
  cholesky_in_place(out, Context());
  return out;
}

/// Householder's reflectors of the columns of a matrix, I - tau v v': R on and above the diagonal
/// of `cells`, below it v without its leading one.
struct Reflectors {
  Matrix cells;
  Vector tau;
};

/// x, of which the tail is v, to H x.
void reflect_column(const Reflectors& reflectors, Index j, Eigen::Ref<Vector> x) {
  const Index below = x.size() - j - 1;
  const auto v = reflectors.cells.col(j).tail(below);
  const double along = reflectors.tau[j] * (x[j] + v.dot(x.tail(below)));
  x[j] -= along;
  x.tail(below) -= along * v;
}

/// The reflector of x = column j from its diagonal on, and beta, H x = beta e_1.
void make_reflector(Reflectors& reflectors, Index j) {
  const Index below = reflectors.cells.rows() - j - 1;
  auto tail = reflectors.cells.col(j).tail(below);
  double& first = reflectors.cells(j, j);
  const double tail2 = tail.squaredNorm();
  if (tail2 <= std::numeric_limits<double>::min()) {
    tail.setZero();
    reflectors.tau[j] = 0;
    return;
  }
  const double beta = -std::copysign(std::sqrt(first * first + tail2), first);
  tail /= first - beta;
  reflectors.tau[j] = (beta - first) / beta;
  first = beta;
}

Reflectors reflect_columns(const ConstMatrix& a) {
  const Index k = std::min(a.rows(), a.cols());
  Reflectors out{a, Vector(k)};
  for (Index j = 0; j < k; ++j) {
    make_reflector(out, j);
    for (Index l = j + 1; l < a.cols(); ++l) reflect_column(out, j, out.cells.col(l));
  }
  return out;
}

Matrix upper_part(const Matrix& cells, Index rows) {
  Matrix out = cells.topRows(rows);
  for (Index j = 0; j < std::min(rows, out.cols()); ++j) out.col(j).tail(rows - j - 1).setZero();
  return out;
}

}  // namespace

Matrix solve_positive(const ConstMatrix& a, const ConstMatrix& b) {
  const Matrix l = lower_root(a);
  Matrix out = b;
  solve_lower(l, out, Context());
  solve_lower_transposed(l, out, Context());
  return out;
}

Matrix upper_root(const ConstMatrix& a) { return transpose_of_lower(lower_root(a)); }

double log_determinant(const ConstMatrix& a) {
  return 2 * lower_root(a).diagonal().array().log().sum();
}

SymmetricEigen symmetric_eigen(const ConstMatrix& a) {
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(a);
  return {eigen.eigenvalues(), eigen.eigenvectors()};
}

Vector solve_symmetric(Matrix& a, bool vectors, const Context& context) {
  if (context.eigensolver) return context.eigensolver(a, vectors);
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(
      a, vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success) {
    throw std::runtime_error("the symmetric eigensolver did not converge");
  }
  if (vectors) a = solver.eigenvectors();
  return solver.eigenvalues();
}

ThinQr thin_qr(const ConstMatrix& a) {
  const Index k = std::min(a.rows(), a.cols());
  const Reflectors reflectors = reflect_columns(a);
  ThinQr out{Matrix::Identity(a.rows(), k), upper_part(reflectors.cells, k)};
  for (Index l = 0; l < k; ++l) {
    for (Index j = l; j >= 0; --j) reflect_column(reflectors, j, out.q.col(l));
  }
  return out;
}

Matrix triangle_of_qr(const ConstMatrix& a) {
  return upper_part(reflect_columns(a).cells, std::min(a.rows(), a.cols()));
}

}  // namespace hdlmm
