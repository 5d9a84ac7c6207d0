// Predictions and their variances against dense formulae, with noise and without.

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/posterior/prediction.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

std::vector<ModelSpec> all_specs() {
  using D = DesignKind;
  using F = FixedKind;
  std::vector<ModelSpec> specs = {
      {"WideNoFixed", D::dense, F::generic, 8, 20, 0},
      {"Wide", D::dense, F::generic, 12, 30, 3},
      {"Square", D::dense, F::generic, 9, 9, 2},
      {"TallNoFixed", D::dense, F::generic, 20, 6, 0},
      {"Tall", D::dense, F::generic, 20, 6, 3},
      {"TallManyFixed", D::dense, F::generic, 12, 3, 10},
      {"TallFixedWithinDesign", D::dense, F::avoids_null, 15, 6, 2},
      {"TallFixedContainsNull", D::dense, F::contains_null, 15, 6, 3},
      {"TallFixedSpansNull", D::dense, F::spans_null, 10, 7, 4},
      {"OneColumn", D::dense, F::constant, 9, 1, 2},
      {"WideOfLowRank", D::dense, F::generic, 12, 30, 3, 5},
      {"WideOfLowRankNullInFixed", D::dense, F::spans_null, 12, 30, 4, 9},
      {"TallOfLowRank", D::dense, F::generic, 20, 8, 3, 4},
      {"MoreColumnsThanABlock", D::dense, F::generic, 10, 300, 2},
      {"Grouped", D::grouped, F::generic, 18, 5, 2},
      {"GroupedConstant", D::grouped, F::constant, 18, 5, 1},
      {"GroupedNullInFixed", D::grouped, F::spans_null, 8, 5, 4},
      {"Kernel", D::kernel, F::constant, 15, 6, 2},
      {"KernelOfLowRank", D::kernel, F::generic, 15, 8, 2, 3},
      {"KernelBeyondTheRows", D::kernel, F::generic, 6, 10, 1},
  };
  return weighted_too(std::move(specs), 500);
}

class Prediction : public ::testing::TestWithParam<ModelSpec> {
 protected:
  Prediction() : model_(GetParam()) {}

  /// Both sides of the model, and no noise where that has a meaning.
  std::vector<Share> shares() const {
    std::vector<Share> out = {{0, 1}, {0.3, 0.7}, {0.99, 0.01}};
    if (model_.spectral().has_reml_limit_at_one()) out.push_back({1, 0});
    return out;
  }

  /// Conditions of V up to 1e4, of K up to 1e8 for these seeds.
  static double tolerance(const Share& share) { return share.nu > 0 ? 1e-9 : 1e-8; }

  Model model_;
};

TEST_P(Prediction, ProjectsTheResponse) {
  for (const Share& share : shares()) {
    SCOPED_TRACE(share.h);
    EXPECT_LT(distance(model_.core_projected_response(share), model_.projection(share) * model_.y),
              tolerance(share));
  }
}

TEST_P(Prediction, HasTheEffects) {
  for (const Share& share : shares()) {
    SCOPED_TRACE(share.h);
    const hdlmm::SpectralSystem& system = model_.spectral_system();
    const Vector effects =
        hdlmm::predicted_effects(model_.frame(), system, system.whiten(share), hdlmm::Context());
    const Vector wanted = share.h / model_.kappa *
                          (model_.s * model_.x.transpose() * model_.projection(share) * model_.y);
    EXPECT_LT(distance(effects, wanted), tolerance(share));
  }
}

// X beta = V P y - nu P y, and nu P y is what fitted values leave.
TEST_P(Prediction, HasEffectsThatFitWhateverTheRatio) {
  for (const double nu : {1e-4, 1e-8, 1e-12, 1e-16}) {
    SCOPED_TRACE(nu);
    const Share share{1, nu};
    const hdlmm::SpectralSystem& system = model_.spectral_system();
    const hdlmm::WhitenedData w = system.whiten(share);
    const hdlmm::SpectralFrame frame = model_.frame();
    const Vector fitted = model_.x * hdlmm::predicted_effects(frame, system, w, hdlmm::Context());
    const Vector d = system.parts().d;
    const Vector wanted = frame.unrotate(
        (share.h / model_.kappa * d.array() * w.e.array() / w.s.array().sqrt()).matrix());
    EXPECT_LT((fitted - wanted).norm(), 1e-9 * model_.y.norm());  // the root of cond(K) <= 1e8
  }
}

TEST_P(Prediction, HasTheDiagonalOfTheProjection) {
  for (const Share& share : shares()) {
    SCOPED_TRACE(share.h);
    EXPECT_LT(distance(model_.core_projection_diagonal(share), model_.projection(share).diagonal()),
              tolerance(share));
  }
}

TEST_P(Prediction, HasTheVariancesOfTheCoefficients) {
  for (const Share& share : shares()) {
    SCOPED_TRACE(share.h);
    const double hk = share.h / model_.kappa;
    const Matrix sxt = model_.s * model_.x.transpose();
    const Matrix wanted =
        hk * model_.s - hk * hk * sxt * model_.projection(share) * sxt.transpose();
    EXPECT_LT(distance(model_.core_coefficient_variances(share), wanted.diagonal()),
              tolerance(share));
  }
}

TEST_P(Prediction, HasTheVariancesOfNewPoints) {
  Random random(9);
  const Index m = 4, p = model_.x.cols(), c = model_.q.cols();
  const Matrix points = random.normals(m, p), z = random.normals(m, c);
  for (const Share& share : shares()) {
    SCOPED_TRACE(share.h);
    const double hk = share.h / model_.kappa;
    const Matrix f = hk * model_.x * model_.s * points.transpose();
    const Matrix operation = model_.fixed_operator(share);
    // z'delta + x'beta less its prediction from y, as a linear form in beta and e
    Matrix on_y = f.transpose() * model_.projection(share);
    if (c > 0) on_y += z * operation;
    const Matrix wanted = hk * points * model_.s * points.transpose() - on_y * f -
                          (on_y * f).transpose() +
                          on_y * model_.covariance(share) * on_y.transpose();
    EXPECT_LT(distance(model_.core_latent_variances(share, points, z), wanted.diagonal()),
              tolerance(share));
  }
}

TEST_P(Prediction, NeverHasNegativeVariances) {
  for (const Share& share : shares()) {
    EXPECT_GE(model_.core_coefficient_variances(share).minCoeff(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(EveryModel, Prediction, ::testing::ValuesIn(all_specs()),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

}  // namespace
}  // namespace hdlmm_test
