// The basis of the fixed effects, and least squares on systems whose solutions are whole numbers.

#include <cmath>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/linalg/fixed_basis.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::build_fixed_basis;
using hdlmm::FixedBasis;
using hdlmm::LeastSquares;
using hdlmm::solve_least_squares;

constexpr double kAlias = 1e-10;

Matrix kept_columns(const Matrix& z, const FixedBasis& basis) {
  Matrix out(z.rows(), static_cast<Index>(basis.kept.size()));
  for (Index k = 0; k < out.cols(); ++k)
    out.col(k) = z.col(basis.kept[static_cast<std::size_t>(k)]);
  return out;
}

/// Q'Q = I, R upper triangular, Q R = the kept columns.
void expect_factors(const Matrix& z, const FixedBasis& basis) {
  const Index c = static_cast<Index>(basis.kept.size());
  ASSERT_EQ(basis.q.rows(), z.rows());
  ASSERT_EQ(basis.q.cols(), c);
  ASSERT_EQ(basis.r.rows(), c);
  // Householder reflectors: rounding only, whatever the condition of z
  EXPECT_LT(distance(basis.q.transpose() * basis.q, Matrix::Identity(c, c)), 1e-14);
  EXPECT_LT(distance(basis.q * basis.r, kept_columns(z, basis)), 1e-14);
  for (Index j = 0; j < c; ++j) {
    for (Index i = j + 1; i < c; ++i) EXPECT_EQ(basis.r(i, j), 0);
  }
}

TEST(FixedBasis, FactorisesMatricesOfEveryShape) {
  const std::vector<std::vector<Index>> shapes = {{0, 0},    {0, 3},   {4, 0},    {1, 1},
                                                  {1, 4},    {6, 2},   {5, 5},    {4, 7},
                                                  {300, 40}, {90, 90}, {70, 200}, {250, 100}};
  for (const std::vector<Index>& shape : shapes) {
    SCOPED_TRACE(std::to_string(shape[0]) + " x " + std::to_string(shape[1]));
    Random random(5);
    const Matrix z = random.normals(shape[0], shape[1]);
    const FixedBasis basis = build_fixed_basis(z, kAlias);
    EXPECT_EQ(static_cast<Index>(basis.kept.size()), std::min(shape[0], shape[1]));
    expect_factors(z, basis);
  }
}

TEST(FixedBasis, LeavesOutColumnsInTheSpanOfEarlierOnes) {
  Random random(6);
  Matrix z(12, 7);
  z.col(0) = random.normals(12);
  z.col(1).setZero();
  z.col(2) = random.normals(12);
  z.col(3) = 3 * z.col(0) - 0.5 * z.col(2);
  z.col(4) = z.col(2);
  z.col(5) = random.normals(12);
  z.col(6) = z.col(5) + z.col(0);
  const FixedBasis basis = build_fixed_basis(z, kAlias);
  EXPECT_EQ(basis.kept, (std::vector<Index>{0, 2, 5}));
  expect_factors(z, basis);
}

TEST(FixedBasis, LeavesOutColumnsInEveryPanel) {
  Random random(8);
  Matrix z = random.normals(150, 120);
  std::vector<Index> wanted;
  for (Index j = 0; j < z.cols(); ++j) {
    if (j > 0 && (j % 7 == 0 || (j >= 32 && j < 64))) {  // one panel without a column of its own
      z.col(j) = z.leftCols(j) * random.normals(j);
    } else {
      wanted.push_back(j);
    }
  }
  const FixedBasis basis = build_fixed_basis(z, 1e-9);
  EXPECT_EQ(basis.kept, wanted);
  for (Index j = 0; j < z.cols(); ++j) z.col(j) /= z.col(j).norm();
  expect_factors(z, build_fixed_basis(z, 1e-9));
}

