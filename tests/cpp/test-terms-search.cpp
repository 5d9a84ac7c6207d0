// Several random terms: the search ends where no direction within the cone of covariances leads up;
// which levels are eliminated.

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/terms/minque.hpp"
#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/inference/terms/trust_region.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"
#include "hdlmm/operator/grouped_operator.hpp"

#include "reference/terms_case.hpp"
#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::TermsLikelihood;

constexpr double kRounding = 1e-10;

/// Levels that are eliminated, and side of what is left.
std::pair<std::size_t, Index> elimination(const std::string& terms,
                                          const hdlmm::EliminationRule& rule = {}) {
  const auto one = make_terms_case(terms);
  const hdlmm::EliminationOrder order(one->model, Context(), rule);
  return {order.levels().size(), order.rest()};
}

TEST(EliminationOrder, LevelsOfNestedTermsLeaveNothing) {
  EXPECT_EQ(elimination("n"), std::make_pair(std::size_t{20}, Index{0}));
  // an inner slope and an outer one of as many columns or more
  EXPECT_EQ(elimination("d"), std::make_pair(std::size_t{27}, Index{0}));
  // crossed factors meet by the levels of each other
  EXPECT_EQ(elimination("ff"), std::make_pair(std::size_t{9}, Index{9}));
  EXPECT_EQ(elimination("nc").first, 0u);
}

TEST(EliminationOrder, SomeLevelsOfATermAreLeftWhereTheyMeetManyOthers) {
  for (const char* terms : {"fff", "ffs", "ss", "m", "mf", "ms", "nff"}) {
    EXPECT_EQ(elimination(terms, rule_of("all levels")).second, 0) << terms;
    const Index left = elimination(terms, rule_of("some levels")).second;
    EXPECT_GT(left, 0) << terms;
    EXPECT_LT(left, elimination(terms).second) << terms;
  }
}

TEST(TermsSearch, ABalancedOneWayLayoutHasItsClosedForm) {
  const Index levels = 7, each = 5, n = levels * each;
  Random random(2);
  std::vector<Index> level;
  for (Index i = 0; i < n; ++i) level.push_back(i / each);
  Vector y = random.normals(n);
  for (Index i = 0; i < n; ++i) y[i] += 2 * std::cos(static_cast<double>(level[i]));
  TermsModel model;
  model.q = Matrix::Constant(n, 1, 1 / std::sqrt(static_cast<double>(n)));
  model.y = y.array() - y.mean();
  model.designs.push_back(std::make_shared<hdlmm::GroupedOperator>(level, levels, Vector()));
  model.shapes.push_back({levels, 1});
  double within = 0, between = 0;
  for (Index j = 0; j < levels; ++j) {
    const double mean = model.y.segment(j * each, each).mean();
    between += each * mean * mean / (levels - 1);
    within += (model.y.segment(j * each, each).array() - mean).square().sum() / (n - levels);
  }
  const auto system =
      hdlmm::make_terms_system(model, hdlmm::plan_terms(model, "auto", Context()), Context());
  const auto mode =
      hdlmm::search_terms(TermsLikelihood(*system, Criterion::reml), {}, {}, Context());
  EXPECT_NEAR(mode.evaluation.sigma2, within, 1e-12 * within);
  EXPECT_NEAR(mode.at.relative(0)(0, 0) * mode.evaluation.sigma2, (between - within) / each,
              1e-12 * between);
}

