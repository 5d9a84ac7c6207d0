// The finite-sample null distribution of the likelihood ratio against the ratio itself, computed
// by the search on the very data sets that the chi-squares stand for.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/inference/search/exact_null.hpp"
#include "hdlmm/inference/search/global_search.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::MarginalSystem;
using hdlmm::NullStatistic;
using hdlmm::ProfiledLikelihood;
using hdlmm::search_all_modes;
using hdlmm::SearchOptions;

constexpr double kStep = 0.25;      // as the package uses it
constexpr double kGridError = 0.1;  // of the statistic where the grid is four times as wide

/// Eigenvalues and vectors of A'KA: the directions in which restricted data are independent.
struct Restricted {
  Matrix basis;   ///< [n x (n - c)], A times the eigenvectors, those of null eigenvalue first
  Vector lambda;  ///< [n - c], ascending
};

Restricted restricted_spectrum(const Model& model) {
  const Matrix a = orthogonal_complement(model.q);
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(a.transpose() * model.k * a);
  return {a * eigen.eigenvectors(), eigen.eigenvalues()};
}

double statistic_by_search(const MarginalSystem& system, Criterion criterion, const Share& null) {
  const ProfiledLikelihood f(system, criterion);
  const auto result = search_all_modes(f, SearchOptions(), Context());
  return 2 * (result.modes.front().point.value - f.at_share(null).value);
}

Matrix chi_squares(Random& random, Index rows, Index draws) {
  return random.normals(rows, draws).cwiseAbs2();
}

std::vector<ModelSpec> all_specs() {
  using D = DesignKind;
  using F = FixedKind;
  return {{"Wide", D::dense, F::generic, 10, 30, 2},
          {"WideNoFixed", D::dense, F::generic, 8, 30, 0},
          {"Tall", D::dense, F::generic, 20, 6, 3},
          {"OneColumn", D::dense, F::constant, 12, 1, 1},
          {"FixedWithinDesign", D::dense, F::avoids_null, 15, 6, 2},
          {"NullInFixed", D::dense, F::spans_null, 12, 30, 4, 9},
          {"LowRank", D::dense, F::generic, 14, 30, 2, 4},
          {"Grouped", D::grouped, F::constant, 18, 6, 1},
          {"KernelWeighted", D::kernel, F::constant, 15, 6, 2, -1, true}};
}

class ExactNull : public ::testing::TestWithParam<ModelSpec> {
 protected:
  ExactNull() : model_(GetParam()), lambda_(model_.core_restricted_eigenvalues()) {}

  Model model_;
  Vector lambda_;
};

TEST_P(ExactNull, HasTheEigenvaluesOfTheRestrictedCovariance) {
  const Restricted wanted = restricted_spectrum(model_);
  ASSERT_LE(lambda_.size(), wanted.lambda.size());
  EXPECT_LT(distance(lambda_, wanted.lambda.tail(lambda_.size())), 1e-12);
  const Index rest = wanted.lambda.size() - lambda_.size();
  if (rest > 0) {
    // what is left out is rounding of the largest
    EXPECT_LT(wanted.lambda.head(rest).cwiseAbs().maxCoeff(), 1e-12 * lambda_.maxCoeff());
  }
}

TEST_P(ExactNull, IsNeverNegative) {
  Random random(3);
  const Index k = lambda_.size();
  Matrix chi2 = chi_squares(random, k + 1, 200);
  if (model_.y.size() - model_.q.cols() == k) chi2.row(k).setZero();
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const ProfiledLikelihood f(model_.spectral(), criterion);
    if (f.is_unbounded()) continue;
    for (const double h : {0.0, 1e-6, 0.3, 0.9}) {
      const Vector statistic = NullStatistic(f, lambda_, {h, 1 - h}, kStep)(chi2);
      EXPECT_GE(statistic.minCoeff(), 0);
      EXPECT_TRUE(statistic.allFinite());
      EXPECT_GT(statistic.maxCoeff(), 0.5);  // and not identically zero
    }
  }
}

