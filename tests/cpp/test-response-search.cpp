// The shared search over many responses, and that over responses which lack rows, against dense
// factors of each response alone.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/inference/search/response_search.hpp"
#include "hdlmm/marginal/spectral_system.hpp"

#include "reference/cholesky_system.hpp"
#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Criterion;
using hdlmm::DeletedResponses;
using hdlmm::Evaluation;
using hdlmm::ProfiledLikelihood;
using hdlmm::ResponseFit;
using hdlmm::RotatedResponses;
using hdlmm::SearchOptions;
using hdlmm::SpectralSystem;

constexpr Index kResponses = 7;

std::vector<ModelSpec> searched_specs() {
  using D = DesignKind;
  using F = FixedKind;
  return weighted_too({{"Wide", D::dense, F::constant, 24, 60, 2},
                       {"WideNoFixed", D::dense, F::generic, 20, 40, 0},
                       {"Tall", D::dense, F::generic, 30, 8, 3},
                       {"LowRank", D::dense, F::contains_null, 24, 40, 3, 9},
                       {"Grouped", D::grouped, F::constant, 30, 6, 2},
                       {"Kernel", D::kernel, F::generic, 24, 30, 2}},
                      700);
}

/// Responses with less and less of the random term in them, [n x m].
Matrix mixed_responses(const Model& model, std::uint64_t seed) {
  Random random(seed);
  Matrix out(model.y.size(), kResponses);
  for (Index k = 0; k < kResponses; ++k) {
    const double part = 1 - static_cast<double>(k) / (kResponses - 1);
    out.col(k) =
        part * (model.x * random.normals(model.x.cols())) + 2 * random.normals(model.y.size());
  }
  return out;
}

/// The marginal model of some of the rows by dense factors; Q is made orthonormal in them.
struct Alone {
  std::unique_ptr<CholeskySystem> system;
  double log_det_basis = 0;  ///< log|Q_-'Q_-| of the rows that are kept

  Alone(const Model& model, const Vector& y, const std::vector<Index>& missing) {
    std::vector<Index> kept;
    for (Index i = 0; i < y.size(); ++i) {
      if (std::find(missing.begin(), missing.end(), i) == missing.end()) kept.push_back(i);
    }
    const Index n = static_cast<Index>(kept.size()), c = model.q.cols();
    Matrix k(n, n), q(n, c);
    Vector own(n);
    for (Index i = 0; i < n; ++i) {
      const Index row = kept[static_cast<std::size_t>(i)];
      own[i] = y[row];
      q.row(i) = model.q.row(row);
      for (Index j = 0; j < n; ++j) k(i, j) = model.k(row, kept[static_cast<std::size_t>(j)]);
    }
    const Matrix basis = c > 0 ? orthonormal_basis(q) : q;
    // Q_- = B (B'Q_-), of which the determinant is that of a product of both
    if (c > 0) log_det_basis = 2 * log_abs_det(basis.transpose() * q);
    system = std::make_unique<CholeskySystem>(
        k, basis, own, model.kappa, SpectrumBounds{1e-3 * model.kappa, 1e3 * model.kappa, n});
  }

  static double log_abs_det(Matrix a) {
    double out = 0;
    for (Index j = 0; j < a.cols(); ++j) {
      Index pivot = j;
      for (Index i = j; i < a.rows(); ++i) {
        if (std::abs(a(i, j)) > std::abs(a(pivot, j))) pivot = i;
      }
      a.row(j).swap(a.row(pivot));
      out += std::log(std::abs(a(j, j)));
      for (Index i = j + 1; i < a.rows(); ++i) a.row(i) -= a(i, j) / a(j, j) * a.row(j);
    }
    return out;
  }
};

/// The fit is where no point of a fine grid is higher, with the numbers of the dense model there.
void expect_maximum(const ResponseFit& fit, const Alone& alone, Criterion criterion) {
  const ProfiledLikelihood likelihood(*alone.system, criterion);
  // log_det_restricted of a basis that is not orthonormal in the kept rows
  const double offset = criterion == Criterion::reml ? -0.5 * alone.log_det_basis : 0;
  const double value = fit.best.point.value - offset;
  double highest = -INFINITY;
  for (double phi = -14; phi <= 14; phi += 0.1) {
    highest = std::max(highest, likelihood.at(phi).value);
  }
  EXPECT_GE(value, highest - 1e-9);  // rounding of n terms of about one
  const Share share = fit.best.point.share;
  const Evaluation dense = alone.system->evaluate(share);
  EXPECT_LT(distance(fit.at_best.rss, dense.rss), 1e-9);
  EXPECT_NEAR(fit.at_best.log_det_restricted, dense.log_det_restricted + alone.log_det_basis, 1e-9);
  EXPECT_LT(distance(fit.at_best.quad_k, dense.quad_k), 1e-8);
  EXPECT_LT(distance(fit.at_best.tr_pk, dense.tr_pk), 1e-8);
  EXPECT_LT(distance(fit.at_best.tr_vk, dense.tr_vk), 1e-8);
  if (share.h > 0) {
    const double phi = fit.best.point.phi;
    EXPECT_NEAR(value, likelihood.at(phi).value, 1e-9);
    // a step of 1e-3 on either side is lower, by its curvature
    EXPECT_GE(value, likelihood.at(phi + 1e-3).value);
    EXPECT_GE(value, likelihood.at(phi - 1e-3).value);
  } else {
    EXPECT_NEAR(value, fit.value_at_zero - offset, 1e-10);
  }
}

