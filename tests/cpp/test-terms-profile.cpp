// Profiles of several random terms: along the path of every kind of parameter the slope is that of
// the loss, what is held keeps its value, and the rest is at a maximum.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/terms/terms_profile.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::AskedParameter;
using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::HeldKind;
using hdlmm::ProfileMaximum;
using hdlmm::ProfilePath;
using hdlmm::ProfileStart;
using hdlmm::TermsLikelihood;

/// y ~ z + (1 + x | a) + (1 | b), with coefficients turned inside as the designs of R are.
struct Example {
  hdlmm::TermsModel model;
  std::vector<Matrix> moments;
};

Example make_example() {
  Random random(5);
  const Index n = 120;
  std::vector<Index> a, b;
  for (Index i = 0; i < n; ++i) {
    a.push_back(i % 12);
    b.push_back(random.below(9));
  }
  Matrix z(n, 2), values(n, 2);
  z << Vector::Ones(n), random.normals(n);
  values << Vector::Ones(n), random.normals(n);
  const Matrix own = random.normals(12, 2), other = random.normals(9);
  Vector y = random.normals(n);
  for (Index i = 0; i < n; ++i) {
    y[i] += values(i, 0) * own(a[i], 0) + 0.7 * values(i, 1) * (own(a[i], 1) + own(a[i], 0)) +
            0.8 * other(b[i], 0);
  }
  Example out;
  Matrix turn = Matrix::Identity(2, 2);
  turn(0, 1) = -0.4;
  turn(1, 1) = 1.5;
  const Matrix turned = values * turn;
  out.model.designs = {std::make_shared<hdlmm::LevelOperator>(a, 12, turned, Vector()),
                       std::make_shared<hdlmm::GroupedOperator>(b, 9, Vector())};
  out.model.shapes = {{12, 2}, {9, 1}};
  out.model.turns = {turn, Matrix::Identity(1, 1)};
  out.model.q = orthonormal_basis(z);
  out.model.y = y - out.model.q * (out.model.q.transpose() * y);
  out.moments = {turned.transpose() * turned / static_cast<double>(n), Matrix::Identity(1, 1)};
  return out;
}

AskedParameter asked_for(HeldKind kind, Index term, Index row, Index col) {
  AskedParameter out;
  out.kind = kind;
  out.term = term;
  out.row = row;
  out.col = col;
  if (kind == HeldKind::contrast) out.contrast = Vector::Unit(2, 1) + 0.3 * Vector::Unit(2, 0);
  return out;
}

std::vector<AskedParameter> all_asked() {
  return {asked_for(HeldKind::variance, 0, 1, 1),   asked_for(HeldKind::variance, 1, 0, 0),
          asked_for(HeldKind::covariance, 0, 1, 0), asked_for(HeldKind::correlation, 0, 1, 0),
          asked_for(HeldKind::residual, -1, 0, 0),  asked_for(HeldKind::share, 0, 0, 0),
          asked_for(HeldKind::share, 1, 0, 0),      asked_for(HeldKind::share, -1, 0, 0),
          asked_for(HeldKind::contrast, -1, 0, 0)};
}

class TermsProfilePath : public ::testing::Test {
 protected:
  TermsProfilePath()
      : example_(make_example()),
        system_(hdlmm::make_terms_system(
            example_.model, hdlmm::plan_terms(example_.model, "blocked", Context()), Context())),
        likelihood_(*system_, Criterion::ml),
        mode_(hdlmm::search_terms(likelihood_, {}, hdlmm::TermsOptions(), Context())) {}

  ProfileStart start() const { return {mode_.at, mode_.evaluation.sigma2, mode_.evaluation}; }
  ProfilePath path(const AskedParameter& asked) const {
    return ProfilePath(likelihood_, start(), asked, example_.moments, context_);
  }

  Example example_;
  std::unique_ptr<hdlmm::TermsSystem> system_;
  TermsLikelihood likelihood_;
  hdlmm::TermsMode mode_;
  Context context_;
};

