// Several random terms: every system is the dense algebra of its V, and the search ends where no
// direction within the cone of covariances leads up.

#include <cmath>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/LU>
#include <gtest/gtest.h>

#include "hdlmm/inference/terms/minque.hpp"
#include "hdlmm/inference/terms/terms_search.hpp"
#include "hdlmm/inference/terms/trust_region.hpp"
#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/terms_chooser.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/level_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::Covariances;
using hdlmm::Criterion;
using hdlmm::TermsEvaluation;
using hdlmm::TermsLikelihood;
using hdlmm::TermsModel;
using hdlmm::TermsSystem;

constexpr double kRounding = 1e-10;

/// Levels one by one, whatever is left and gained: all of them, or while they meet few.
hdlmm::EliminationRule rule_of(const std::string& type) {
  hdlmm::EliminationRule out;
  out.scattered = type == "all levels" ? 0 : 8;
  out.smallest_rest = 0;
  out.part = 2;
  return out;
}

/// A model with the matrices that its designs stand for and the memory that they borrow.
struct Case {
  std::string name;
  TermsModel model;
  std::vector<Matrix> x;      ///< X_k [n x q_k]
  std::vector<Matrix> prior;  ///< of kernels, else empty
  std::vector<std::vector<double>> memory;
  std::vector<std::vector<int>> places;
};

std::vector<Index> draw_levels(Index n, Index levels, Random& random) {
  std::vector<Index> out;
  for (Index i = 0; i < n; ++i) out.push_back(i < levels ? i : random.below(levels));
  return out;
}

void add_slopes(Case& one, const std::vector<Index>& level, Index levels, Random& random) {
  const Index n = one.model.y.size();
  Matrix values(n, 2);
  values << Vector::Ones(n), random.normals(n);
  Matrix x = Matrix::Zero(n, 2 * levels);
  for (Index i = 0; i < n; ++i) x.row(i).segment(2 * level[i], 2) = values.row(i);
  one.x.push_back(x);
  one.prior.emplace_back();
  one.model.designs.push_back(
      std::make_shared<hdlmm::LevelOperator>(level, levels, values, Vector()));
  one.model.shapes.push_back({levels, 2});
}

void add_factor(Case& one, const std::vector<Index>& level, Index levels) {
  Matrix x = Matrix::Zero(one.model.y.size(), levels);
  for (Index i = 0; i < x.rows(); ++i) x(i, level[i]) = 1;
  one.x.push_back(x);
  one.prior.emplace_back();
  one.model.designs.push_back(std::make_shared<hdlmm::GroupedOperator>(level, levels, Vector()));
  one.model.shapes.push_back({levels, 1});
}

/// Factors of which each has its levels, two or so, within those of the one before: of `sizes` the
/// first as a factor, or as slopes.
void add_nested(Case& one, const std::vector<Index>& sizes, bool has_slopes, Random& random) {
  const Index n = one.model.y.size();
  std::vector<std::vector<Index>> levels(1, draw_levels(n, sizes[0], random));
  for (std::size_t depth = 1; depth < sizes.size(); ++depth) {
    const Index within = sizes[depth] / sizes[depth - 1];
    std::vector<Index> level;
    for (const Index above : levels.back()) level.push_back(above * within + random.below(within));
    levels.push_back(level);
  }
  for (std::size_t depth = 0; depth < sizes.size(); ++depth) {
    // the middle one last, so that the order of the formula is none of elimination
    const std::size_t at = depth == 0 ? 0 : sizes.size() - depth;
    if (at == 0 && has_slopes) {
      add_slopes(one, levels[at], sizes[at], random);
    } else {
      add_factor(one, levels[at], sizes[at]);
    }
  }
}

/// Two cells a row, of columns that are near to each other.
void add_memberships(Case& one, Index p, Random& random) {
  const Index n = one.model.y.size();
  Matrix x = Matrix::Zero(n, p);
  for (Index i = 0; i < n; ++i) {
    const Index j = i % p;
    x(i, j) = 1 + random.uniform();
    x(i, (j + 1 + random.below(2)) % p) = random.uniform();
  }
  std::vector<int> starts(1, 0), rows;
  std::vector<double> values;
  for (Index j = 0; j < p; ++j) {
    for (Index i = 0; i < n; ++i) {
      if (x(i, j) == 0) continue;
      rows.push_back(static_cast<int>(i));
      values.push_back(x(i, j));
    }
    starts.push_back(static_cast<int>(rows.size()));
  }
  one.places.push_back(starts);
  one.places.push_back(rows);
  one.memory.push_back(values);
  one.x.push_back(x);
  one.prior.emplace_back();
  const hdlmm::StoredSparse stored{one.places[one.places.size() - 2].data(),
                                   one.places.back().data(),
                                   one.memory.back().data(),
                                   n,
                                   p,
                                   p + 1,
                                   static_cast<Index>(values.size())};
  one.model.designs.push_back(
      std::make_shared<hdlmm::SparseOperator>(stored, Vector(), Vector(), Vector()));
  one.model.shapes.push_back({p, 1});
}

void add_columns(Case& one, Index p, Random& random) {
  const Matrix x = random.normals(one.model.y.size(), p);
  one.memory.emplace_back(x.data(), x.data() + x.size());
  hdlmm::StoredMatrix<double> stored;
  stored.cells = one.memory.back().data();
  stored.stride = stored.rows_fitted = x.rows();
  stored.cols = p;
  one.x.push_back(x);
  one.prior.emplace_back();
  one.model.designs.push_back(
      std::make_shared<hdlmm::DenseOperator<double>>(stored, hdlmm::CellTransform{}));
  one.model.shapes.push_back({p, 1});
}