SearchOptions with_limits() {
  SearchOptions out;
  out.fall = 1.5;
  return out;
}

/// Outside of the limits the dense model is lower by more than what was asked for, at them by that.
Index expect_limits(const ResponseFit& fit, const Alone& alone, Criterion criterion) {
  if (std::isnan(fit.limits.lower) || std::isnan(fit.limits.upper)) return 0;
  const ProfiledLikelihood likelihood(*alone.system, criterion);
  const auto fall = [&](const Share& share) {
    return likelihood.at_share(fit.best.point.share).value - likelihood.at_share(share).value;
  };
  Index found = 0;
  for (const double h : {fit.limits.lower, fit.limits.upper}) {
    if (h == 0 || h == 1) continue;
    EXPECT_NEAR(fall({h, 1 - h}), 1.5, 1e-6);  // the root stops at 1e-9 of a share's logarithm
    ++found;
  }
  for (double h = 0; h < 1; h += 0.01) {
    if (h < fit.limits.lower || h > fit.limits.upper) {
      EXPECT_GT(fall({h, 1 - h}), 1.5 - 1e-6);
    }
  }
  return found;
}

class ResponseSearch : public ::testing::TestWithParam<ModelSpec> {};

TEST_P(ResponseSearch, FindsTheMaximumOfEveryResponse) {
  const Model model(GetParam());
  const SpectralSystem& system = model.spectral_system();
  const Matrix y = mixed_responses(model, 11);
  const RotatedResponses rotated = rotate_responses(model.frame(), system.parts(), y);
  Index plain = 0, limits = 0;  // others, of limits or of several modes, are fitted by themselves
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const auto fits = search_responses(system, rotated, criterion, with_limits(), Context());
    for (Index k = 0; k < kResponses; ++k) {
      const ResponseFit& fit = fits[static_cast<std::size_t>(k)];
      if (!fit.is_plain) continue;
      ++plain;
      SCOPED_TRACE("response " + std::to_string(k));
      const Alone alone(model, y.col(k), {});
      expect_maximum(fit, alone, criterion);
      limits += expect_limits(fit, alone, criterion);
      EXPECT_LT(distance(fit.at_best.covariance.diagonal().sum(),
                         alone.system->evaluate(fit.best.point.share).covariance.trace()),
                1e-8);
    }
  }
  EXPECT_GE(plain, 4);
  EXPECT_GE(limits, 4);
}

TEST_P(ResponseSearch, LeavesRowsOut) {
  const Model model(GetParam());
  const SpectralSystem& system = model.spectral_system();
  const Index n = model.y.size();
  Matrix y = mixed_responses(model, 12);
  std::vector<std::vector<Index>> missing;
  for (Index k = 0; k < kResponses; ++k) {
    missing.emplace_back();
    for (Index j = 0; j < k; ++j) missing.back().push_back(1 + 2 * j + k % 3);
    // what stands in these cells is of no account
    for (const Index row : missing.back()) y(row, k) = 100;
  }
  ASSERT_LT(missing.back().back(), n);
  const Matrix vectors =
      model.frame().unrotate(Matrix::Identity(system.parts().rank(), system.parts().rank()));
  const RotatedResponses rotated = rotate_responses(model.frame(), system.parts(), y);
  const DeletedResponses deleted{rotated, y, vectors, model.q, missing};
  Index plain = 0, limits = 0;
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const auto fits = search_deleted(system, deleted, criterion, with_limits(), Context());
    for (Index k = 0; k < kResponses; ++k) {
      const ResponseFit& fit = fits[static_cast<std::size_t>(k)];
      if (!fit.is_plain) continue;
      ++plain;
      SCOPED_TRACE("response " + std::to_string(k));
      const std::vector<Index>& rows = missing[static_cast<std::size_t>(k)];
      const Alone alone(model, y.col(k), rows);
      expect_maximum(fit, alone, criterion);
      limits += expect_limits(fit, alone, criterion);
    }
  }
  EXPECT_GE(plain, 4);
  EXPECT_GE(limits, 2);  // of the others one end lies next to 1 or beyond
}

TEST_P(ResponseSearch, HasTheSameBitsForAnyNumberOfThreads) {
  const Model model(GetParam());
  const SpectralSystem& system = model.spectral_system();
  const Matrix y = mixed_responses(model, 13);
  const RotatedResponses rotated = rotate_responses(model.frame(), system.parts(), y);
  const auto run = [&](int threads) {
    return search_responses(system, rotated, Criterion::reml, SearchOptions(),
                            context_with(hdlmm::KernelLevel::portable, threads));
  };
  const auto one = run(1), three = run(3);
  for (std::size_t k = 0; k < one.size(); ++k) {
    EXPECT_EQ(one[k].is_plain, three[k].is_plain);
    EXPECT_EQ(one[k].best.point.value, three[k].best.point.value);
    EXPECT_EQ(one[k].best.point.share.h, three[k].best.point.share.h);
  }
}

INSTANTIATE_TEST_SUITE_P(Specs, ResponseSearch, ::testing::ValuesIn(searched_specs()),
                         [](const ::testing::TestParamInfo<ModelSpec>& info) {
                           return info.param.name;
                         });

}  // namespace
}  // namespace hdlmm_test
