#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "support.hpp"

namespace hdlmm_test {

double Random::uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(6.283185307179586 * uniform());
}

Index Random::below(Index n) { return static_cast<Index>(uniform() * static_cast<double>(n)); }

Vector Random::normals(Index n) {
  Vector out(n);
  for (Index i = 0; i < n; ++i) out[i] = normal();
  return out;
}

Matrix Random::normals(Index rows, Index cols) {
  Matrix out(rows, cols);
  for (Index j = 0; j < cols; ++j) out.col(j) = normals(rows);
  return out;
}

Vector Random::positives(Index n) {
  Vector out(n);
  for (Index i = 0; i < n; ++i) out[i] = 0.5 + 1.5 * uniform();
  return out;
}

double distance(const ConstMatrix& a, const ConstMatrix& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  if (a.size() == 0) return 0;
  if (!a.allFinite() || !b.allFinite()) return std::numeric_limits<double>::infinity();
  const double size = std::max(a.cwiseAbs().maxCoeff(), b.cwiseAbs().maxCoeff());
  return size > 0 ? (a - b).cwiseAbs().maxCoeff() / size : 0;
}

double distance(double a, double b) {
  return distance(Matrix::Constant(1, 1, a), Matrix::Constant(1, 1, b));
}

Matrix from_lower(const ConstMatrix& lower) {
  Matrix out = lower;
  for (Index j = 0; j < out.cols(); ++j) {
    for (Index i = 0; i < j; ++i) out(i, j) = out(j, i);
  }
  return out;
}

namespace {

Matrix full_basis(const Matrix& z) {
  const Eigen::HouseholderQR<Matrix> qr(z);
  return qr.householderQ() * Matrix::Identity(z.rows(), z.rows());
}

}  // namespace

Matrix orthonormal_basis(const ConstMatrix& z) {
  if (z.cols() == 0) return Matrix(z.rows(), 0);
  return full_basis(z).leftCols(z.cols());
}

Matrix orthogonal_complement(const ConstMatrix& q) {
  if (q.cols() == 0) return Matrix::Identity(q.rows(), q.rows());
  return full_basis(q).rightCols(q.rows() - q.cols());
}

Index clear_rank(const Matrix& a) {
  if (a.size() == 0) return 0;
  const Eigen::SelfAdjointEigenSolver<Matrix> solver(a * a.transpose(), Eigen::EigenvaluesOnly);
  const Vector d = solver.eigenvalues();
  return (d.array() > 1e-10 * std::max(1.0, d[d.size() - 1])).count();
}

double log_density(const Vector& y, const Matrix& covariance) {
  if (y.size() == 0) return 0;
  const Eigen::LLT<Matrix> factor(covariance);
  const Vector white = factor.matrixL().solve(y);
  const Matrix lower = factor.matrixL();
  return -0.5 * (static_cast<double>(y.size()) * std::log(6.283185307179586) +
                 2 * lower.diagonal().array().log().sum() + white.squaredNorm());
}

Matrix Model::covariance(const Share& share) const {
  Matrix v = share.h / kappa * k;
  v.diagonal().array() += share.nu;
  return v;
}

Matrix Model::projection(const Share& share) const {
  const Matrix a = orthogonal_complement(q);
  if (a.cols() == 0) return Matrix::Zero(y.size(), y.size());
  const Matrix v = a.transpose() * covariance(share) * a;
  return a * Eigen::LLT<Matrix>(v).solve(a.transpose());
}

double Model::log_det_restricted(const Share& share) const {
  const Matrix a = orthogonal_complement(q);
  if (a.cols() == 0) return 0;
  const Eigen::LLT<Matrix> factor(a.transpose() * covariance(share) * a);
  return 2 * factor.matrixLLT().diagonal().array().log().sum();
}

Matrix Model::fixed_operator(const Share& share) const {
  if (q.cols() == 0) return Matrix(0, y.size());
  return q.transpose() - q.transpose() * covariance(share) * projection(share);
}

Matrix Model::posterior_covariance(const Share& share, const Matrix& precision) const {
  if (q.cols() == 0) return Matrix(0, 0);
  return Matrix(q.transpose() * covariance(share).llt().solve(q) + precision).inverse();
}

Matrix Model::posterior_projection(const Share& share, const Matrix& precision) const {
  const Matrix inverse = covariance(share).inverse();
  if (q.cols() == 0) return inverse;
  const Matrix vq = inverse * q;
  return inverse - vq * posterior_covariance(share, precision) * vq.transpose();
}

