// Both marginal systems against each other and against dense formulae, in every field.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/marginal/implicit_spectrum.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"
#include "hdlmm/operator/dense_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Criterion;
using hdlmm::Evaluation;
using hdlmm::MarginalSystem;
using hdlmm::ProfiledLikelihood;
using hdlmm::ProfilePoint;

std::vector<ModelSpec> all_specs() {
  using D = DesignKind;
  using F = FixedKind;
  std::vector<ModelSpec> specs = {
      {"WideNoFixed", D::dense, F::generic, 8, 20, 0},
      {"WideConstant", D::dense, F::constant, 8, 20, 1},
      {"WideManyFixed", D::dense, F::generic, 12, 20, 10},
      {"WideOneContrastLeft", D::dense, F::generic, 7, 20, 6},
      {"SquareGeneric", D::dense, F::generic, 9, 9, 2},
      {"TallNoFixed", D::dense, F::generic, 20, 6, 0},
      {"TallGeneric", D::dense, F::generic, 20, 6, 3},
      {"TallManyFixed", D::dense, F::generic, 12, 3, 10},
      {"TallFixedWithinDesign", D::dense, F::avoids_null, 15, 6, 2},
      {"TallFixedAreColumns", D::dense, F::spans_first_columns, 15, 6, 3},
      {"TallFixedContainsNull", D::dense, F::contains_null, 15, 6, 3},
      {"TallFixedSpansNull", D::dense, F::spans_null, 10, 7, 4},
      {"OneColumn", D::dense, F::constant, 9, 1, 2},
      {"OneColumnNoFixed", D::dense, F::generic, 9, 1, 0},
      {"WideOfLowRank", D::dense, F::generic, 12, 30, 3, 5},
      {"WideOfLowRankNullInFixed", D::dense, F::spans_null, 12, 30, 4, 9},
      {"WideOfLowRankFixedWithin", D::dense, F::avoids_null, 12, 30, 3, 5},
      {"TallOfLowRank", D::dense, F::generic, 20, 8, 3, 4},
      {"CentredWide", D::centred, F::constant, 8, 20, 2},
      {"CentredWideOnlyConstant", D::centred, F::constant, 8, 20, 1},
      {"CentredTall", D::centred, F::constant, 20, 6, 3},
      {"CentredTallManyFixed", D::centred, F::constant, 12, 4, 10},
      {"CentredOneColumn", D::centred, F::constant, 9, 1, 1},
      {"CentredSquare", D::centred, F::constant, 9, 9, 2},
      {"Grouped", D::grouped, F::generic, 18, 5, 2},
      {"GroupedConstant", D::grouped, F::constant, 18, 5, 1},
      {"GroupedManyFixed", D::grouped, F::generic, 12, 5, 10},
      {"GroupedOneLevel", D::grouped, F::generic, 10, 1, 1},
      {"GroupedOneRowALevel", D::grouped, F::generic, 8, 8, 2},
      {"Kernel", D::kernel, F::constant, 15, 6, 2},
      {"KernelOfLowRank", D::kernel, F::generic, 15, 8, 2, 3},
      {"KernelBeyondTheRows", D::kernel, F::generic, 6, 10, 1},
  };
  return weighted_too(std::move(specs), 100);
}

/// Those whose K is far from singular but for column means: no eigenvalue is needed.
std::vector<ModelSpec> regular_specs() {
  const std::vector<std::string> names = {
      "WideNoFixed",        "WideConstant", "WideManyFixed",           "WideOneContrastLeft",
      "SquareGeneric",      "CentredWide",  "CentredWideOnlyConstant", "CentredSquare",
      "KernelBeyondTheRows"};
  std::vector<ModelSpec> out;
  for (const ModelSpec& spec : all_specs()) {
    const std::string name = spec.name.substr(0, spec.name.find("Weighted"));
    if (std::find(names.begin(), names.end(), name) != names.end()) out.push_back(spec);
  }
  return out;
}

