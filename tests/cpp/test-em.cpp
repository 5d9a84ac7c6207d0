// EM and PX-EM against the textbook written out in dense matrices, step by step; monotone traces;
// limits against the direct search.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/expectation_maximisation.hpp"
#include "hdlmm/inference/global_search.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::DensityKind;
using hdlmm::EmKind;
using hdlmm::EmModel;
using hdlmm::EmOptions;
using hdlmm::EmPoint;
using hdlmm::EmResult;
using hdlmm::EmState;
using hdlmm::EmStatus;
using hdlmm::EmStep;
using hdlmm::MarginalEm;
using hdlmm::ProfiledLikelihood;
using hdlmm::RestrictedEm;
using hdlmm::SpectralSystem;
using hdlmm::VariancePrior;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

const SpectralSystem& spectral(const Model& model) {
  return dynamic_cast<const SpectralSystem&>(model.spectral());
}

/// Columns a [n x q] of independent effects with a a' = K: those of X, or, under a prior
/// correlation, as many as the rank of K, along its eigenvectors.
Matrix independent_columns(const Model& model) {
  if (model.s.isIdentity(0)) return model.x;
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(model.k);
  const Vector d = eigen.eigenvalues().tail(model.rank);
  return eigen.eigenvectors().rightCols(model.rank) * d.cwiseSqrt().asDiagonal();
}

/// Columns less their weighted means, as the operator of a centred design has them.
Matrix centred_columns(const Model& model) {
  const Vector o = model.root.size() > 0 ? model.root : Vector(Vector::Ones(model.y.size()));
  return model.x - o * (o.transpose() * model.x) / o.squaredNorm();
}

struct Textbook {
  Matrix a;  ///< [n x p], columns of independent effects
  Matrix q;
  Vector y;

  double log_likelihood(const EmState& state) const {
    const Matrix v = covariance(state);
    const Vector fixed = q.cols() > 0 ? Vector(q * state.delta) : Vector(Vector::Zero(y.size()));
    return log_density(y - fixed, v);
  }

  double restricted_log_likelihood(const EmState& state) const {
    const Matrix complement = orthogonal_complement(q);
    return log_density(complement.transpose() * y,
                       complement.transpose() * covariance(state) * complement);
  }

  Matrix covariance(const EmState& state) const {
    Matrix v = state.random * a * a.transpose();
    v.diagonal().array() += state.residual;
    return v;
  }

  /// Dempster, Laird & Rubin (1977) with beta missing; with `expand`, y = Q delta + alpha a beta +
  /// e.
  EmState ml_step(const EmState& state, bool expand) const {
    const Index n = y.size(), p = a.cols(), c = q.cols();
    Matrix precision = a.transpose() * a / state.residual;
    precision.diagonal().array() += 1 / state.random;
    const Matrix gamma = precision.inverse();
    Vector centred = y;
    if (c > 0) centred -= q * state.delta;
    const Vector mu = gamma * (a.transpose() * centred) / state.residual;
    const Vector fitted = a * mu;
    EmState next;
    next.delta = q.transpose() * (y - fitted);
    Vector rest = y;
    if (c > 0) rest -= q * next.delta;
    const double spread = (a * gamma * a.transpose()).trace();
    const double alpha = expand ? fitted.dot(rest) / (fitted.squaredNorm() + spread) : 1;
    next.random = alpha * alpha * (mu.squaredNorm() + gamma.trace()) / static_cast<double>(p);
    next.residual =
        ((rest - alpha * fitted).squaredNorm() + alpha * alpha * spread) / static_cast<double>(n);
    return next;
  }

  /// With (omega, beta) missing and omega under a flat prior: their joint posterior, written out.
  EmState reml_step(const EmState& state, bool expand) const {
    const Index n = y.size(), p = a.cols(), c = q.cols();
    Matrix w(n, c + p);
    w << q, a;
    Matrix precision = w.transpose() * w / state.residual;
    precision.diagonal().tail(p).array() += 1 / state.random;
    const Matrix cov = precision.inverse();
    const Vector mean = cov * (w.transpose() * y) / state.residual;
    const Vector g = a * mean.tail(p), e = y - w * mean;
    const Matrix to_g = a * cov.bottomRows(p);  // covariance of g with (omega, beta)
    const double gg = g.squaredNorm() + (to_g.rightCols(p) * a.transpose()).trace();
    const double ge = g.dot(e) - (to_g * w.transpose()).trace();
    const double ee = e.squaredNorm() + (w * cov * w.transpose()).trace();
    const double alpha = expand ? 1 + ge / gg : 1, more = alpha - 1;
    EmState next = state;
    next.random = alpha * alpha *
                  (mean.tail(p).squaredNorm() + cov.bottomRightCorner(p, p).trace()) /
                  static_cast<double>(p);
    next.residual = (ee - 2 * more * ge + more * more * gg) / static_cast<double>(n);
    return next;
  }
};

