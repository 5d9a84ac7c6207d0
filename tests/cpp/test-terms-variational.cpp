// What variational inference needs of several terms: determinants of blocks and their derivatives,
// covariances of q, and factors of covariance matrices.

#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

#include <Eigen/LU>
#include <gtest/gtest.h>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/model/covariance_factor.hpp"
#include "hdlmm/objective/term_blocks.hpp"
#include "hdlmm/operator/level_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::BlockDeterminant;
using hdlmm::BlockMoments;
using hdlmm::CovarianceFactor;
using hdlmm::LevelOperator;
using hdlmm::TermBlocks;
using hdlmm::TermShape;

constexpr double kRounding = 1e-10;

/// Coefficients of X T, r = 3, of which X_j'X_j are at hand as well.
struct Levels {
  static constexpr Index kRows = 40, kLevels = 5, kWidth = 3;

  explicit Levels(Random& random) : turn(kWidth, kWidth) {
    Matrix values(kRows, kWidth);
    values << Vector::Ones(kRows), random.normals(kRows, 2);
    turn << 1, 0.3, -0.2, 0, 1.5, 0.4, 0, 0, 0.7;
    const Matrix turned = values * turn;
    std::vector<Index> level;
    // the last level has a single row, so that its Gram matrix is singular
    for (Index i = 0; i < kRows; ++i) level.push_back(i == 0 ? kLevels - 1 : i % (kLevels - 1));
    grams.assign(kLevels, Matrix::Zero(kWidth, kWidth));
    for (Index i = 0; i < kRows; ++i) {
      grams[static_cast<std::size_t>(level[i])] += values.row(i).transpose() * values.row(i);
    }
    design = std::make_unique<LevelOperator>(level, kLevels, turned, Vector());
  }

  TermBlocks blocks(bool by_coefficient) const {
    const TermShape shape{kLevels, kWidth};
    return by_coefficient ? TermBlocks::by_coefficient(*design, shape, turn)
                          : TermBlocks::by_level(*design, shape, turn);
  }

  Matrix turn;
  std::vector<Matrix> grams;
  std::unique_ptr<LevelOperator> design;
};

Matrix draw_covariance(Random& random) {
  const Matrix root = random.normals(Levels::kWidth, Levels::kWidth);
  return 0.5 * root * root.transpose() + 0.1 * Matrix::Identity(Levels::kWidth, Levels::kWidth);
}

/// Covariance of a block of the coefficients of X, by its definition.
Matrix dense_covariance(const Matrix& gram, const Matrix& precision, double noise,
                        bool by_coefficient) {
  Matrix a = noise * gram + precision;
  if (by_coefficient) a = Matrix(a.diagonal().asDiagonal());
  return a.inverse();
}

TEST(TermBlocks, DeterminantsAndMomentsAreThoseOfTheDefinition) {
  Random random(1);
  const Levels levels(random);
  const Matrix s = draw_covariance(random);  // of the coefficients of X
  const Matrix precision = s.inverse(), back = levels.turn.inverse();
  const Matrix inside = back * s * back.transpose();
  for (const bool by_coefficient : {false, true}) {
    const TermBlocks blocks = levels.blocks(by_coefficient);
    double determinant = Levels::kLevels * std::log(s.determinant());
    Matrix second = Matrix::Zero(Levels::kWidth, Levels::kWidth);
    double fit = 0, log_det = 0;
    const Matrix each = blocks.level_covariances(inside);
    for (Index j = 0; j < Levels::kLevels; ++j) {
      const Matrix& gram = levels.grams[static_cast<std::size_t>(j)];
      const Matrix unit = dense_covariance(gram, precision, 1, by_coefficient);
      determinant -= std::log(unit.determinant());
      EXPECT_LT(distance(each.middleCols(j * Levels::kWidth, Levels::kWidth), unit), 1e-9);
      const Matrix own = dense_covariance(gram, 2 * precision, 3, by_coefficient);
      second += own;
      fit += (own * gram).trace();
      log_det += std::log(own.determinant());
    }
    EXPECT_LT(distance(blocks.determinant(inside, false).value, determinant), kRounding);
    const BlockMoments moments = blocks.moments(2 * precision, 3);
    EXPECT_LT(distance(moments.second, second), kRounding);
    EXPECT_LT(distance(moments.fit, fit), kRounding);
    EXPECT_LT(distance(moments.log_det, log_det), kRounding);
  }
}

