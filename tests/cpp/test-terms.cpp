// Several random terms: every system is the dense algebra of its V.

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/LU>
#include <gtest/gtest.h>

#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"

#include "reference/terms_case.hpp"
#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Criterion;
using hdlmm::TermsEvaluation;
using hdlmm::TermsLikelihood;
using hdlmm::TermsSystem;

constexpr double kRounding = 1e-10;

struct Setting {
  std::string terms, type;
};

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.terms << setting.type; }

class TermsContract : public ::testing::TestWithParam<Setting> {
 protected:
  TermsContract() : one_(make_terms_case(GetParam().terms)) {
    if (GetParam().type == "some levels" || GetParam().type == "all levels") {
      hdlmm::EliminationOrder order(one_->model, Context(), rule_of(GetParam().type));
      system_ = std::make_unique<hdlmm::BlockedSystem>(one_->model, std::move(order), Context());
      return;
    }
    system_ = hdlmm::make_terms_system(
        one_->model, hdlmm::plan_terms(one_->model, GetParam().type, Context()), Context());
  }

  /// Interior covariances, one zero, one block of rank one, all zero.
  std::vector<Covariances> points() const {
    Random random(5);
    std::vector<Covariances> out;
    for (int at = 0; at < 4; ++at) {
      std::vector<Matrix> relative;
      for (Index k = 0; k < one_->model.size(); ++k) {
        const Index r = one_->model.shape(k).width;
        const Matrix half = random.normals(r, r);
        Matrix s = 0.3 * half * half.transpose() + 0.1 * Matrix::Identity(r, r);
        if (at == 1 && k == 0) s.setZero();
        if (at == 2 && r > 1) s = half.col(0) * half.col(0).transpose();
        if (at == 3) s.setZero();
        relative.push_back(s);
      }
      out.push_back(Covariances::of(one_->model.shapes, relative));
    }
    return out;
  }

  std::shared_ptr<TermsCase> one_;
  std::unique_ptr<TermsSystem> system_;
};

TEST_P(TermsContract, ValueFixedEffectsAndPredictionsAreThoseOfDenseAlgebra) {
  for (const Covariances& at : points()) {
    const DenseTerms dense = dense_of(*one_, at);
    const Vector& y = one_->model.y;
    const double n = static_cast<double>(y.size()), c = 2;
    const double rss = y.dot(dense.p * y);
    const double log_v = std::log(dense.v.determinant());
    const double log_a = -std::log(dense.covariance.determinant());
    for (const bool is_reml : {false, true}) {
      const TermsLikelihood likelihood(*system_, is_reml ? Criterion::reml : Criterion::ml);
      const TermsEvaluation e = likelihood.evaluate(at, true, Context());
      const double count = n - (is_reml ? c : 0);
      const double value =
          -0.5 * (count * (std::log(2 * std::acos(-1.0)) + 1 + std::log(rss / count)) + log_v +
                  (is_reml ? log_a : 0));
      EXPECT_NEAR(e.value, value, 1e-10 * std::abs(value));
      EXPECT_LT(distance(e.fixed.covariance, dense.covariance), kRounding);
      EXPECT_LT(distance(e.projected, dense.p * y), kRounding);
      for (Index k = 0; k < at.size(); ++k) {
        const Vector beta = prior_of(*one_, k, at.relative(k)) *
                            one_->x[static_cast<std::size_t>(k)].transpose() * dense.p * y;
        EXPECT_NEAR((e.effects[static_cast<std::size_t>(k)] - beta).norm(), 0, 1e-11);
      }
    }
  }
}