TEST_F(TermsProfilePath, TheSlopeIsThatOfTheLossAndTheRestIsAtAMaximum) {
  for (const AskedParameter& asked : all_asked()) {
    const ProfilePath one = path(asked);
    const double unit = std::sqrt(2 / one.curvature());  // a root of one
    for (const double way : {-0.7, 0.4, 1.5}) {
      const double u = one.start().at.u + way * unit;
      const ProfileMaximum here = one.move(one.start(), u);
      const ProfileMaximum next = one.move(here, u + 0.01 * unit);
      const ProfileMaximum last = one.move(here, u - 0.01 * unit);
      ASSERT_TRUE(here.is_finite);
      EXPECT_DOUBLE_EQ(here.at.u, u);
      const double slope = (next.loss - last.loss) / (0.02 * unit);
      // a promise of 1e-6 that is left is 1e-3 of a unit
      EXPECT_NEAR(here.slope * unit, slope * unit, 2e-3 * (1 + std::abs(slope * unit)))
          << "kind " << static_cast<int>(asked.kind) << " at " << way;
      EXPECT_LT(one.held().reduced(here.at, here.model).gradient.norm(), 0.05);
      EXPECT_GT(here.loss, 0);
      // a neighbour's maximum, moved along, and one or two steps
      EXPECT_LE(next.evaluations, 3);
    }
  }
}

TEST_F(TermsProfilePath, CurvatureAtTheEstimateIsThatOfTheLossUpToTheInformation) {
  for (const AskedParameter& asked : all_asked()) {
    const ProfilePath one = path(asked);
    const double unit = std::sqrt(2 / one.curvature());
    const double loss = one.move(one.start(), one.start().at.u + 0.05 * unit).loss +
                        one.move(one.start(), one.start().at.u - 0.05 * unit).loss;
    // the average information is off by what the data happen to be
    EXPECT_NEAR(loss / (2 * 0.05 * 0.05), 1, 0.5) << static_cast<int>(asked.kind);
  }
}

TEST_F(TermsProfilePath, TheParameterHasTheValueThatIsHeld) {
  for (const AskedParameter& asked : all_asked()) {
    if (asked.kind == HeldKind::contrast) continue;
    const ProfilePath one = path(asked);
    const double unit = std::sqrt(2 / one.curvature());
    const ProfileMaximum far = one.move(one.start(), one.start().at.u + unit);
    const Index m = far.at.x.size() - 1;
    const hdlmm::Covariances inside =
        far.at.units.from_units(hdlmm::Covariances(far.at.units.shapes(), far.at.x.head(m)));
    const Matrix turn = example_.model.turns[0];
    const Matrix sigma = turn * inside.relative(0) * turn.transpose();
    const double size = example_.moments[0].cwiseProduct(inside.relative(0)).sum();
    const double noise = std::exp(far.at.x[m]), other = inside.relative(1)(0, 0);
    double value = 0;
    switch (asked.kind) {
      case HeldKind::variance:
        value = asked.term == 0 ? sigma(1, 1) : other;
        break;
      case HeldKind::covariance:
        value = sigma(1, 0);
        break;
      case HeldKind::correlation:
        value = sigma(1, 0) / std::sqrt(sigma(0, 0) * sigma(1, 1));
        break;
      case HeldKind::residual:
        value = noise;
        break;
      default: {
        const double own = asked.term < 0 ? size + other : asked.term == 0 ? size : other;
        value = own / (size + other + noise);
      }
    }
    EXPECT_NEAR(one.held().value(far.at), value, 1e-10 * (1 + std::abs(value)));
  }
}

TEST_F(TermsProfilePath, LimitsAreWhereTheCurveHasTheHeight) {
  for (const AskedParameter& asked : all_asked()) {
    const ProfilePath one = path(asked);
    const hdlmm::TermsLimits limits = hdlmm::profile_limits(one, 1.5);
    const hdlmm::TermsCurve curve = hdlmm::profile_curve(one, 1.5, 0.4);
    ASSERT_GT(curve.value.size(), 5U);
    for (std::size_t i = 1; i < curve.value.size(); ++i) {
      EXPECT_GT(curve.value[i], curve.value[i - 1]);
      EXPECT_GT(curve.root[i], curve.root[i - 1]);
    }
    for (std::size_t i = 0; i < curve.value.size(); ++i) {
      const bool is_inside = curve.value[i] > limits.lower && curve.value[i] < limits.upper;
      if (std::abs(std::abs(curve.root[i]) - 1.5) < 1e-5) continue;
      EXPECT_EQ(is_inside, std::abs(curve.root[i]) < 1.5) << curve.value[i];
    }
  }
}

}  // namespace
}  // namespace hdlmm_test