TEST(FixedBasis, JudgesAliasingRelativeToTheLengthOfTheColumn) {
  Random random(7);
  Matrix z = random.normals(20, 3);
  z.col(1) = z.col(0) + 1e-6 * z.col(1);
  z.col(2) = z.col(0) + 1e-12 * z.col(2);
  EXPECT_EQ(build_fixed_basis(z, kAlias).kept, (std::vector<Index>{0, 1}));
  const Matrix small = 1e-20 * z, large = 1e20 * z;
  EXPECT_EQ(build_fixed_basis(small, kAlias).kept, (std::vector<Index>{0, 1}));
  EXPECT_EQ(build_fixed_basis(large, kAlias).kept, (std::vector<Index>{0, 1}));
}

TEST(FixedBasis, StaysOrthonormalForNearlyDependentColumns) {
  Random random(8);
  Matrix z(30, 6);
  const Vector base = random.normals(30);
  for (Index j = 0; j < 6; ++j) z.col(j) = base + 1e-7 * random.normals(30);
  const FixedBasis basis = build_fixed_basis(z, kAlias);
  EXPECT_EQ(basis.kept.size(), 6u);
  expect_factors(z, basis);
}

TEST(FixedBasis, TakesUnitVectorsAsTheyAre) {
  const Matrix z = Matrix::Identity(5, 3);
  const FixedBasis basis = build_fixed_basis(z, kAlias);
  expect_factors(z, basis);
  EXPECT_LT(distance(basis.q * basis.q.transpose(), z * z.transpose()), 1e-15);
}

TEST(LeastSquares, HasResidualsOrthogonalToTheColumns) {
  Random random(9);
  for (const Index c : {0, 1, 5}) {
    const Matrix z = random.normals(20, c);
    const Vector y = random.normals(20);
    const FixedBasis basis = build_fixed_basis(z, kAlias);
    const LeastSquares fit = solve_least_squares(basis, z, y);
    EXPECT_LT(distance(z * fit.omega + fit.residual, y), 1e-15);
    if (c > 0) {
      EXPECT_LT((z.transpose() * fit.residual).cwiseAbs().maxCoeff(), 1e-13);
    }
  }
}

TEST(LeastSquares, InterpolatesWhenThereAreAsManyColumnsAsRows) {
  Random random(10);
  const Matrix z = random.normals(6, 6);
  const Vector omega = random.normals(6), y = z * omega;
  const LeastSquares fit = solve_least_squares(build_fixed_basis(z, kAlias), z, y);
  EXPECT_LT(distance(fit.omega, omega), 1e-12);  // y itself is rounded, times the condition of z
  EXPECT_LT(fit.residual.cwiseAbs().maxCoeff(), 1e-14);
}

TEST(LeastSquares, UsesTheKeptColumnsOnly) {
  Random random(11);
  Matrix z = random.normals(10, 4);
  z.col(1) = 2 * z.col(0);
  const Vector y = random.normals(10);
  const FixedBasis basis = build_fixed_basis(z, kAlias);
  const LeastSquares fit = solve_least_squares(basis, z, y);
  ASSERT_EQ(fit.omega.size(), 3);
  EXPECT_LT(distance(kept_columns(z, basis) * fit.omega + fit.residual, y), 1e-15);
}

double binomial(Index n, Index k) {
  double out = 1;
  for (Index i = 1; i <= k; ++i)
    out = out * static_cast<double>(n - k + i) / static_cast<double>(i);
  return std::round(out);
}

/// Cell (i, j), counted from 1, of the inverse of the Hilbert matrix: whole numbers.
///
/// Savage & Lukacs (1954), Natl. Bur. Stand. Appl. Math. Ser. 39.
double inverse_hilbert(Index n, Index i, Index j) {
  const double sign = (i + j) % 2 == 0 ? 1 : -1;
  const double middle = binomial(i + j - 2, i - 1);
  return sign * static_cast<double>(i + j - 1) * binomial(n + i - 1, n - j) *
         binomial(n + j - 1, n - i) * middle * middle;
}

