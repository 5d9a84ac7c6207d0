// Models under a normal prior of the fixed effects, against dense formulae.

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/inference/posterior/prediction.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Evaluation;
using hdlmm::SpectralSystem;
using hdlmm::WhitenedData;

const std::vector<Share> kShares = {{0, 1}, {0.3, 0.7}, {0.99, 0.01}};
constexpr double kTau = 1.3;
constexpr double kTolerance = 1e-9;  // the condition of V is up to 1e4

Evaluation dense_evaluation(const Model& model, const Share& share, const Matrix& precision) {
  const Matrix v = model.covariance(share), inverse = v.inverse();
  const Matrix p = model.posterior_projection(share, precision), pk = p * model.k;
  const Vector py = p * model.y, kpy = model.k * py;
  Evaluation e;
  e.rss = model.y.dot(py);
  e.log_det_v = 2 * v.llt().matrixLLT().diagonal().array().log().sum();
  e.log_det_restricted = e.log_det_v;
  e.tr_vk = (inverse * model.k).trace();
  e.tr_vkvk = (inverse * model.k * inverse * model.k).trace();
  e.tr_v_noise = share.nu * inverse.trace();
  e.tr_pk = pk.trace();
  e.tr_pkpk = (pk * pk).trace();
  e.tr_p_noise = share.nu * p.trace();
  e.quad_k = py.dot(kpy);
  e.quad_kk = kpy.dot(p * kpy);
  e.quad_noise = share.nu * py.squaredNorm();
  if (model.q.cols() == 0) return e;
  const Matrix c = model.posterior_covariance(share, precision);
  const Matrix operation = c * model.q.transpose() * inverse;
  e.log_det_restricted -= std::log(c.determinant());
  e.delta = operation * model.y;
  e.covariance = c;
  e.covariance_k = operation * model.k * operation.transpose();
  e.covariance_noise = share.nu * operation * operation.transpose();
  return e;
}

void expect_near(const char* field, double a, double b, double size, double tolerance) {
  EXPECT_LE(std::abs(a - b), tolerance * std::max({std::abs(a), std::abs(b), size}))
      << field << ": " << a << " and " << b;
}

/// Tolerances are relative to the field or to the size of its terms, whichever is larger.
void expect_equal(const Evaluation& a, const Evaluation& b, const Model& model, double tolerance) {
  const double n = static_cast<double>(model.y.size());
  expect_near("rss", a.rss, b.rss, 0, tolerance);
  expect_near("log_det_v", a.log_det_v, b.log_det_v, n, tolerance);
  expect_near("log_det_restricted", a.log_det_restricted, b.log_det_restricted, n, tolerance);
  expect_near("tr_vk", a.tr_vk, b.tr_vk, 0, tolerance);
  expect_near("tr_vkvk", a.tr_vkvk, b.tr_vkvk, 0, tolerance);
  expect_near("tr_v_noise", a.tr_v_noise, b.tr_v_noise, 0, tolerance);
  expect_near("tr_pk", a.tr_pk, b.tr_pk, 1e-3 * a.tr_vk, tolerance);
  expect_near("tr_pkpk", a.tr_pkpk, b.tr_pkpk, 1e-3 * a.tr_vkvk, tolerance);
  expect_near("tr_p_noise", a.tr_p_noise, b.tr_p_noise, 1e-3, tolerance);
  expect_near("quad_k", a.quad_k, b.quad_k, 1e-3 * a.tr_vk * a.rss, tolerance);
  expect_near("quad_kk", a.quad_kk, b.quad_kk, 1e-3 * a.tr_vkvk * a.rss, tolerance);
  expect_near("quad_noise", a.quad_noise, b.quad_noise, 1e-3 * a.rss, tolerance);
  EXPECT_LT(distance(a.delta, b.delta), tolerance);
  EXPECT_LT(distance(a.covariance, b.covariance), tolerance);
  EXPECT_LT(distance(a.covariance_k, b.covariance_k), tolerance);
  EXPECT_LT(distance(a.covariance_noise, b.covariance_noise), tolerance);
}

class PriorRows : public ::testing::TestWithParam<ModelSpec> {
 protected:
  PriorRows() : model_(GetParam()), c_(model_.q.cols()) {
    root_ = Random(77).normals(c_, c_);
    root_.diagonal().array() += 3;  // well away from singular
  }