/// Twelve models that differ in what is special about them.
std::vector<ModelSpec> specs() {
  using D = DesignKind;
  using F = FixedKind;
  return {
      {"wide", D::dense, F::generic, 12, 30, 3, -1, false, 3},
      {"tall", D::dense, F::constant, 30, 6, 2, -1, false, 4},
      {"tall_weighted", D::dense, F::constant, 25, 5, 2, -1, true, 5},
      {"one_column", D::dense, F::generic, 14, 1, 2, -1, false, 6},
      {"square", D::dense, F::generic, 10, 10, 2, -1, false, 7},
      {"no_fixed_wide", D::dense, F::generic, 10, 20, 0, -1, false, 8},
      {"no_fixed_tall", D::dense, F::generic, 20, 4, 0, -1, false, 9},
      {"centred_wide", D::centred, F::constant, 12, 30, 3, -1, false, 10},
      {"centred_tall", D::centred, F::constant, 25, 5, 2, -1, false, 11},
      {"centred_wide_weighted", D::centred, F::constant, 12, 20, 1, -1, true, 12},
      {"centred_tall_weighted", D::centred, F::constant, 20, 4, 3, -1, true, 13},
      {"centred_low_rank", D::centred, F::constant, 15, 12, 2, 4, false, 14},
      {"low_rank", D::dense, F::generic, 15, 25, 2, 5, false, 15},
      {"null_in_fixed", D::dense, F::spans_null, 14, 30, 4, 11, false, 16},
      {"contains_null", D::dense, F::contains_null, 16, 8, 3, 6, true, 17},
      {"avoids_null", D::dense, F::avoids_null, 16, 9, 2, 6, false, 18},
      {"grouped", D::grouped, F::constant, 24, 6, 2, -1, false, 19},
      {"grouped_weighted", D::grouped, F::generic, 24, 8, 1, -1, true, 20},
      {"kernel", D::kernel, F::constant, 20, 12, 2, -1, false, 21},
      {"kernel_not_covered", D::kernel, F::generic, 10, 15, 2, -1, true, 22},
      {"kernel_singular", D::kernel, F::generic, 20, 12, 2, 5, false, 23},
  };
}

double n_effects(const ModelSpec& spec, const Model& model) {
  return static_cast<double>(spec.design == DesignKind::kernel ? model.rank : spec.p);
}

EmModel em_model(const ModelSpec& spec, const Model& model, Criterion criterion, EmKind kind) {
  EmModel out;
  out.criterion = criterion;
  out.kind = kind;
  out.n_effects = n_effects(spec, model);
  return out;
}

EmStep advance(const SpectralSystem& system, const EmModel& model, const EmState& state) {
  if (model.criterion == Criterion::ml) return MarginalEm(system, model).advance(state);
  return RestrictedEm(system, model).advance(state);
}

void expect_near(const EmState& a, const EmState& b, double bound) {
  EXPECT_LT(distance(a.random, b.random), bound);
  EXPECT_LT(distance(a.residual, b.residual), bound);
  EXPECT_LT(distance(a.delta, b.delta), bound);
}

class EmContract : public ::testing::TestWithParam<ModelSpec> {
 protected:
  /// Follow both for some steps; the exact objective of the textbook's state at each.
  void follow(Criterion criterion, EmKind kind, const Textbook& textbook) {
    const EmModel rules = em_model(GetParam(), model_, criterion, kind);
    const bool expand = kind == EmKind::pxem;
    const SpectralSystem& system = spectral(model_);
    EmState state = hdlmm::start_em(system);
    for (int i = 0; i < 8; ++i) {
      SCOPED_TRACE(i);
      const EmStep step = advance(system, rules, state);
      const bool is_ml = criterion == Criterion::ml;
      const double value =
          is_ml ? textbook.log_likelihood(state) : textbook.restricted_log_likelihood(state);
      EXPECT_LT(distance(step.value, value), 1e-10);  // dense factors of 30 x 30 matrices
      const EmState next =
          is_ml ? textbook.ml_step(state, expand) : textbook.reml_step(state, expand);
      expect_near(step.next, next, 1e-9);  // the textbook inverts a matrix a step
      state = next;
    }
  }

  Model model_{GetParam()};
};

TEST_P(EmContract, EachStepForMlIsTheTextbooks) {
  const Textbook textbook{independent_columns(model_), model_.q, model_.y};
  follow(Criterion::ml, EmKind::em, textbook);
  follow(Criterion::ml, EmKind::pxem, textbook);
}

TEST_P(EmContract, EachStepForRemlIsTheTextbooks) {
  Textbook textbook{independent_columns(model_), model_.q, model_.y};
  follow(Criterion::reml, EmKind::em, textbook);
  if (GetParam().design == DesignKind::centred) textbook.a = centred_columns(model_);
  follow(Criterion::reml, EmKind::em, textbook);  // EM does not see the means
  follow(Criterion::reml, EmKind::pxem, textbook);
}

INSTANTIATE_TEST_SUITE_P(Models, EmContract, ::testing::ValuesIn(specs()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace hdlmm_test
