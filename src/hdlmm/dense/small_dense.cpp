#include "hdlmm/dense/small_dense.hpp"

#include <algorithm>
#include <stdexcept>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <Eigen/QR>

namespace hdlmm {

bool factor_cholesky(MatrixView a) {
  const Eigen::LLT<Eigen::Ref<Matrix>> factor(a);
  return factor.info() == Eigen::Success;
}

Matrix solve_positive(const ConstMatrix& a, const ConstMatrix& b) {
  return Eigen::LLT<Matrix>(a).solve(b);
}

Matrix upper_root(const ConstMatrix& a) { return Eigen::LLT<Matrix>(a).matrixU(); }

double log_determinant(const ConstMatrix& a) {
  return 2 * Eigen::LLT<Matrix>(a).matrixLLT().diagonal().array().log().sum();
}

Matrix semidefinite_root(const ConstMatrix& a) {
  const Eigen::LDLT<Matrix> factor(a.selfadjointView<Eigen::Lower>());
  const Vector d = factor.vectorD().cwiseMax(0.0).cwiseSqrt();
  const Matrix root = factor.transpositionsP().transpose() * Matrix(factor.matrixL());
  return root * d.asDiagonal();
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
  const Index m = a.rows(), k = std::min(m, a.cols());
  const Eigen::HouseholderQR<Matrix> qr(a);
  ThinQr out;
  out.q = qr.householderQ() * Matrix::Identity(m, k);
  out.r = qr.matrixQR().topRows(k).template triangularView<Eigen::Upper>();
  return out;
}

Matrix triangle_of_qr(const ConstMatrix& a) {
  const Eigen::HouseholderQR<Matrix> qr(a);
  return qr.matrixQR()
      .topRows(std::min(a.rows(), a.cols()))
      .template triangularView<Eigen::Upper>();
}

}  // namespace hdlmm