TEST_P(TermsContract, GradientAndInformationAreThoseOfTheirDefinitions) {
  const std::vector<Matrix> v = derivatives_of(*one_);
  for (const Covariances& at : points()) {
    const DenseTerms dense = dense_of(*one_, at);
    const Vector py = dense.p * one_->model.y;
    for (const bool is_reml : {false, true}) {
      const TermsLikelihood likelihood(*system_, is_reml ? Criterion::reml : Criterion::ml);
      const TermsEvaluation e = likelihood.evaluate(at, true, Context());
      const Matrix& weight = is_reml ? dense.p : dense.inverse;
      std::size_t i = 0;
      for (Index k = 0; k < at.size(); ++k) {
        const Matrix& g = e.gradient[static_cast<std::size_t>(k)];
        for (const auto [row, col] : hdlmm::triangle_cells(at.shape(k).width)) {
          const double slope = (weight.cwiseProduct(v[i])).sum() - py.dot(v[i] * py) / e.sigma2;
          const double found = row == col ? g(row, col) : g(row, col) + g(col, row);
          EXPECT_NEAR(found, slope, 1e-9 * (1 + std::abs(slope)));
          ++i;
        }
      }
      Matrix information(v.size(), v.size());
      for (std::size_t a = 0; a < v.size(); ++a) {
        for (std::size_t b = 0; b < v.size(); ++b) {
          information(static_cast<Index>(a), static_cast<Index>(b)) =
              (v[a] * py).dot(dense.p * v[b] * py) / (2 * std::pow(e.sigma2, 3));
        }
      }
      EXPECT_LT(distance(e.information, information), 1e-9);
    }
  }
}

TEST_P(TermsContract, EulersIdentityHolds) {
  for (const Covariances& at : points()) {
    const DenseTerms dense = dense_of(*one_, at);
    const TermsEvaluation e =
        TermsLikelihood(*system_, Criterion::reml).evaluate(at, true, Context());
    double sum = dense.p.trace() - (dense.p * one_->model.y).squaredNorm() / e.sigma2;
    for (Index k = 0; k < at.size(); ++k) {
      sum += e.gradient[static_cast<std::size_t>(k)].cwiseProduct(at.relative(k)).sum();
    }
    EXPECT_NEAR(sum, 0, 1e-9);
  }
}

TEST_P(TermsContract, ErrorsOfEffectsAndLeveragesAreThoseOfDenseAlgebra) {
  for (const Covariances& at : points()) {
    const DenseTerms dense = dense_of(*one_, at);
    const auto factor = system_->factor(at, Context());
    const Matrix covariance = hdlmm::fixed_of(factor->data_gram()).covariance;
    EXPECT_LT(distance(hdlmm::projection_diagonal(*factor, one_->model.q, covariance),
                       dense.p.diagonal()),
              kRounding);
    Random random(3);
    const Matrix b = random.normals(one_->model.y.size(), 3);
    EXPECT_LT(distance(factor->solve(b), dense.inverse * b), kRounding);
    for (Index k = 0; k < at.size(); ++k) {
      const Matrix& x = one_->x[static_cast<std::size_t>(k)];
      const Matrix prior = prior_of(*one_, k, at.relative(k));
      const Matrix errors = prior - prior * x.transpose() * dense.p * x * prior;
      const Matrix found = hdlmm::level_errors(*factor, at, k, covariance);
      const Index r = at.shape(k).width;
      for (Index j = 0; j < at.shape(k).levels; ++j) {
        EXPECT_NEAR((found.middleCols(j * r, r) - errors.block(j * r, j * r, r, r)).norm(), 0,
                    1e-11);
      }
    }
  }
}

/// Rows that take the cells of each term from another row.
TEST_P(TermsContract, VariancesOfNewRowsAreThoseOfDenseAlgebra) {
  const Index n = one_->model.y.size(), terms = one_->model.size();
  Random random(4);
  const Matrix z = random.normals(n, 2);
  for (const Covariances& at : points()) {
    const auto factor = system_->factor(at, Context());
    const DenseTerms dense = dense_of(*one_, at);
    std::vector<hdlmm::RowCells> rows;
    Matrix with_y = Matrix::Zero(n, n), own = Matrix::Zero(n, n);
    for (Index k = 0; k < terms; ++k) {
      hdlmm::RowCells cells;
      cells.start.assign(static_cast<std::size_t>(n) + 1, 0);
      Matrix x = one_->x[static_cast<std::size_t>(k)];
      const bool is_sparse = one_->model.design(k).has_row_cells();
      for (Index i = 0; i < n; ++i) {
        const Index from = (i * (k + 1) + 3 * k) % n;
        x.row(i) = is_sparse ? Matrix(one_->x[static_cast<std::size_t>(k)].row(from))
                             : Matrix::Zero(1, x.cols());
        for (Index j = 0; j < x.cols(); ++j) {
          if (x(i, j) == 0) continue;
          cells.column.push_back(j);
          cells.value.push_back(x(i, j));
        }
        cells.start[static_cast<std::size_t>(i) + 1] = static_cast<Index>(cells.column.size());
      }
      rows.push_back(cells);
      const Matrix prior = prior_of(*one_, k, at.relative(k));
      with_y += x * prior * one_->x[static_cast<std::size_t>(k)].transpose();
      own += x * prior * x.transpose();
    }
    const Vector found = hdlmm::prediction_variances(*factor, rows, z, dense.covariance);
    if (found.size() == 0) {
      EXPECT_NE(GetParam().type, "blocked");
      continue;
    }
    const Matrix rest = z - with_y * dense.inverse * one_->model.q;
    const Matrix expected = own - with_y * dense.inverse * with_y.transpose() +
                            rest * dense.covariance * rest.transpose();
    EXPECT_LT(distance(found, expected.diagonal()), kRounding);
  }
}