Matrix Model::latent_covariance(const Share& share, const Matrix& precision, const Matrix& points,
                                const Matrix& z) const {
  const Matrix prior = share.h / kappa * s * points.transpose(), f = x * prior;
  const Matrix vf = covariance(share).llt().solve(f);
  Matrix out = points * prior - f.transpose() * vf;
  if (q.cols() == 0) return out;
  const Matrix open = z - vf.transpose() * q;
  out += open * posterior_covariance(share, precision) * open.transpose();
  return out;
}

std::vector<ModelSpec> weighted_too(std::vector<ModelSpec> specs, std::uint64_t seed) {
  for (ModelSpec spec : std::vector<ModelSpec>(specs)) {
    spec.name += "Weighted";
    spec.is_weighted = true;
    specs.push_back(spec);
  }
  for (std::size_t i = 0; i < specs.size(); ++i) specs[i].seed = seed + i;
  return specs;
}

hdlmm::Context context_with(hdlmm::KernelLevel level, int n_threads) {
  hdlmm::Context context;
  context.kernels = level;
  context.n_threads = n_threads;
  return context;
}

std::string level_name(hdlmm::KernelLevel level) {
  return std::vector<std::string>{"Portable", "Avx2", "Avx512"}[static_cast<std::size_t>(level)];
}

std::vector<ModelSpec> uncentred_specs(std::uint64_t seed) {
  using D = DesignKind;
  using F = FixedKind;
  std::vector<ModelSpec> specs = {
      {"WideNoFixed", D::dense, F::generic, 8, 20, 0},
      {"Wide", D::dense, F::generic, 12, 30, 3},
      {"WideManyFixed", D::dense, F::generic, 12, 20, 10},
      {"Square", D::dense, F::generic, 9, 9, 2},
      {"TallNoFixed", D::dense, F::generic, 20, 6, 0},
      {"Tall", D::dense, F::generic, 20, 6, 3},
      {"TallManyFixed", D::dense, F::generic, 12, 3, 10},
      {"TallFixedWithinDesign", D::dense, F::avoids_null, 15, 6, 2},
      {"TallFixedContainsNull", D::dense, F::contains_null, 15, 6, 3},
      {"TallFixedSpansNull", D::dense, F::spans_null, 10, 7, 4},
      {"OneColumn", D::dense, F::constant, 9, 1, 2},
      {"OneColumnNoFixed", D::dense, F::generic, 9, 1, 0},
      {"WideOfLowRank", D::dense, F::generic, 12, 30, 3, 5},
      {"WideOfLowRankNullInFixed", D::dense, F::spans_null, 12, 30, 4, 9},
      {"TallOfLowRank", D::dense, F::generic, 20, 8, 3, 4},
      {"MoreColumnsThanABlock", D::dense, F::generic, 10, 300, 2},
      {"Grouped", D::grouped, F::generic, 18, 5, 2},
      {"GroupedNullInFixed", D::grouped, F::spans_null, 8, 5, 4},
      {"GroupedNoFixed", D::grouped, F::generic, 12, 5, 0},
      {"Kernel", D::kernel, F::constant, 15, 6, 2},
      {"KernelOfLowRank", D::kernel, F::generic, 15, 8, 2, 3},
      {"KernelBeyondTheRows", D::kernel, F::generic, 6, 10, 1},
  };
  return weighted_too(std::move(specs), seed);
}

TEST(Support, TheBasisAndItsComplementMakeAnOrthogonalMatrix) {
  Random random(1);
  const Matrix z = random.normals(7, 3);
  const Matrix q = orthonormal_basis(z), a = orthogonal_complement(q);
  Matrix both(7, 7);
  both << q, a;
  // rounding of a 7 x 7 product
  EXPECT_LT(distance(both.transpose() * both, Matrix::Identity(7, 7)), 1e-14);
  EXPECT_LT(distance(q * (q.transpose() * z), z), 1e-14);
}

TEST(Support, DistanceSeesShapesAndMissingNumbers) {
  EXPECT_EQ(distance(2.0, 1.0), 0.5);
  EXPECT_EQ(distance(0.0, 0.0), 0);
  EXPECT_TRUE(std::isinf(distance(Matrix::Zero(2, 1), Matrix::Zero(1, 2))));
  EXPECT_TRUE(std::isinf(distance(1.0, std::nan(""))));
}

}  // namespace hdlmm_test
