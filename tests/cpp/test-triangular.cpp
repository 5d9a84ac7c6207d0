// Triangular solves and the Cholesky factor undo the products that define them.

#include <cmath>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/dense/triangular.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::KernelLevel;

constexpr double kRounding = 1e-12;  // well conditioned, at most 700 terms a sum

const std::vector<Index>& sizes() {
  static const std::vector<Index> all = {0, 1, 2, 7, 63, 64, 65, 127, 128, 129, 300};
  return all;
}

/// Lower triangular with a dominant diagonal; what is above is not a number.
Matrix lower_factor(Index n, Random& random) {
  Matrix l = random.normals(n, n) / std::max(1.0, std::sqrt(static_cast<double>(n)));
  l.triangularView<Eigen::StrictlyUpper>().setConstant(std::nan(""));
  l.diagonal() = random.positives(n).array() + 1;
  return l;
}

Matrix clean(const Matrix& l) { return l.triangularView<Eigen::Lower>(); }

class Triangular : public ::testing::TestWithParam<KernelLevel> {
 protected:
  Context context(int n_threads = 2) const { return context_with(GetParam(), n_threads); }
};

TEST_P(Triangular, SolvesUndoProducts) {
  for (const Index n : sizes()) {
    for (const Index m : {0, 1, 5, 200}) {
      SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(m));
      Random random(static_cast<std::uint64_t>(n + 1000 * m));
      const Matrix l = lower_factor(n, random), x = random.normals(n, m);
      Matrix b = clean(l) * x;
      solve_lower(l, b, context());
      EXPECT_LT(distance(b, x), kRounding);
      b = clean(l).transpose() * x;
      solve_lower_transposed(l, b, context());
      EXPECT_LT(distance(b, x), kRounding);
      b = x.transpose() * clean(l).transpose();
      solve_lower_transposed_on_right(l, b, context());
      EXPECT_LT(distance(b, x.transpose()), kRounding);
    }
  }
}

TEST_P(Triangular, TheInverseOfARootUndoesItsSquareAndLeavesTheUpperTriangle) {
  for (const Index n : sizes()) {
    Random random(static_cast<std::uint64_t>(n) + 77);
    const Matrix l = lower_factor(n, random), square = clean(l) * clean(l).transpose();
    Matrix found = l, again = l;
    inverse_of_root_in_place(found, context());
    const Matrix inverse = found.selfadjointView<Eigen::Lower>();
    EXPECT_LT(distance(inverse * square, Matrix::Identity(n, n)), 1e-10);
    inverse_of_root_in_place(again, context(1));
    EXPECT_EQ(inverse, Matrix(again.selfadjointView<Eigen::Lower>()));
    for (Index j = 1; j < n; ++j) EXPECT_TRUE(found.col(j).head(j).array().isNaN().all());
  }
}

TEST_P(Triangular, TheCholeskyFactorGivesTheMatrixBackAndLeavesTheUpperTriangle) {
  for (const Index n : sizes()) {
    SCOPED_TRACE(n);
    Random random(static_cast<std::uint64_t>(n + 1));
    const Matrix l = lower_factor(n, random);
    Matrix a = clean(l) * clean(l).transpose();
    a.triangularView<Eigen::StrictlyUpper>().setConstant(7);
    EXPECT_TRUE(cholesky_in_place(a, context()));
    EXPECT_LT(distance(clean(a), clean(l)), kRounding);
    for (Index j = 1; j < n; ++j) EXPECT_EQ((a.col(j).head(j).array() - 7).abs().sum(), 0);
  }
}

TEST_P(Triangular, WorksOnABlockOfALargerMatrix) {
  for (const Index n : {1, 50, 130}) {
    Random random(3);
    const Matrix l = lower_factor(n, random), x = random.normals(n, 4);
    Matrix whole = Matrix::Constant(n + 4, n + 2, 7), b = Matrix::Constant(n + 3, 6, 7);
    whole.block(1, 2, n, n) = clean(l) * clean(l).transpose();
    b.block(2, 1, n, 4) = clean(l) * x;
    EXPECT_TRUE(cholesky_in_place(whole.block(1, 2, n, n), context()));
    EXPECT_LT(distance(clean(whole.block(1, 2, n, n)), clean(l)), kRounding);
    solve_lower(whole.block(1, 2, n, n), b.block(2, 1, n, 4), context());
    EXPECT_LT(distance(b.block(2, 1, n, 4), x), kRounding);
    b.block(2, 1, n, 4).setConstant(7);
    EXPECT_EQ((b.array() - 7).abs().sum(), 0);
  }
}

TEST_P(Triangular, AMatrixThatIsNotPositiveDefiniteIsFoundWhereverItFails) {
  for (const Index n : {1, 5, 64, 65, 200}) {
    for (const Index at : {Index(0), n / 2, n - 1}) {
      Matrix a = 2 * Matrix::Identity(n, n);
      a(at, at) = -1;
      EXPECT_FALSE(cholesky_in_place(a, context()));
      a = 2 * Matrix::Identity(n, n);
      a(at, at) = std::nan("");
      EXPECT_FALSE(cholesky_in_place(a, context()));
    }
  }
}

TEST_P(Triangular, DoesNotDependOnTheNumberOfThreads) {
  Random random(4);
  const Matrix half = random.normals(500, 600), right = random.normals(500, 400);
  std::vector<Matrix> factors, forward, backward;
  for (const int n_threads : {1, 2, 3}) {
    factors.push_back(half * half.transpose());
    EXPECT_TRUE(cholesky_in_place(factors.back(), context(n_threads)));
    forward.push_back(right);
    solve_lower(factors.back(), forward.back(), context(n_threads));
    backward.push_back(right);
    solve_lower_transposed(factors.back(), backward.back(), context(n_threads));
  }
  for (const std::size_t i : {1u, 2u}) {
    EXPECT_EQ((factors[i] - factors[0]).cwiseAbs().sum(), 0);
    EXPECT_EQ((forward[i] - forward[0]).cwiseAbs().sum(), 0);
    EXPECT_EQ((backward[i] - backward[0]).cwiseAbs().sum(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Triangular,
                         ::testing::Values(KernelLevel::portable, KernelLevel::avx2,
                                           KernelLevel::avx512));

}  // namespace
}  // namespace hdlmm_test