void add_kernel(Case& one, Index units, Index rank, Random& random) {
  const Matrix half = random.normals(units, rank);
  const Matrix kernel = half * half.transpose() / static_cast<double>(units);
  one.memory.emplace_back(kernel.data(), kernel.data() + kernel.size());
  const std::vector<Index> unit = draw_levels(one.model.y.size(), units, random);
  Matrix x = Matrix::Zero(one.model.y.size(), units);
  for (Index i = 0; i < x.rows(); ++i) x(i, unit[i]) = 1;
  one.x.push_back(x);
  one.prior.push_back(kernel);
  one.model.designs.push_back(std::make_shared<hdlmm::KernelOperator>(one.memory.back().data(),
                                                                      units, 1.0, unit, Vector()));
  one.model.shapes.push_back({units, 1});
}

std::shared_ptr<Case> make_case(const std::string& terms) {
  Random random(11);
  const Index n = 40;
  auto out = std::make_shared<Case>();
  out->name = terms;
  out->memory.reserve(8);
  out->places.reserve(8);
  Matrix z(n, 2);
  z << Vector::Ones(n), random.normals(n);
  out->model.q = orthonormal_basis(z);
  const Vector y = random.normals(n);
  out->model.y = y - out->model.q * (out->model.q.transpose() * y);
  for (const char term : terms) {
    if (term == 's') add_slopes(*out, draw_levels(n, 6, random), 6, random);
    if (term == 'f') add_factor(*out, draw_levels(n, 9, random), 9);
    if (term == 'm') add_memberships(*out, 12, random);
    if (term == 'n') add_nested(*out, {5, 15}, false, random);
    if (term == 'd') add_nested(*out, {3, 6, 18}, true, random);
    if (term == 'c') add_columns(*out, 5, random);
    if (term == 'w') add_columns(*out, 70, random);
    if (term == 'k') add_kernel(*out, 20, 22, random);
    if (term == 'l') add_kernel(*out, 20, 6, random);
  }
  return out;
}

Matrix identity_of(Index levels, const Matrix& s) {
  Matrix out = Matrix::Zero(levels * s.rows(), levels * s.rows());
  for (Index j = 0; j < levels; ++j) out.block(j * s.rows(), j * s.rows(), s.rows(), s.rows()) = s;
  return out;
}

/// Cov(beta_k) per unit sigma_e^2 for a covariance of one level.
Matrix prior_of(const Case& one, Index k, const Matrix& s) {
  const auto at = static_cast<std::size_t>(k);
  if (one.prior[at].size() > 0) return s(0, 0) * one.prior[at];
  return identity_of(one.model.shape(k).levels, s);
}

struct Dense {
  Matrix v, inverse, covariance, p;
};

Dense dense_of(const Case& one, const Covariances& at) {
  const Index n = one.model.y.size();
  Dense out;
  out.v = Matrix::Identity(n, n);
  for (Index k = 0; k < at.size(); ++k) {
    const Matrix& x = one.x[static_cast<std::size_t>(k)];
    out.v += x * prior_of(one, k, at.relative(k)) * x.transpose();
  }
  out.inverse = out.v.inverse();
  const Matrix& q = one.model.q;
  out.covariance = (q.transpose() * out.inverse * q).inverse();
  out.p = out.inverse - out.inverse * q * out.covariance * q.transpose() * out.inverse;
  return out;
}

/// dV by every cell of every S_k, then by sigma_e^2.
std::vector<Matrix> derivatives_of(const Case& one) {
  std::vector<Matrix> out;
  for (Index k = 0; k < one.model.size(); ++k) {
    const Index r = one.model.shape(k).width;
    for (const auto [row, col] : hdlmm::triangle_cells(r)) {
      Matrix e = Matrix::Zero(r, r);
      e(row, col) = e(col, row) = 1;
      const Matrix& x = one.x[static_cast<std::size_t>(k)];
      out.push_back(x * prior_of(one, k, e) * x.transpose());
    }
  }
  out.push_back(Matrix::Identity(one.model.y.size(), one.model.y.size()));
  return out;
}

struct Setting {
  std::string terms, type;
};

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.terms << setting.type; }

class TermsContract : public ::testing::TestWithParam<Setting> {
 protected:
  TermsContract() : one_(make_case(GetParam().terms)) {
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

  std::shared_ptr<Case> one_;
  std::unique_ptr<TermsSystem> system_;
};

TEST_P(TermsContract, ValueFixedEffectsAndPredictionsAreThoseOfDenseAlgebra) {
  for (const Covariances& at : points()) {
    const Dense dense = dense_of(*one_, at);
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
    const Dense dense = dense_of(*one_, at);
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
    const Dense dense = dense_of(*one_, at);
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
    const Dense dense = dense_of(*one_, at);
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
    const Dense dense = dense_of(*one_, at);
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

/// Levels that are eliminated, and side of what is left.
std::pair<std::size_t, Index> elimination(const std::string& terms,
                                          const hdlmm::EliminationRule& rule = {}) {
  const auto one = make_case(terms);
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

INSTANTIATE_TEST_SUITE_P(All, TermsContract, ::testing::ValuesIn(settings()));

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
  const auto one = make_case("f");
  one->model.designs.push_back(one->model.designs[0]);
  one->model.shapes.push_back(one->model.shapes[0]);
  const auto system = hdlmm::make_terms_system(
      one->model, hdlmm::plan_terms(one->model, "auto", Context()), Context());
  const Vector shares = hdlmm::aliased_parameters(system->null_information());
  ASSERT_EQ(shares.size(), 3);
  EXPECT_NEAR(shares[0], shares[1], 1e-6);
  EXPECT_LT(shares[2], 1e-6);
  const auto fine = make_case("fs");
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