std::vector<double> inner_shares() { return {1e-3, 0.2, 0.7, 0.99}; }

/// The fields that live on the contrasts, by P = A (A'VA)^-1 A': right at nu = 0 too.
Evaluation dense_evaluation(const Model& model, const Share& share) {
  const Matrix p = model.projection(share), pk = p * model.k;
  const Vector py = p * model.y, kpy = model.k * py;
  Evaluation e;
  e.rss = model.y.dot(py);
  e.log_det_restricted = model.log_det_restricted(share);
  e.tr_pk = pk.trace();
  e.tr_pkpk = (pk * pk).trace();
  e.tr_p_noise = share.nu * p.trace();
  e.quad_k = py.dot(kpy);
  e.quad_kk = kpy.dot(p * kpy);
  e.quad_noise = share.nu * py.squaredNorm();
  if (model.q.cols() == 0) return e;
  const Matrix operation = model.fixed_operator(share);
  e.delta = operation * model.y;
  e.covariance_k = operation * model.k * operation.transpose();
  e.covariance_noise = share.nu * operation * operation.transpose();
  e.covariance = share.h / model.kappa * e.covariance_k + e.covariance_noise;
  return e;
}

/// Differences relative to the value or to what it is a part of, whichever is larger.
class Comparison {
 public:
  Comparison(const Evaluation& a, const Evaluation& b, const Model& model, double h)
      : a_(a), b_(b), n_(static_cast<double>(model.y.size())), k_(model.kappa / h) {}

  void expect_equal_on_contrasts(double tolerance) const {
    const double y2 = std::max(a_.rss, b_.rss);
    expect_near("rss", a_.rss, b_.rss, 0, tolerance);
    expect_near("log_det_restricted", a_.log_det_restricted, b_.log_det_restricted, n_, tolerance);
    expect_near("tr_pk", a_.tr_pk, b_.tr_pk, 1e-3 * k_, tolerance);
    expect_near("tr_pkpk", a_.tr_pkpk, b_.tr_pkpk, 1e-3 * k_ * k_, tolerance);
    expect_near("tr_p_noise", a_.tr_p_noise, b_.tr_p_noise, 1e-3, tolerance);
    expect_near("quad_k", a_.quad_k, b_.quad_k, 1e-3 * k_ * y2, tolerance);
    expect_near("quad_kk", a_.quad_kk, b_.quad_kk, 1e-3 * k_ * k_ * y2, tolerance);
    expect_near("quad_noise", a_.quad_noise, b_.quad_noise, 1e-3 * y2, tolerance);
    const double covariance = matrix_size(a_.covariance);
    EXPECT_LT(distance(a_.delta, b_.delta), tolerance) << "delta";
    EXPECT_LT(distance(a_.covariance, b_.covariance), tolerance) << "covariance";
    expect_near_matrix("covariance_k", a_.covariance_k, b_.covariance_k, 1e-3 * covariance * k_,
                       tolerance);
    expect_near_matrix("covariance_noise", a_.covariance_noise, b_.covariance_noise,
                       1e-3 * covariance, tolerance);
  }

  void expect_equal(double tolerance) const {
    expect_equal_on_contrasts(tolerance);
    expect_near("log_det_v", a_.log_det_v, b_.log_det_v, n_, tolerance);
    expect_near("tr_vk", a_.tr_vk, b_.tr_vk, 0, tolerance);
    expect_near("tr_vkvk", a_.tr_vkvk, b_.tr_vkvk, 0, tolerance);
    expect_near("tr_v_noise", a_.tr_v_noise, b_.tr_v_noise, 1e-3, tolerance);
  }

 private:
  static double matrix_size(const Matrix& a) { return a.size() > 0 ? a.cwiseAbs().maxCoeff() : 0; }