TEST(TermsSearch, VariancesBeyondTheBoundaryAreZeroExactly) {
  Random random(4);
  TermsModel model;
  std::vector<Index> level;
  for (Index i = 0; i < 30; ++i) level.push_back(i % 10);
  model.q = Matrix::Constant(30, 1, 1 / std::sqrt(30.0));
  Vector y = random.normals(30);
  for (Index j = 0; j < 10; ++j) {
    // levels whose means agree
    const double mean = (y[j] + y[j + 10] + y[j + 20]) / 3;
    for (const Index i : {j, j + 10, j + 20}) y[i] -= mean;
  }
  model.y = y.array() - y.mean();
  model.designs.push_back(std::make_shared<hdlmm::GroupedOperator>(level, 10, Vector()));
  model.shapes.push_back({10, 1});
  const auto system =
      hdlmm::make_terms_system(model, hdlmm::plan_terms(model, "auto", Context()), Context());
  const auto mode =
      hdlmm::search_terms(TermsLikelihood(*system, Criterion::reml), {}, {}, Context());
  EXPECT_EQ(mode.at.relative(0)(0, 0), 0);
  EXPECT_EQ(mode.rank[0], 0);
  EXPECT_EQ(name(mode.status), "converged");
}

TEST(TermsSearch, TermsThatDataCannotTellApartAreNamed) {
  const auto one = make_terms_case("f");
  one->model.designs.push_back(one->model.designs[0]);
  one->model.shapes.push_back(one->model.shapes[0]);
  const auto system = hdlmm::make_terms_system(
      one->model, hdlmm::plan_terms(one->model, "auto", Context()), Context());
  const Vector shares = hdlmm::aliased_parameters(system->null_information());
  ASSERT_EQ(shares.size(), 3);
  EXPECT_NEAR(shares[0], shares[1], 1e-6);
  EXPECT_LT(shares[2], 1e-6);
  const auto fine = make_terms_case("fs");
  const auto other = hdlmm::make_terms_system(
      fine->model, hdlmm::plan_terms(fine->model, "auto", Context()), Context());
  EXPECT_EQ(hdlmm::aliased_parameters(other->null_information()).size(), 0);
}

TEST(TrustRegion, StepsMinimiseTheirModelOverTheBall) {
  Random random(6);
  for (int turn = 0; turn < 200; ++turn) {
    const Index p = 1 + random.below(6);
    hdlmm::QuadraticModel model;
    const Matrix half = random.normals(p, p);
    model.hessian = half + half.transpose();
    model.gradient = random.normals(p);
    const bool is_hard = turn % 4 == 0;
    if (is_hard) model.gradient.setZero();
    const double radius = 0.1 + 3 * random.uniform();
    const Vector step = hdlmm::trust_step(model, radius);
    EXPECT_LE(step.norm(), radius * (1 + 1e-5));
    for (int other = 0; other < 50; ++other) {
      Vector d = random.normals(p);
      d *= radius * std::pow(random.uniform(), 1.0 / static_cast<double>(p)) / d.norm();
      EXPECT_LE(model.change(step), model.change(d) + 1e-4 * (1 + std::abs(model.change(d))));
    }
  }
}

TEST(Covariances, ThetaAndRelativeCovariancesAreEachOther) {
  Random random(8);
  const Matrix half = random.normals(3, 3);
  const Matrix s = half * half.transpose();
  const Covariances at = Covariances::of({{4, 3}, {2, 1}}, {s, Matrix::Constant(1, 1, 0.5)});
  EXPECT_LT(distance(at.relative(0), s), kRounding);
  EXPECT_LT(distance(at.relative(1), Matrix::Constant(1, 1, 0.5)), kRounding);
  const Covariances again({{4, 3}, {2, 1}}, at.theta());
  EXPECT_LT(distance(again.relative(0), s), kRounding);
  // the Jacobian by differences
  const Matrix jacobian = at.jacobian();
  for (Index t = 0; t < at.parameters(); ++t) {
    const double step = 1e-6;
    const Covariances up(at.shapes(), at.theta() + step * Vector::Unit(at.parameters(), t));
    const Vector change = (hdlmm::half_vector(up.relative(0)) - hdlmm::half_vector(s)) / step;
    EXPECT_LT((jacobian.col(t).head(6) - change).norm(), 1e-5);
  }
}

}  // namespace
}  // namespace hdlmm_test
