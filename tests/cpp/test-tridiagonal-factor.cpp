// The factor of alpha T + nu I and the range of the spectrum of T against dense algebra.

#include <algorithm>
#include <cmath>
#include <string>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/linalg/tridiagonal_factor.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::TridiagonalFactor;

/// Positive definite, by its diagonal.
struct Example {
  Vector diagonal, beside;
  Matrix dense;

  Example(Random& random, Index n)
      : diagonal(4 + random.normals(n).array().abs()),
        beside(random.normals(std::max<Index>(0, n - 1))),
        dense(Matrix::Zero(n, n)) {
    beside = beside.cwiseMax(-2).cwiseMin(2);
    dense.diagonal() = diagonal;
    if (n > 1) dense.diagonal(1) = dense.diagonal(-1) = beside;
  }
};

constexpr Index kSizes[] = {1, 2, 3, 4, 5, 8, 9, 30, 31};

TEST(TridiagonalFactor, HasTheDeterminantTracesAndSolutionsOfTheDenseMatrix) {
  Random random(3);
  for (const Index n : kSizes) {
    SCOPED_TRACE(n);
    const Example t(random, n);
    for (const double alpha : {0.0, 1e-7, 0.7, 1.0}) {
      SCOPED_TRACE(alpha);
      const double nu = 1 - alpha;
      const Matrix s = alpha * t.dense + nu * Matrix::Identity(n, n);
      const Matrix inverse = s.inverse(), st = inverse * t.dense;
      TridiagonalFactor factor;
      ASSERT_TRUE(factor.make(t.diagonal, t.beside, alpha, nu));
      // the condition of S is below 20
      EXPECT_NEAR(factor.log_determinant(), std::log(s.determinant()), 1e-11);
      EXPECT_LT(distance(factor.trace_t(), st.trace()), 1e-12);
      EXPECT_LT(distance(factor.trace_tt(), (st * st).trace()), 1e-12);
      EXPECT_LT(distance(factor.trace_inverse(), inverse.trace()), 1e-12);
      for (const Index k : {0, 1, 2, 3, 4, 7}) {
        const Matrix x = random.normals(n, k);
        Matrix white = x;
        factor.whiten(white);
        EXPECT_LT(distance(white.transpose() * white, x.transpose() * inverse * x), 1e-12);
        factor.whiten_transposed(white);
        EXPECT_LT(distance(s * white, x), 1e-12);
        EXPECT_LT(distance(hdlmm::multiply_tridiagonal(t.diagonal, t.beside, x), t.dense * x),
                  1e-13);
      }
    }
  }
}

TEST(TridiagonalFactor, RefusesWhatIsNotPositiveDefinite) {
  TridiagonalFactor factor;
  const Vector diagonal = Vector::Ones(5), beside = Vector::Constant(4, 0.7);
  EXPECT_FALSE(factor.make(diagonal, beside, 1, 0));
  EXPECT_TRUE(factor.make(diagonal, beside, 1, 1));
  EXPECT_FALSE(factor.make(-diagonal, Vector::Zero(4), 1, 0.5));
  for (Index i = 0; i < 9; ++i) {
    SCOPED_TRACE(i);
    Vector odd = Vector::Ones(9);
    odd[i] = std::nan("");
    EXPECT_FALSE(factor.make(odd, Vector::Constant(8, 0.1), 1, 1));
    odd[i] = 0;
    EXPECT_FALSE(factor.make(odd, Vector::Zero(8), 1, 0));
  }
}

TEST(PositiveRange, HoldsTheSpectrumToAPercent) {
  Random random(4);
  for (const Index n : kSizes) {
    SCOPED_TRACE(n);
    const Example t(random, n);
    for (const double scale : {1.0, 1e-100, 1e100}) {
      const auto range = hdlmm::positive_range(scale * t.diagonal, scale * t.beside, 1e-5);
      const Vector values = Eigen::SelfAdjointEigenSolver<Matrix>(t.dense).eigenvalues();
      ASSERT_TRUE(range.has_value());
      EXPECT_LE(range->smallest, scale * values[0] * (1 + 1e-12));
      EXPECT_GE(range->smallest, scale * values[0] / 1.011);
      EXPECT_GE(range->largest, scale * values[n - 1] * (1 - 1e-12));
      EXPECT_LE(range->largest, scale * values[n - 1] * 1.011);
    }
  }
}

TEST(PositiveRange, IsNothingWhereTheMatrixIsNearlySingularOrNoNumber) {
  const Vector ones = Vector::Ones(4), none = Vector::Zero(3);
  Vector diagonal = Vector::Ones(4);
  diagonal[2] = 1e-6;
  EXPECT_FALSE(hdlmm::positive_range(diagonal, none, 1e-5).has_value());
  EXPECT_TRUE(hdlmm::positive_range(diagonal, none, 1e-7).has_value());
  diagonal[2] = -1;
  EXPECT_FALSE(hdlmm::positive_range(diagonal, none, 1e-7).has_value());
  EXPECT_FALSE(hdlmm::positive_range(Vector::Zero(4), none, 1e-5).has_value());
  EXPECT_FALSE(hdlmm::positive_range(ones, Vector::Constant(3, std::nan("")), 1e-5).has_value());
  EXPECT_FALSE(hdlmm::positive_range(Vector(0), Vector(0), 1e-5).has_value());
}

}  // namespace
}  // namespace hdlmm_test
