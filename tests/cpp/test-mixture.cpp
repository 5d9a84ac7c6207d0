// Finite mixtures over the variances and draws of effects, against dense formulae.

#include <cmath>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/inference/posterior/mixture.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::MixedPoints;
using hdlmm::MixtureNodes;
using hdlmm::MixtureView;
using hdlmm::PredictionRows;
using hdlmm::SpectralSystem;
using hdlmm::WhitenedData;

constexpr double kTolerance = 1e-9;  // the condition of V is up to 1e4

/// Nodes with weights that sum to one.
struct Mixture {
  MixtureNodes nodes;
  Vector weights;  ///< [m]
  Vector second;   ///< [m], weight times tau^2
};

class Mixtures : public ::testing::TestWithParam<ModelSpec> {
 protected:
  Mixtures() : model_(GetParam()), c_(model_.q.cols()), system_(model_.spectral_system()) {
    root_ = Random(79).normals(c_, c_);
    root_.diagonal().array() += 3;  // well away from singular
  }

  Mixture mixture(Index m, bool has_normal) const {
    Random random(5);
    Mixture out;
    out.nodes.h = Vector::LinSpaced(m, 0.02, 0.99);
    if (m == 1) out.nodes.h[0] = 0.3;
    out.nodes.nu = 1 - out.nodes.h.array();
    const Vector tau = random.positives(m);
    out.nodes.prior_root = Matrix(0, c_);
    if (has_normal) {
      out.nodes.tau = tau;
      out.nodes.prior_root = root_ * system_.parts().turn;
    }
    out.weights = random.positives(m);
    out.weights /= out.weights.sum();
    out.second = out.weights.cwiseProduct(tau.cwiseAbs2());
    return out;
  }

  /// Precision of the coefficients per unit tau^2 at node k.
  Matrix precision(const MixtureNodes& nodes, Index k) const {
    if (nodes.prior_root.rows() == 0) return Matrix::Zero(c_, c_);
    return nodes.tau[k] * nodes.tau[k] * root_.transpose() * root_;
  }

  // Dense conditional means at node k.
  Vector projected(const MixtureNodes& nodes, Index k) const {
    return model_.posterior_projection(nodes.share(k), precision(nodes, k)) * model_.y;
  }
  Vector coefficients(const MixtureNodes& nodes, Index k) const {
    return nodes.h[k] / model_.kappa * model_.s * model_.x.transpose() * projected(nodes, k);
  }
  Vector fixed_effects(const MixtureNodes& nodes, Index k) const {
    if (c_ == 0) return Vector(0);
    const Matrix v = model_.covariance(nodes.share(k));
    return model_.posterior_covariance(nodes.share(k), precision(nodes, k)) *
           (model_.q.transpose() * v.llt().solve(model_.y));
  }

  PredictionRows rows_at(const Matrix& points, const Matrix& z) const {
    const Matrix prior = points * model_.s * points.transpose();
    return {model_.frame().rotate(model_.x * model_.s * points.transpose()), prior.diagonal(), z};
  }

  /// Every mixture to try: one node, several, and more than the rank has room for.
  template <typename Check>
  void for_each_mixture(const Check& check) const {
    for (const bool has_normal : {false, true}) {
      for (const Index m : {1, 3, 12}) {
        SCOPED_TRACE(::testing::Message() << m << " nodes, normal prior: " << has_normal);
        check(mixture(m, has_normal));
      }
    }
  }

  Model model_;
  Index c_;
  const SpectralSystem& system_;
  Matrix root_;
};

TEST_P(Mixtures, OfOneNodeAreThatNode) {
  Random random(9);
  const Matrix points = random.normals(3, model_.x.cols()), z = random.normals(3, c_);
  const PredictionRows rows = rows_at(points, z);
  for (const bool has_normal : {false, true}) {
    Mixture one = mixture(1, has_normal);
    one.second.setOnes();
    const MixtureView view(system_, one.nodes);
    const SpectralSystem at = view.at(0);
    const WhitenedData w = at.whiten(one.nodes.share(0));
    const auto frame = model_.frame();
    // the same sums in another order
    EXPECT_LT(distance(mixed_projected_response(frame, view, one.weights, Context()),
                       projected_response(frame, at.parts(), w)),
              1e-11);
    EXPECT_LT(distance(mixed_coefficient_variances(frame, view, one.weights, one.second, Context()),
                       coefficient_variances(frame, at, w, Context())),
              1e-11);
    EXPECT_EQ(distance(mixed_points(view, rows, Context()).variance, latent_variances(at, w, rows)),
              0);
  }
}

TEST_P(Mixtures, SumTheProjectedResponse) {
  for_each_mixture([&](const Mixture& mix) {
    const MixtureView view(system_, mix.nodes);
    Vector wanted = Vector::Zero(model_.y.size());
    for (Index k = 0; k < mix.weights.size(); ++k) {
      wanted += mix.weights[k] * projected(mix.nodes, k);
    }
    EXPECT_LT(
        distance(mixed_projected_response(model_.frame(), view, mix.weights, Context()), wanted),
        kTolerance);
  });
}