TEST_P(TermsContract, InformationAtZeroIsThatOfItsDefinition) {
  const std::vector<Matrix> v = derivatives_of(*one_);
  const Index n = one_->model.y.size();
  const Matrix p = Matrix::Identity(n, n) - one_->model.q * one_->model.q.transpose();
  Matrix expected(v.size(), v.size());
  for (std::size_t a = 0; a < v.size(); ++a) {
    for (std::size_t b = 0; b < v.size(); ++b) {
      expected(static_cast<Index>(a), static_cast<Index>(b)) = (p * v[a] * p * v[b]).trace();
    }
  }
  EXPECT_LT(distance(system_->null_information(), expected), kRounding);
}

TEST_P(TermsContract, ResultsDoNotDependOnThreads) {
  const Covariances at = points()[0];
  const TermsLikelihood likelihood(*system_, Criterion::reml);
  const TermsEvaluation one = likelihood.evaluate(at, true, Context());
  for (const int threads : {2, 4}) {
    Context context;
    context.n_threads = threads;
    const TermsEvaluation other = likelihood.evaluate(at, true, context);
    EXPECT_EQ(one.value, other.value);
    EXPECT_EQ(one.information, other.information);
  }
}

TEST_P(TermsContract, NoDirectionWithinTheConeLeadsUpFromWhatTheSearchFinds) {
  for (const Criterion criterion : {Criterion::reml, Criterion::ml}) {
    const TermsLikelihood likelihood(*system_, criterion);
    const hdlmm::TermsMode mode = hdlmm::search_terms(likelihood, {}, {}, Context());
    EXPECT_EQ(name(mode.status), "converged");
    Random random(9);
    for (int turn = 0; turn < 40; ++turn) {
      std::vector<Matrix> relative;
      for (Index k = 0; k < mode.at.size(); ++k) {
        const Index r = mode.at.shape(k).width;
        const Matrix half = 0.05 * random.normals(r, r);
        // towards a random covariance, which the cone allows from wherever it is
        relative.push_back(0.97 * mode.at.relative(k) + 0.03 * half * half.transpose());
      }
      const Covariances near = Covariances::of(one_->model.shapes, relative);
      EXPECT_LE(likelihood.evaluate(near, false, Context()).value, mode.evaluation.value + 1e-9);
    }
  }
}

std::vector<Setting> settings() {
  std::vector<Setting> out;
  for (const char* terms :
       {"s", "f", "sf", "fs", "sfc", "cf", "cc", "ff", "n", "d", "nf", "fd", "nc"}) {
    out.push_back({terms, "blocked"});
    out.push_back({terms, "row"});
  }
  for (const char* terms : {"ff", "fff", "ffs", "ss", "m", "mf", "ms", "nff"}) {
    out.push_back({terms, "some levels"});
    out.push_back({terms, "all levels"});
  }
  for (const char* terms : {"k", "kf", "ks", "kw", "sw", "l", "lf"}) out.push_back({terms, "row"});
  for (const char* terms : {"k", "kf", "ks", "kc", "l", "lsf", "lk"}) {
    out.push_back({terms, "blocked"});
  }
  for (const char* terms : {"k", "kf", "ks", "sw", "fsw", "sfc", "cf"}) {
    out.push_back({terms, "absorbed"});
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(All, TermsContract, ::testing::ValuesIn(settings()));

}  // namespace
}  // namespace hdlmm_test