  /// Under the prior of precision tau^2 Lambda scale^2 = tau^2 root'root scale^2.
  SpectralSystem system(double scale) const {
    if (c_ == 0) return model_.spectral_system();
    return model_.spectral_system().with_prior_rows(kTau * scale * root_ *
                                                    model_.spectral_system().parts().turn);
  }
  Matrix precision() const {
    if (c_ == 0) return Matrix(0, 0);
    return kTau * kTau * root_.transpose() * root_;
  }

  Model model_;
  Index c_;
  Matrix root_;
};

TEST_P(PriorRows, GiveEveryFieldOfTheDenseFormulae) {
  ASSERT_EQ(system(1).parts().has_prior(), c_ > 0);
  for (const Share& share : kShares) {
    SCOPED_TRACE(share.h);
    expect_equal(system(1).evaluate(share), dense_evaluation(model_, share, precision()), model_,
                 kTolerance);
  }
}

TEST_P(PriorRows, VanishWithThePrecision) {
  for (const Share& share : kShares) {
    SCOPED_TRACE(share.h);
    // the rows count by their squares, 1e-14 against the smallest eigenvalue of Q'V^-1 Q
    expect_equal(system(1e-7).evaluate(share), model_.spectral().evaluate(share), model_, 1e-9);
  }
}

TEST_P(PriorRows, FixTheCoefficientsAtZeroWhenTheyAreStrong) {
  const Share share{0.3, 0.7};
  const Evaluation e = system(1e6).evaluate(share);
  const Matrix inverse = model_.covariance(share).inverse();
  // the reciprocal of the precision, 1e-12, times the condition of Q'V^-1 Q
  EXPECT_LT(distance(e.rss, model_.y.dot(inverse * model_.y)), 1e-8);
  EXPECT_LT(distance(e.tr_pk, (inverse * model_.k).trace()), 1e-8);
  EXPECT_LE(e.delta.norm(), 1e-8);
}

TEST_P(PriorRows, AreHeldWithoutNoiseWhereKIsRegular) {
  if (model_.rank < model_.y.size()) return;
  const SpectralSystem at = system(1);
  const Evaluation limit = at.evaluate({1, 0}), close = at.evaluate({1 - 1e-12, 1e-12});
  // nu times the condition of K, below 1e5 for these seeds
  EXPECT_LT(distance(limit.rss, close.rss), 1e-6);
  EXPECT_LT(distance(limit.log_det_restricted, close.log_det_restricted), 1e-6);
  EXPECT_LT(distance(limit.delta, close.delta), 1e-6);
  EXPECT_EQ(limit.quad_noise, 0);
}

TEST_P(PriorRows, GiveTheProjectedResponseAndTheDiagonalOfTheProjection) {
  const SpectralSystem at = system(1);
  for (const Share& share : kShares) {
    SCOPED_TRACE(share.h);
    const WhitenedData w = at.whiten(share);
    const Matrix p = model_.posterior_projection(share, precision());
    EXPECT_LT(distance(hdlmm::projected_response(model_.frame(), at.parts(), w), p * model_.y),
              kTolerance);
    EXPECT_LT(distance(hdlmm::projection_diagonal(model_.frame(), at.parts(), w), p.diagonal()),
              kTolerance);
  }
}

TEST_P(PriorRows, GiveTheVariancesOfCoefficientsAndOfNewPoints) {
  const SpectralSystem at = system(1);
  const Index p = model_.x.cols(), m = 4;
  Random random(9);
  const Matrix points = random.normals(m, p), z = random.normals(m, c_);
  const Matrix prior = points * model_.s * points.transpose();
  const hdlmm::PredictionRows rows{model_.frame().rotate(model_.x * model_.s * points.transpose()),
                                   prior.diagonal(), z};
  for (const Share& share : kShares) {
    SCOPED_TRACE(share.h);
    const WhitenedData w = at.whiten(share);
    const Matrix of_points = model_.latent_covariance(share, precision(), points, z);
    EXPECT_LT(distance(hdlmm::latent_variances(at, w, rows), of_points.diagonal()), kTolerance);
    const Matrix of_coefficients =
        model_.latent_covariance(share, precision(), Matrix::Identity(p, p), Matrix::Zero(p, c_));
    EXPECT_LT(distance(hdlmm::coefficient_variances(model_.frame(), at, w, hdlmm::Context()),
                       of_coefficients.diagonal()),
              kTolerance);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryModel, PriorRows, ::testing::ValuesIn(uncentred_specs(700)),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

}  // namespace
}  // namespace hdlmm_test