TEST(LeastSquares, SolvesHilbertSystemsToTheLastDigits) {
  constexpr double kMultiple = 360360;  // lcm(1, ..., 15): every cell is a whole number
  for (const Index n : {3, 5, 8}) {
    SCOPED_TRACE(n);
    Matrix h(n, n);
    for (Index i = 0; i < n; ++i) {
      for (Index j = 0; j < n; ++j) h(i, j) = kMultiple / static_cast<double>(i + j + 1);
    }
    const FixedBasis basis = build_fixed_basis(h, 1e-14);
    ASSERT_EQ(static_cast<Index>(basis.kept.size()), n);
    for (Index j = 0; j < n; ++j) {
      Vector y = Vector::Zero(n), wanted(n);
      y[j] = kMultiple;
      for (Index i = 0; i < n; ++i) wanted[i] = inverse_hilbert(n, i + 1, j + 1);
      const LeastSquares fit = solve_least_squares(basis, h, y);
      // condition 1.5e10 at n = 8: without refinement six digits are left
      EXPECT_LT(distance(fit.omega, wanted), 4e-16) << "column " << j;
    }
  }
}

TEST(LeastSquares, SolvesVandermondeSystemsToTheLastDigits) {
  // sum_k omega_k x^k at x = 1, ..., 12 with omega_k = (-1)^k (k + 1): whole numbers below 2^53
  constexpr Index kRows = 12, kCols = 8;
  Matrix z(kRows, kCols);
  Vector y = Vector::Zero(kRows), omega(kCols);
  for (Index k = 0; k < kCols; ++k) omega[k] = (k % 2 == 0 ? 1 : -1) * static_cast<double>(k + 1);
  for (Index i = 0; i < kRows; ++i) {
    double power = 1;
    for (Index k = 0; k < kCols; ++k) {
      z(i, k) = power;
      y[i] += omega[k] * power;
      power *= static_cast<double>(i + 1);
    }
  }
  const LeastSquares fit = solve_least_squares(build_fixed_basis(z, 1e-14), z, y);
  EXPECT_LT(distance(fit.omega, omega), 1e-15);         // condition 5e9, refined away
  EXPECT_LT(fit.residual.cwiseAbs().maxCoeff(), 1e-8);  // y is up to 3e8
}

/// Wampler (1970), J. Am. Stat. Assoc. 65: polynomials of degree five on x = 0, ..., 20 and a
/// disturbance that is orthogonal to them, all in whole numbers.
struct Wampler {
  Matrix z{21, 6};
  Vector polynomial{21};  ///< every coefficient is one
  Vector disturbance{21};

  Wampler() {
    const std::vector<int> half = {759,  -2048, 2048, -2048, 2523, -2048,
                                   2048, -2048, 1838, -2048, 2048};
    for (Index i = 0; i < 21; ++i) {
      double power = 1;
      for (Index k = 0; k < 6; ++k) {
        z(i, k) = power;
        power *= static_cast<double>(i);
      }
      polynomial[i] = z.row(i).sum();
      disturbance[i] = half[static_cast<std::size_t>(i <= 10 ? i : 20 - i)];
    }
  }
};

TEST(LeastSquares, SolvesWamplersProblemsHoweverLargeTheResidual) {
  const Wampler data;
  ASSERT_EQ((data.z.transpose() * data.disturbance).cwiseAbs().maxCoeff(), 0);
  const FixedBasis basis = build_fixed_basis(data.z, kAlias);
  ASSERT_EQ(basis.kept.size(), 6u);
  for (const double size : {0.0, 1.0, 100.0, 10000.0}) {  // Wampler's 1, 3, 4 and 5
    SCOPED_TRACE(size);
    const Vector y = data.polynomial + size * data.disturbance;
    const LeastSquares fit = solve_least_squares(basis, data.z, y);
    // certified values of these problems are met by other software to 5 to 13 digits
    EXPECT_LT(distance(fit.omega, Vector::Ones(6)), 1e-15);
    EXPECT_LT((fit.residual - size * data.disturbance).cwiseAbs().maxCoeff(),
              1e-9 * std::max(1.0, size));
  }
}

}  // namespace
}  // namespace hdlmm_test