  static void expect_near(const char* field, double a, double b, double size, double tolerance) {
    EXPECT_LE(std::abs(a - b), tolerance * std::max({std::abs(a), std::abs(b), size}))
        << field << ": " << a << " and " << b;
  }

  static void expect_near_matrix(const char* field, const Matrix& a, const Matrix& b, double size,
                                 double tolerance) {
    ASSERT_EQ(a.size(), b.size()) << field;
    const double scale = std::max({matrix_size(a), matrix_size(b), size});
    EXPECT_LE(matrix_size(a - b), tolerance * scale) << field;
  }

  const Evaluation& a_;
  const Evaluation& b_;
  double n_;
  double k_;  ///< size of K against V
};

class MarginalSystems : public ::testing::TestWithParam<ModelSpec> {
 protected:
  MarginalSystems() : model_(GetParam()) {}

  Model model_;
};

TEST_P(MarginalSystems, AgreeInEveryFieldBetweenTheBoundaries) {
  for (const double h : inner_shares()) {
    SCOPED_TRACE(h);
    const Share share{h, 1 - h};
    const Evaluation spectral = model_.spectral().evaluate(share);
    const Evaluation cholesky = model_.cholesky().evaluate(share);
    const Evaluation dense = dense_evaluation(model_, share);
    // the dense formulae lose up to the square of the condition of V, which is 1e3
    Comparison(spectral, cholesky, model_, h).expect_equal(1e-9);
    Comparison(spectral, dense, model_, h).expect_equal_on_contrasts(1e-9);
    if (!model_.implicit()) continue;
    Comparison(model_.implicit()->evaluate(share), spectral, model_, h).expect_equal(1e-9);
  }
}

void expect_same_in_every_detail(const MarginalSystem& system) {
  const Share share{0.3, 0.7};
  const Evaluation all = system.evaluate(share);
  const Evaluation marginal = system.evaluate(share, hdlmm::Detail::marginal);
  const Evaluation restricted = system.evaluate(share, hdlmm::Detail::restricted);
  for (const Evaluation* e : {&marginal, &restricted}) {
    EXPECT_EQ(e->rss, all.rss);
    EXPECT_EQ(e->log_det_restricted, all.log_det_restricted);
    EXPECT_EQ(e->quad_k, all.quad_k);
    EXPECT_EQ(e->quad_kk, all.quad_kk);
    EXPECT_EQ(e->quad_noise, all.quad_noise);
  }
  EXPECT_EQ(marginal.log_det_v, all.log_det_v);
  EXPECT_EQ(marginal.tr_vk, all.tr_vk);
  EXPECT_EQ(marginal.tr_vkvk, all.tr_vkvk);
  EXPECT_EQ(marginal.tr_v_noise, all.tr_v_noise);
  EXPECT_EQ(restricted.tr_pk, all.tr_pk);
  EXPECT_EQ(restricted.tr_pkpk, all.tr_pkpk);
  EXPECT_EQ(restricted.tr_p_noise, all.tr_p_noise);
}

TEST_P(MarginalSystems, AnswerTheSameInEveryDetailThatIsAskedFor) {
  expect_same_in_every_detail(model_.spectral());
  if (model_.tridiagonal()) expect_same_in_every_detail(*model_.tridiagonal());
}

TEST_P(MarginalSystems, WithoutEigenvectorsKnowTheSameNullSpace) {
  if (!model_.implicit()) GTEST_SKIP() << "no decomposition without eigenvectors";
  const MarginalSystem &a = *model_.implicit(), &b = model_.spectral();
  EXPECT_EQ(a.null_dimension(), b.null_dimension());
  EXPECT_EQ(a.null_in_fixed(), b.null_in_fixed());
  EXPECT_EQ(a.is_ml_unbounded(), b.is_ml_unbounded());
  EXPECT_NEAR(a.null_residual(), b.null_residual(), 1e-11 * model_.y.norm());
  EXPECT_NEAR(a.max_eigenvalue(), b.max_eigenvalue(), 1e-12 * b.max_eigenvalue());
}