TEST_P(ExactNull, IsTheRatioOfTheDataThatTheChiSquaresStandFor) {
  const Restricted restricted = restricted_spectrum(model_);
  const Index k = lambda_.size(), rest = restricted.lambda.size() - k, n = model_.y.size();
  Random random(4);
  for (const double h : {0.0, 0.4, 0.9}) {
    SCOPED_TRACE(h);
    const Share null{h, 1 - h};
    const Index draws = 20;
    Matrix chi2(k + 1, draws);
    std::vector<double> wanted;
    for (Index b = 0; b < draws; ++b) {
      const Vector normal = random.normals(n - model_.q.cols());
      chi2.col(b).head(k) = normal.tail(k).cwiseAbs2();
      chi2(k, b) = normal.head(rest).squaredNorm();
      const Vector sd =
          (h / model_.kappa * restricted.lambda.array().max(0) + null.nu).sqrt().matrix();
      ModelSpec spec = GetParam();
      const Model model(spec, restricted.basis * sd.cwiseProduct(normal));
      wanted.push_back(statistic_by_search(model.spectral(), Criterion::reml, null));
    }
    const ProfiledLikelihood f(model_.spectral(), Criterion::reml);
    const Vector statistic = NullStatistic(f, lambda_, null, kStep)(chi2);
    for (Index b = 0; b < draws; ++b) {
      EXPECT_NEAR(statistic[b], wanted[static_cast<std::size_t>(b)], kGridError) << "draw " << b;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryModel, ExactNull, ::testing::ValuesIn(all_specs()),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

/// The ratio of one eigenvalue with m further degrees of freedom, maximised in closed form: with
/// u = s chi2_1 / chi2_m the maximum over s >= 1 of the F-like statistic is at the ratio
/// s = max(1, m u_0), u_0 = chi2_1 / chi2_m.
///
/// -(m + 1) log(x / s + rest) - log s, x = chi2_1 s_0, has its maximum at s = m x / rest.
double one_eigenvalue_statistic(double chi2_one, double chi2_rest, Index m, double s_null) {
  const double x = s_null * chi2_one, df = static_cast<double>(m);
  const auto twice_value = [&](double s) {
    return -(df + 1) * std::log(x / s + chi2_rest) - std::log(s);
  };
  return twice_value(std::max(1.0, df * x / chi2_rest)) - twice_value(s_null);
}

TEST(ExactNullOfOneEigenvalue, IsTheClosedFormDrawByDraw) {
  constexpr Index kRest = 7, kDraws = 500;
  const auto system = diagonal_system(Vector::Constant(1, 4.0), Vector::Ones(1), kRest, 1);
  const ProfiledLikelihood f(*system, Criterion::reml);
  Random random(5);
  Matrix chi2(2, kDraws);
  for (Index b = 0; b < kDraws; ++b) {
    chi2(0, b) = random.normals(1).squaredNorm();
    chi2(1, b) = random.normals(kRest).squaredNorm();
  }
  for (const double h : {0.0, 0.2, 0.8}) {
    const Share null{h, 1 - h};
    const Vector statistic = NullStatistic(f, Vector::Constant(1, 4.0), null, kStep)(chi2);
    const double s_null = 1 + 4 * null.h / null.nu;
    for (Index b = 0; b < kDraws; ++b) {
      EXPECT_NEAR(statistic[b], one_eigenvalue_statistic(chi2(0, b), chi2(1, b), kRest, s_null),
                  kGridError);
    }
  }
}

TEST(ExactNullOfOneEigenvalue, HasTheDistributionOfADirectSimulation) {
  constexpr Index kRest = 7, kDraws = 4000;
  const auto system = diagonal_system(Vector::Constant(1, 4.0), Vector::Ones(1), kRest, 1);
  const ProfiledLikelihood f(*system, Criterion::reml);
  Random random(6);
  Matrix chi2(2, kDraws);
  std::vector<double> direct;
  for (Index b = 0; b < kDraws; ++b) {
    chi2(0, b) = random.normals(1).squaredNorm();
    chi2(1, b) = random.normals(kRest).squaredNorm();
    // data of their own: one normal along the eigenvector, kRest beside it
    const Vector y = random.normals(1 + kRest);
    const auto one =
        diagonal_system(Vector::Constant(1, 4.0), y.head(1), kRest, y.tail(kRest).norm());
    direct.push_back(statistic_by_search(*one, Criterion::reml, {0, 1}));
  }
  Vector simulated = NullStatistic(f, Vector::Constant(1, 4.0), {0, 1}, kStep)(chi2);
  std::sort(simulated.data(), simulated.data() + kDraws);
  std::sort(direct.begin(), direct.end());
  const auto share_below = [](const double* begin, const double* end, double x) {
    return static_cast<double>(std::upper_bound(begin, end, x) - begin) /
           static_cast<double>(end - begin);
  };
  for (const double x : {1e-3, 0.1, 0.5, 1.0, 2.0, 4.0, 6.0}) {
    const double a = share_below(simulated.data(), simulated.data() + kDraws, x);
    const double b = share_below(direct.data(), direct.data() + kDraws, x);
    EXPECT_NEAR(a, b, 4 * std::sqrt(0.5 / kDraws)) << x;  // four standard errors at the most
  }
}

}  // namespace
}  // namespace hdlmm_test