TEST(TermBlocks, DerivativesAreThoseByDifferences) {
  Random random(2);
  const Levels levels(random);
  const Matrix s = draw_covariance(random);
  constexpr double kStep = 1e-5;
  for (const bool by_coefficient : {false, true}) {
    const TermBlocks blocks = levels.blocks(by_coefficient);
    const BlockDeterminant at = blocks.determinant(s, true);
    const auto cells = hdlmm::triangle_cells(Levels::kWidth);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const Matrix step = kStep * hdlmm::cell_matrix(Levels::kWidth, cells[i]);
      const BlockDeterminant up = blocks.determinant(s + step, true);
      const BlockDeterminant down = blocks.determinant(s - step, true);
      const double slope = (up.value - down.value) / (2 * kStep);
      EXPECT_NEAR(hdlmm::cell_traces(at.slope)[static_cast<Index>(i)], slope,
                  1e-6 * (1 + std::abs(slope)));
      const Vector curvature = hdlmm::cell_traces(Matrix(up.slope - down.slope)) / (2 * kStep);
      EXPECT_LT(distance(at.curvature.col(static_cast<Index>(i)), curvature), 1e-6);
    }
  }
}

TEST(TermBlocks, LevelsTakeASingularCovarianceAndCoefficientsOneWithoutSomeVariances) {
  Random random(3);
  const Levels levels(random);
  const Vector direction = random.normals(Levels::kWidth);
  const Matrix singular = direction * direction.transpose();
  const TermBlocks by_level = levels.blocks(false);
  double expected = 0;
  for (const Matrix& gram : levels.grams) {
    const Vector v = levels.turn * direction;
    expected += std::log1p(v.dot(gram * v));
  }
  EXPECT_LT(distance(by_level.determinant(singular, true).value, expected), kRounding);
  EXPECT_TRUE(by_level.determinant(singular, true).slope.allFinite());

  const TermBlocks by_coefficient = levels.blocks(true);
  EXPECT_THROW(by_coefficient.determinant(singular, true), std::runtime_error);
  Matrix one = Matrix::Zero(Levels::kWidth, Levels::kWidth);
  one(1, 1) = 2;
  const Matrix back = levels.turn.inverse();
  const Matrix inside = back * one * back.transpose();
  double own = 0;
  for (const Matrix& gram : levels.grams) own += std::log1p(2 * gram(1, 1));
  EXPECT_LT(distance(by_coefficient.determinant(inside, true).value, own), kRounding);
  Matrix nearly = one;
  nearly(0, 0) = 1e-12;
  nearly(0, 1) = nearly(1, 0) = 1e-6;
  const Matrix settled = by_coefficient.settled(back * nearly * back.transpose());
  EXPECT_EQ(settled(0, 0), 0);
  EXPECT_LT(distance(settled, one), kRounding);
}

TEST(CovarianceFactor, OneVarianceIsAVarianceFactor) {
  const hdlmm::ParameterDensity prior{hdlmm::DensityKind::half_t, 3, 2};
  auto one = hdlmm::VarianceFactor::conjugate(prior, 7);
  CovarianceFactor other = CovarianceFactor::half_t(3, Vector::Constant(1, 2), 7);
  for (const double sum2 : {4.0, 9.0}) {
    one.update(sum2);
    other.update(Matrix::Constant(1, 1, sum2));
    EXPECT_DOUBLE_EQ(other.precision()(0, 0), one.precision());
    EXPECT_DOUBLE_EQ(other.value(Matrix::Constant(1, 1, sum2)), one.value(sum2));
  }
  EXPECT_DOUBLE_EQ(other.df(), 2 * one.shape());
  EXPECT_NEAR(other.scale()(0, 0), 2 * one.scale(), 1e-12);
}

TEST(CovarianceFactor, UpdatesClimbToAFixedPointAndAPointIsTheMoment) {
  Random random(4);
  const Matrix second = 6 * draw_covariance(random);
  CovarianceFactor factor =
      CovarianceFactor::half_t(2, Vector::LinSpaced(Levels::kWidth, 0.5, 2), 6);
  double last = -1e300;
  for (int i = 0; i < 200; ++i) {
    factor.update(second);
    const double value = factor.value(second);
    EXPECT_GE(value, last - 1e-10);
    last = value;
  }
  const Matrix before = factor.precision();
  factor.update(second);
  EXPECT_LT(distance(factor.precision(), before), kRounding);
  EXPECT_LT(distance(factor.scale(), Matrix(factor.df() * before.inverse())), kRounding);

  CovarianceFactor point = CovarianceFactor::point(Levels::kWidth, 6);
  point.update(second);
  EXPECT_LT(distance(point.precision(), Matrix(6 * second.inverse())), kRounding);
}

}  // namespace
}  // namespace hdlmm_test