TEST_P(MarginalSystems, WithoutEigenvectorsProjectTheSameResponse) {
  if (!model_.implicit()) GTEST_SKIP() << "no decomposition without eigenvectors";
  for (const double h : inner_shares()) {
    const Share share{h, 1 - h};
    const Vector wanted = model_.core_projected_response(share);
    EXPECT_LT(distance(model_.implicit_projected_response(share), wanted), 1e-9);
  }
  EXPECT_EQ(model_.implicit_projected_response({1, 0}).size(), 0);
}

TEST_P(MarginalSystems, AgreeWithoutRandomEffects) {
  const Share share{0, 1};
  const Evaluation spectral = model_.spectral().evaluate(share);
  const Evaluation cholesky = model_.cholesky().evaluate(share);
  Comparison(spectral, cholesky, model_, 1).expect_equal(1e-11);  // V is the identity
}

TEST_P(MarginalSystems, AreFiniteWithoutNoiseWhereTheRestrictedLikelihoodIs) {
  const Matrix a = orthogonal_complement(model_.q);
  const bool is_regular = clear_rank(a.transpose() * model_.k * a) == a.cols();
  EXPECT_EQ(model_.spectral().has_reml_limit_at_one(), is_regular);
  if (!is_regular) return;
  const Share share{1, 0};
  const Evaluation spectral = model_.spectral().evaluate(share);
  const Evaluation dense = dense_evaluation(model_, share);
  // the condition of A'KA, without noise to hold it down: below 1e5 for these seeds
  Comparison(spectral, dense, model_, 1).expect_equal_on_contrasts(1e-8);
  EXPECT_EQ(spectral.tr_p_noise, 0);
  EXPECT_EQ(spectral.quad_noise, 0);
  const Evaluation close = model_.spectral().evaluate({1 - 1e-13, 1e-13});
  Comparison(spectral, close, model_, 1).expect_equal_on_contrasts(1e-6);
}

TEST_P(MarginalSystems, KnowTheNullSpaceAndWhatItDoesToTheLikelihoods) {
  const MarginalSystem& system = model_.spectral();
  const Index n = model_.y.size(), c = model_.q.cols();
  EXPECT_EQ(system.n_rows(), n);
  EXPECT_EQ(system.n_fixed(), c);
  EXPECT_EQ(system.has_ml_limit_at_one(), model_.rank == n);
  // ML is unbounded when all of null(K) is fitted exactly, for a response in general position
  const Matrix basis = orthonormal_basis(model_.k * Random(7).normals(n, model_.rank));
  const Matrix outside = orthogonal_complement(basis);
  const bool is_reached =
      outside.cols() > 0 && clear_rank(outside.transpose() * model_.q) == outside.cols();
  EXPECT_EQ(system.is_ml_unbounded(), is_reached);
  if (GetParam().design != DesignKind::centred) {
    EXPECT_EQ(system.null_dimension(), n - model_.rank);
    EXPECT_EQ(system.null_in_fixed(), clear_rank(outside.transpose() * model_.q));
  }
}

TEST_P(MarginalSystems, GiveTheLogDensityOfTheContrastsAndOfTheResponse) {
  const Matrix a = orthogonal_complement(model_.q);
  for (const double h : inner_shares()) {
    SCOPED_TRACE(h);
    const Share share{h, 1 - h};
    const ProfilePoint reml =
        ProfiledLikelihood(model_.spectral(), Criterion::reml).at_share(share);
    const Matrix v = model_.covariance(share);
    const double reml_wanted =
        log_density(a.transpose() * model_.y, reml.tau2 * (a.transpose() * v * a));
    // an absolute tolerance: log-likelihoods have no natural zero
    EXPECT_NEAR(reml.value, reml_wanted, 1e-8);
    const ProfilePoint ml = ProfiledLikelihood(model_.spectral(), Criterion::ml).at_share(share);
    Vector residual = model_.y;
    if (model_.q.cols() > 0) residual -= model_.q * (model_.fixed_operator(share) * model_.y);
    EXPECT_NEAR(ml.value, log_density(residual, ml.tau2 * v), 1e-8);
    EXPECT_LT(distance(reml.tau2, model_.y.dot(model_.projection(share) * model_.y) /
                                      static_cast<double>(a.cols())),
              1e-9);  // condition of V
  }
}

