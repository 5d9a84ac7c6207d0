// a = u diag(values) v', whatever the shape and the rank of a.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "hdlmm/dense/singular_values.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

constexpr double kRounding = 1e-13;  // of a hundred rotations a cell

void expect_factors(const Matrix& a) {
  const hdlmm::SingularValues svd = hdlmm::singular_values(a);
  const Index k = a.rows(), c = a.cols();
  ASSERT_EQ(svd.values.size(), k);
  const double scale = 1e-300 + (a.size() > 0 ? a.cwiseAbs().maxCoeff() : 0);
  for (Index i = 0; i < k; ++i) {
    EXPECT_GE(svd.values[i], 0);
    if (i > 0) {
      EXPECT_LE(svd.values[i], svd.values[i - 1]);
    }
  }
  if (k == 0) return;
  const Matrix back = svd.u * svd.values.asDiagonal() * svd.v.leftCols(k).transpose();
  const double size = static_cast<double>(c);
  EXPECT_LE((back - a).cwiseAbs().maxCoeff() / scale, kRounding * size);
  EXPECT_LE(distance(svd.v.transpose() * svd.v, Matrix::Identity(c, c)), kRounding * size);
  if (svd.values[k - 1] > 1e-10 * scale) {
    EXPECT_LE(distance(svd.u.transpose() * svd.u, Matrix::Identity(k, k)), kRounding * size);
  }
}

Matrix triangle(Random& random, Index k, Index c) {
  return random.normals(k, c).triangularView<Eigen::Upper>();
}

TEST(SingularValues, AreOfTrianglesOfEveryShape) {
  Random random(1);
  for (const Index c : {0, 1, 2, 3, 5, 20, 63, 64, 65, 120}) {
    for (const Index k : {c, c / 2}) expect_factors(triangle(random, k, c));
  }
}

TEST(SingularValues, OfBlocksOfOneAndZeroAreOneAndZero) {
  Random random(2);
  for (const Index c : {4, 30, 80}) {
    const Matrix q = orthonormal_basis(random.normals(c, c));
    const Index half = c / 2;
    const Matrix a = q.leftCols(half) * q.leftCols(half).transpose();
    expect_factors(a);
    const Vector values = hdlmm::singular_values(a).values;
    EXPECT_LE((values.head(half).array() - 1).abs().maxCoeff(), kRounding * c);
    EXPECT_LE(values.tail(c - half).maxCoeff(), kRounding * c);
  }
}

// What decides between an angle and rounding: half of the digits are lost to squares.
TEST(SingularValues, SmallOnesAreRightToRoundingOfTheLargest) {
  Random random(3);
  for (const Index c : {6, 70, 130}) {
    Vector truth(c);
    for (Index i = 0; i < c; ++i) truth[i] = std::pow(10.0, -12.0 * i / (c - 1));
    const Matrix u = orthonormal_basis(random.normals(c, c));
    const Matrix v = orthonormal_basis(random.normals(c, c));
    const Vector values = hdlmm::singular_values(u * truth.asDiagonal() * v.transpose()).values;
    EXPECT_LE((values - truth).cwiseAbs().maxCoeff(), kRounding * c);
  }
}

TEST(SingularValues, FollowTheScale) {
  Random random(4);
  const Matrix a = triangle(random, 8, 8);
  const Vector values = hdlmm::singular_values(a).values;
  for (const double scale : {1e-200, 1e200}) {
    EXPECT_LE(distance(hdlmm::singular_values(scale * a).values / scale, values), kRounding);
  }
  EXPECT_EQ(hdlmm::singular_values(Matrix::Zero(3, 3)).values, Vector::Zero(3));
}

TEST(SingularValues, EndOnWhatIsNoNumber) {
  Matrix a = Matrix::Constant(70, 70, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(hdlmm::singular_values(a).values.size(), 70);
}

}  // namespace
}  // namespace hdlmm_test
