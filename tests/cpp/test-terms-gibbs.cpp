// Sampling of several random terms: the parts of a sweep against dense algebra.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <Eigen/LU>
#include <gtest/gtest.h>

#include "hdlmm/base/random.hpp"
#include "hdlmm/inference/terms/effect_draw.hpp"
#include "hdlmm/inference/terms/radial_surface.hpp"
#include "hdlmm/inference/terms/variance_coordinates.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Covariances;
using hdlmm::TermsModel;
using hdlmm::VarianceCoordinates;

/// `(x | g)` with three levels, and five columns.
class SeveralTerms : public ::testing::TestWithParam<std::string> {
 protected:
  SeveralTerms() {
    const Index n = 14;
    Random random(3);
    Matrix values(n, 2);
    values << Vector::Ones(n), random.normals(n);
    std::vector<Index> level;
    x_ = Matrix::Zero(n, 11);
    for (Index i = 0; i < n; ++i) {
      level.push_back(i % 3);
      x_.row(i).segment(2 * (i % 3), 2) = values.row(i);
    }
    columns_ = random.normals(n, 5);
    x_.rightCols(5) = columns_;
    hdlmm::StoredMatrix<double> stored;
    stored.cells = columns_.data();
    stored.stride = stored.rows_fitted = n;
    stored.cols = 5;
    model_.designs = {
        std::make_shared<hdlmm::LevelOperator>(level, 3, values, Vector()),
        std::make_shared<hdlmm::DenseOperator<double>>(stored, hdlmm::CellTransform{})};
    model_.shapes = {{3, 2}, {5, 1}};
    model_.turns = {Matrix::Identity(2, 2), Matrix::Identity(1, 1)};
    Matrix z(n, 2);
    z << Vector::Ones(n), random.normals(n);
    model_.q = orthonormal_basis(z);
    model_.y = random.normals(n);
  }

  std::unique_ptr<hdlmm::TermsSystem> make_system(const std::string& type) const {
    return hdlmm::make_terms_system(model_, hdlmm::plan_terms(model_, type, Context()), Context());
  }

  static std::vector<Matrix> relative() {
    Matrix s(2, 2);
    s << 0.8, 0.3, 0.3, 0.5;
    return {s, Matrix::Constant(1, 1, 0.4)};
  }

  /// Cov(beta) per unit sigma_e^2.
  static Matrix prior_covariance() {
    Matrix out = Matrix::Zero(11, 11);
    for (Index j = 0; j < 3; ++j) out.block(2 * j, 2 * j, 2, 2) = relative()[0];
    out.bottomRightCorner(5, 5).diagonal().setConstant(0.4);
    return out;
  }

  Matrix columns_, x_;
  TermsModel model_;
};