TEST_P(MarginalSystems, HaveTheDerivativesOfTheirProfiles) {
  constexpr double kStep = 2e-3;
  const double size = static_cast<double>(model_.y.size());
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const ProfiledLikelihood f(model_.spectral(), criterion);
    for (const double x : {-6.0, -1.0, 0.5, 4.0}) {
      const double phi = x - std::log(model_.kappa);
      SCOPED_TRACE(x);
      const ProfilePoint at = f.at(phi);
      const ProfilePoint left2 = f.at(phi - 2 * kStep), left = f.at(phi - kStep);
      const ProfilePoint right = f.at(phi + kStep), right2 = f.at(phi + 2 * kStep);
      const double slope =
          (8 * (right.value - left.value) - (right2.value - left2.value)) / (12 * kStep);
      const double curvature =
          (8 * (right.slope - left.slope) - (right2.slope - left2.slope)) / (12 * kStep);
      // error of the formula kStep^4, rounding of the values over kStep
      EXPECT_NEAR(at.slope, slope, 1e-10 * size);
      EXPECT_NEAR(at.curvature, curvature, 1e-10 * size);
      EXPECT_EQ(at.phi, phi);
    }
  }
}

TEST_P(MarginalSystems, HaveTheSlopeOfTheirProfilesAtZero) {
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const ProfiledLikelihood f(model_.spectral(), criterion);
    const double phi = -20 - std::log(model_.kappa);
    const double wanted = f.at(phi).slope / std::exp(phi);
    // the second derivative times e^-20
    EXPECT_NEAR(f.slope_at_zero(), wanted,
                1e-5 * static_cast<double>(model_.y.size()) * model_.kappa);
  }
}

TEST_P(MarginalSystems, KeepTheirDigitsCloseToTheBoundaryAtOne) {
  if (!model_.spectral().has_reml_limit_at_one()) return;
  const ProfiledLikelihood f(model_.spectral(), Criterion::reml);
  const ProfilePoint limit = f.at_share({1, 0});
  const ProfilePoint close = f.at(60 - std::log(model_.kappa));
  EXPECT_NEAR(limit.value, close.value, 1e-9);  // e^-60 away, one unit of rounding per term
  EXPECT_EQ(limit.slope, 0);
  // the slope is of the order of e^-60 there: no rounding of terms of order one may remain
  EXPECT_LT(std::abs(close.slope), 1e-15);
}