TEST_P(Mixtures, HaveTheTotalVarianceOfTheCoefficients) {
  const Index p = model_.x.cols();
  for_each_mixture([&](const Mixture& mix) {
    const Index m = mix.weights.size();
    const MixtureView view(system_, mix.nodes);
    Matrix means(p, m);
    Vector wanted = Vector::Zero(p);
    for (Index k = 0; k < m; ++k) {
      means.col(k) = coefficients(mix.nodes, k);
      wanted += mix.second[k] * model_
                                    .latent_covariance(mix.nodes.share(k), precision(mix.nodes, k),
                                                       Matrix::Identity(p, p), Matrix::Zero(p, c_))
                                    .diagonal();
    }
    const Vector centre = means * mix.weights;
    wanted += (means.colwise() - centre).cwiseAbs2() * mix.weights;
    const Vector found =
        mixed_coefficient_variances(model_.frame(), view, mix.weights, mix.second, Context());
    EXPECT_LT(distance(found, wanted), kTolerance);
    EXPECT_GE(found.minCoeff(), 0);
  });
}

TEST_P(Mixtures, HaveTheMeansAndVariancesOfNewPointsAtEveryNode) {
  Random random(9);
  const Matrix points = random.normals(4, model_.x.cols()), z = random.normals(4, c_);
  const PredictionRows rows = rows_at(points, z);
  for_each_mixture([&](const Mixture& mix) {
    const MixtureView view(system_, mix.nodes);
    const MixedPoints found = mixed_points(view, rows, Context());
    ASSERT_EQ(found.mean.cols(), mix.weights.size());
    for (Index k = 0; k < mix.weights.size(); ++k) {
      Vector mean = points * coefficients(mix.nodes, k);
      if (c_ > 0) mean += z * fixed_effects(mix.nodes, k);
      const Matrix covariance =
          model_.latent_covariance(mix.nodes.share(k), precision(mix.nodes, k), points, z);
      EXPECT_LT(distance(found.mean.col(k), mean), kTolerance);
      EXPECT_LT(distance(found.variance.col(k), covariance.diagonal()), kTolerance);
    }
  });
}

/// Draws of (delta, U'X beta) as an affine function of the normals.
struct Draws {
  Vector mean;  ///< [c + r]
  Matrix map;   ///< [(c + r) x (c + r)]
};

Draws affine_draws(const SpectralSystem& at, const WhitenedData& w, double tau) {
  const Index c = at.n_fixed(), r = at.parts().rank(), size = c + r;
  Matrix normals = Matrix::Zero(size, size + 1);
  normals.rightCols(size).setIdentity();
  Matrix delta(c, size + 1), g(r, size + 1), both(size, size + 1);
  draw_effects(at, w, tau, normals, delta, g);
  if (c > 0) both.topRows(c) = at.parts().turn * delta;
  both.bottomRows(r) = g;
  return {both.col(0), both.rightCols(size).colwise() - both.col(0)};
}

TEST_P(Mixtures, DrawEffectsWithTheirConditionalMeansAndCovariance) {
  const Index r = system_.parts().rank();
  const Matrix u = model_.frame().unrotate(Matrix::Identity(r, r));
  ASSERT_LT(distance(u.transpose() * u, Matrix::Identity(r, r)), 1e-9);
  for_each_mixture([&](const Mixture& mix) {
    const MixtureView view(system_, mix.nodes);
    for (Index k = 0; k < mix.weights.size(); ++k) {
      const Share share = mix.nodes.share(k);
      const SpectralSystem at = view.at(k);
      const double tau = std::sqrt(mix.second[k] / mix.weights[k]);
      const Draws draws = affine_draws(at, at.whiten(share), tau);
      Vector mean(c_ + r);
      mean << fixed_effects(mix.nodes, k), u.transpose() * model_.x * coefficients(mix.nodes, k);
      // both as linear forms z'delta + x'beta
      Matrix z = Matrix::Zero(c_ + r, c_), points = Matrix::Zero(c_ + r, model_.x.cols());
      z.topRows(c_).setIdentity();
      points.bottomRows(r) = u.transpose() * model_.x;
      const Matrix covariance =
          tau * tau * model_.latent_covariance(share, precision(mix.nodes, k), points, z);
      EXPECT_LT(distance(draws.mean, mean), kTolerance);
      EXPECT_LT(distance(draws.map * draws.map.transpose(), covariance), kTolerance);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(EveryModel, Mixtures, ::testing::ValuesIn(uncentred_specs(900)),
                         [](const ::testing::TestParamInfo<ModelSpec>& one) {
                           return one.param.name;
                         });

}  // namespace
}  // namespace hdlmm_test