// Draws of (delta, beta), 11 + 2 numbers: every mean and every covariance within 5 of their
// standard errors.
TEST_P(SeveralTerms, EffectsAreDrawnFromTheirPosterior) {
  const double sigma2 = 0.7;
  const int draws = 20000;
  const Matrix precision = 0.5 * Matrix::Identity(2, 2);
  const auto system = make_system(GetParam());
  const Covariances at = Covariances::of(model_.shapes, relative());
  const auto factor = system->factor(at, Context());
  const hdlmm::TermsMarginal marginal(model_.rows(), 2, precision);
  const auto fixed = marginal.fixed(hdlmm::summary_of(*factor), sigma2);
  hdlmm::Random random(1);
  Vector mean = Vector::Zero(13);
  Matrix products = Matrix::Zero(13, 13);
  for (int i = 0; i < draws; ++i) {
    const auto one = hdlmm::draw_effects(model_, *factor, at, fixed, sigma2, random, Context());
    Vector all(13);
    all << one.delta, one.beta[0], one.beta[1];
    mean += all / draws;
    products += all * all.transpose() / draws;
    if (i == 0) {
      const Vector residual = model_.y - model_.q * one.delta - x_ * all.tail(11);
      EXPECT_LT(distance(residual, one.residual), 1e-12);
    }
  }
  const Matrix spread = products - mean * mean.transpose();

  Matrix both(14, 13);
  both << model_.q, x_;
  Matrix inverse = both.transpose() * both / sigma2;
  inverse.topLeftCorner(2, 2) += precision;
  inverse.bottomRightCorner(11, 11) += prior_covariance().inverse() / sigma2;
  const Matrix covariance = inverse.inverse();
  const Vector expected = covariance * (both.transpose() * model_.y) / sigma2;
  for (Index j = 0; j < 13; ++j) {
    EXPECT_LT(std::abs(mean[j] - expected[j]), 5 * std::sqrt(covariance(j, j) / draws));
    for (Index k = 0; k <= j; ++k) {
      const double own = covariance(j, k) * covariance(j, k);
      const double error = std::sqrt((covariance(j, j) * covariance(k, k) + own) / draws);
      EXPECT_LT(std::abs(spread(j, k) - covariance(j, k)), 5 * error);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Systems, SeveralTerms, ::testing::Values("blocked", "row", "absorbed"));

using VarianceNumbers = SeveralTerms;

Vector flatten(const VarianceCoordinates& coordinates, const Vector& x, bool is_absolute) {
  const Vector given = is_absolute ? coordinates.from_absolute(x) : x;
  const double sigma2 = std::exp(given[given.size() - 1]);
  Vector out(given.size());
  Index i = 0;
  for (const Matrix& s : coordinates.relative(given)) {
    const Vector half = hdlmm::half_vector(sigma2 * s);
    out.segment(i, half.size()) = half;
    i += half.size();
  }
  out[i] = sigma2;
  return out;
}

double log_volume_by_differences(const VarianceCoordinates& coordinates, const Vector& x,
                                 bool is_absolute) {
  const double h = 1e-5;
  Matrix jacobian(x.size(), x.size());
  for (Index i = 0; i < x.size(); ++i) {
    Vector up = x, down = x;
    up[i] += h;
    down[i] -= h;
    jacobian.col(i) =
        (flatten(coordinates, up, is_absolute) - flatten(coordinates, down, is_absolute)) / (2 * h);
  }
  return std::log(std::abs(jacobian.determinant()));
}

TEST_F(VarianceNumbers, ChangeVolumeAsTheirJacobianDoes) {
  const auto system = make_system("blocked");
  const VarianceCoordinates coordinates(system->null_information(), model_.shapes);
  Vector x(5), y(5);
  x << 0.3, -0.4, 0.9, -1.2, 0.5;
  y << -2, 0.7, -0.6, 1.1, -0.8;
  const double rough = 1e-7;  // of central differences
  EXPECT_NEAR(coordinates.log_volume(x) - coordinates.log_volume(y),
              log_volume_by_differences(coordinates, x, false) -
                  log_volume_by_differences(coordinates, y, false),
              rough);
  EXPECT_NEAR(coordinates.log_absolute_volume(x) - coordinates.log_absolute_volume(y),
              log_volume_by_differences(coordinates, x, true) -
                  log_volume_by_differences(coordinates, y, true),
              rough);
}

TEST_F(VarianceNumbers, GoThereAndBack) {
  const auto system = make_system("blocked");
  const VarianceCoordinates coordinates(system->null_information(), model_.shapes);
  const Vector x = coordinates.coordinates(relative(), -0.6);
  EXPECT_LT(distance(coordinates.relative(x)[0], relative()[0]), 1e-13);
  EXPECT_LT(distance(coordinates.relative(x)[1], relative()[1]), 1e-13);
  EXPECT_LT(distance(coordinates.from_absolute(coordinates.absolute(x)), x), 1e-14);
  const Matrix root = coordinates.factor(coordinates.absolute(x), 0);
  EXPECT_LT(distance(root * root.transpose(), std::exp(-0.6) * relative()[0]), 1e-13);
}

// Where variances tend to zero the likelihood is flat, and so are the features.
TEST_F(VarianceNumbers, HaveFeaturesThatDoNotFollowTinyVariances) {
  const auto system = make_system("blocked");
  const VarianceCoordinates coordinates(system->null_information(), model_.shapes);
  Vector x(5), y(5);
  x << -40, 0, -40, -40, 0;
  y << -60, 0, -50, -70, 3;
  EXPECT_LT((coordinates.features(x) - coordinates.features(y)).norm(), 1e-15);
  EXPECT_GT((coordinates.features(x) - coordinates.features(Vector::Zero(5))).norm(), 1);
}

TEST(RadialSurface, IsAQuadraticWhereTheValuesAreOne) {
  Random random(4);
  const Matrix points = random.normals(3, 40);
  const auto quadratic = [](const Vector& p) { return 1 + p[0] - p[1] * p[2] + 3 * p[2] * p[2]; };
  Matrix values(1, 40);
  for (Index i = 0; i < 40; ++i) values(0, i) = quadratic(points.col(i));
  const hdlmm::RadialSurface surface(points, values);
  const Vector far = 3 * random.normals(3);
  EXPECT_NEAR(surface.at(far).value[0], quadratic(far), 1e-6);
  EXPECT_GT(surface.at(100 * far).beyond, 10);
}

TEST(RadialSurface, PassesThroughItsPointsAndFollowsASmoothFunction) {
  Random random(5);
  const Matrix points = random.normals(2, 200);
  const auto smooth = [](const Vector& p) { return std::exp(0.5 * p[0]) * std::cos(p[1]); };
  Matrix values(2, 200);
  for (Index i = 0; i < 200; ++i) values.col(i) << smooth(points.col(i)), -smooth(points.col(i));
  const hdlmm::RadialSurface surface(points, values);
  EXPECT_NEAR(surface.at(points.col(7)).value[0], values(0, 7), 1e-5);
  const Vector between = 0.5 * random.normals(2);
  EXPECT_NEAR(surface.at(between).value[0], smooth(between), 0.01);
  EXPECT_NEAR(surface.at(between).value[1], -smooth(between), 0.01);
  EXPECT_EQ(surface.at(between).beyond, 0);
}

TEST(RadialSurface, IsEmptyWhereThereAreTooFewPoints) {
  EXPECT_TRUE(hdlmm::RadialSurface(Matrix::Random(3, 7), Matrix::Random(1, 7)).is_empty());
}

// Of points in a cluster and one apart, that one comes next.
TEST(RadialSurface, SpreadsThePointsItIsToRestOn) {
  Matrix points(1, 6);
  points << 0, 0.1, 5, 0.2, 2, 0.1;
  const std::vector<Index> chosen = hdlmm::RadialSurface::spread(points, 0, 3);
  EXPECT_EQ(chosen, (std::vector<Index>{0, 2, 4}));
  EXPECT_EQ(hdlmm::RadialSurface::spread(points, 0, 10).size(), 5u);
}

}  // namespace
}  // namespace hdlmm_test