INSTANTIATE_TEST_SUITE_P(EveryModel, MarginalSystems, ::testing::ValuesIn(all_specs()),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

class TridiagonalSystems : public MarginalSystems {};

TEST_P(TridiagonalSystems, AgreeInEveryFieldUpToBothBoundaries) {
  ASSERT_TRUE(model_.tridiagonal());
  std::vector<Share> shares = {{0, 1}, {1e-12, 1}, {1e-6, 1 - 1e-6}, {1 - 1e-9, 1e-9}};
  for (const double h : inner_shares()) shares.push_back({h, 1 - h});
  for (const Share& share : shares) {
    SCOPED_TRACE(share.h);
    const Evaluation a = model_.tridiagonal()->evaluate(share);
    const Evaluation b = model_.spectral().evaluate(share);
    const Evaluation c = model_.diagonalised().evaluate(share);
    // K has a condition below 1e5
    Comparison(a, b, model_, std::max(share.h, 0.1)).expect_equal(1e-9);
    Comparison(c, b, model_, std::max(share.h, 0.1)).expect_equal(1e-9);
  }
  if (!model_.spectral().has_reml_limit_at_one()) return;
  const Evaluation a = model_.tridiagonal()->evaluate({1, 0});
  Comparison(a, model_.spectral().evaluate({1, 0}), model_, 1).expect_equal_on_contrasts(1e-9);
  EXPECT_EQ(a.tr_p_noise, 0);
  EXPECT_EQ(a.quad_noise, 0);
}

TEST_P(TridiagonalSystems, KnowTheSameNullSpaceAndRange) {
  ASSERT_TRUE(model_.tridiagonal());
  const MarginalSystem &a = *model_.tridiagonal(), &b = model_.spectral();
  EXPECT_EQ(a.null_dimension(), b.null_dimension());
  EXPECT_EQ(a.null_in_fixed(), b.null_in_fixed());
  EXPECT_EQ(a.ml_null_dimension(), b.ml_null_dimension());
  EXPECT_EQ(a.is_ml_unbounded(), b.is_ml_unbounded());
  EXPECT_NEAR(a.null_residual(), b.null_residual(), 1e-11 * model_.y.norm());
  EXPECT_LE(a.min_eigenvalue(), b.min_eigenvalue() * (1 + 1e-12));
  EXPECT_GE(a.min_eigenvalue(), b.min_eigenvalue() / 1.011);
  EXPECT_GE(a.max_eigenvalue(), b.max_eigenvalue() * (1 - 1e-12));
  EXPECT_LE(a.max_eigenvalue(), b.max_eigenvalue() * 1.011);
}

TEST_P(TridiagonalSystems, HaveTheSameProfiles) {
  ASSERT_TRUE(model_.tridiagonal());
  const double size = static_cast<double>(model_.y.size());
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const ProfiledLikelihood f(*model_.tridiagonal(), criterion), g(model_.spectral(), criterion);
    EXPECT_NEAR(f.slope_at_zero(), g.slope_at_zero(), 1e-10 * size * model_.kappa);
    for (const double x : {-30.0, -14.0, -6.0, -1.0, 0.5, 4.0, 14.0, 30.0}) {
      SCOPED_TRACE(x);
      const ProfilePoint a = f.at(x - std::log(model_.kappa)), b = g.at(x - std::log(model_.kappa));
      EXPECT_NEAR(a.value, b.value, 1e-9 * size);
      // far from both boundaries of the order of the size, at them of that of h or nu; one unit of
      // rounding of terms of order one
      const double scale = size * std::min(1.0, std::exp(-std::abs(x)));
      EXPECT_NEAR(a.slope, b.slope, 1e-8 * scale + 1e-15);
      if (x < 10) {
        EXPECT_NEAR(a.curvature, b.curvature, 1e-8 * scale + 1e-15);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(EveryRegularModel, TridiagonalSystems,
                         ::testing::ValuesIn(regular_specs()),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

TEST(Share, KeepsBothPartsAtBothEnds) {
  const Share low = Share::from_log_ratio(-300, 2), high = Share::from_log_ratio(300, 2);
  EXPECT_LT(distance(low.h, 2 * std::exp(-300)), 1e-12);  // 300 units of rounding in the exponent
  EXPECT_EQ(low.nu, 1);
  EXPECT_EQ(high.h, 1);
  EXPECT_LT(distance(high.nu, std::exp(-300) / 2), 1e-12);
  const Share middle = Share::from_log_ratio(0, 1);
  EXPECT_EQ(middle.h, 0.5);
  EXPECT_EQ(middle.nu, 0.5);
}

TEST(TridiagonalSystem, AgreesWithTheSpectrumBehindABand) {
  // beyond the size up to which there is one stage alone
  const ModelSpec spec{"CentredWideBand", DesignKind::centred, FixedKind::constant, 520, 900, 3};
  for (const ModelSpec& one : weighted_too({spec}, 7)) {
    const Model model(one);
    ASSERT_TRUE(model.tridiagonal());
    for (const Share& share : {Share{0, 1}, Share{1e-3, 0.999}, Share{0.5, 0.5}, Share{1, 0}}) {
      SCOPED_TRACE(share.h);
      const Evaluation a = model.tridiagonal()->evaluate(share),
                       b = model.implicit()->evaluate(share);
      Comparison(a, b, model, std::max(0.1, share.h)).expect_equal_on_contrasts(1e-9);
      const Evaluation c = model.diagonalised().evaluate(share);
      Comparison(c, b, model, std::max(0.1, share.h)).expect_equal_on_contrasts(1e-9);
    }
    const Share share{0.4, 0.6};
    EXPECT_LT(
        distance(model.implicit_projected_response(share), model.core_projected_response(share)),
        1e-9);
  }
}

/// Columns of small whole numbers, all with one number added, which doubles hold exactly.
hdlmm::SpectralParts parts_of_shifted(double added, const Vector& root, hdlmm::Form form) {
  constexpr Index kRows = 30, kColumns = 60;
  Random random(8);
  Matrix cells(kRows, kColumns);
  for (Index j = 0; j < kColumns; ++j) {
    for (Index i = 0; i < kRows; ++i) cells(i, j) = static_cast<double>(random.below(3));
  }
  Matrix z = random.normals(kRows, 2);
  z.col(0) = root;
  const Vector y = root.cwiseProduct(random.normals(kRows));
  cells.array() += added;
  const Vector means = (cells.transpose() * root.cwiseAbs2()) / root.squaredNorm();
  hdlmm::StoredMatrix<double> stored;
  stored.cells = cells.data();
  stored.stride = stored.rows_fitted = kRows;
  stored.cols = kColumns;
  const hdlmm::DenseOperator<double> x(stored, {means, Vector(), Vector(), root});
  return hdlmm::reduce(x, orthonormal_basis(z), y, means, root, form, hdlmm::Context())->parts;
}

TEST(ImplicitSpectrum, KeepsItsDigitsHoweverLargeTheMeansOfColumnsAre) {
  Random random(9);
  for (const Vector& root : {Vector(Vector::Ones(30)), random.positives(30)}) {
    for (const hdlmm::Form form : {hdlmm::Form::tridiagonal, hdlmm::Form::diagonal}) {
      const auto at = [&](double added) {
        return hdlmm::SpectralSystem(
                   hdlmm::diagonalised(parts_of_shifted(added, root, form), hdlmm::Context()), 20)
            .evaluate({0.5, 0.5}, hdlmm::Detail::restricted);
      };
      const Evaluation wanted = at(0);
      for (const double added : {1e3, 1e6, 1e9}) {
        SCOPED_TRACE(added);
        const Evaluation e = at(added);
        // REML does not know of means; of 1e9 a double keeps 1e-7, which only K o sees
        EXPECT_NEAR(e.log_det_restricted, wanted.log_det_restricted, 1e-10);
        EXPECT_LT(distance(e.rss, wanted.rss), 1e-10);
        EXPECT_LT(distance(e.quad_kk, wanted.quad_kk), 1e-10);
        EXPECT_LT(distance(e.tr_pkpk, wanted.tr_pkpk), 1e-10);
      }
    }
  }
}

TEST(CholeskySystem, ReportsNoLimitWhereKIsSingularAndOneWhereItIsNot) {
  const Model singular({"", DesignKind::dense, FixedKind::generic, 8, 3, 1});
  EXPECT_FALSE(singular.cholesky().has_ml_limit_at_one());
  const Model regular({"", DesignKind::dense, FixedKind::generic, 8, 20, 1});
  EXPECT_TRUE(regular.cholesky().has_ml_limit_at_one());
}

}  // namespace
}  // namespace hdlmm_test
