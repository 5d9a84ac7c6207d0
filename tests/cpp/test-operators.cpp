// One contract for every kind of design: what it does to vectors is what the dense matrix that it
// stands for does to them.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/operator/design_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"

#include "reference/operator_samples.hpp"
#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::DesignOperator;

constexpr double kRounding = 1e-12;  // sums of at most 400 terms of size one

class OperatorContract : public ::testing::TestWithParam<Kind> {
 protected:
  /// Wide, tall, square, one row, one column, no column, no row, beyond one block and one panel.
  static std::vector<Shape> shapes() {
    return {{5, 9}, {11, 4}, {6, 6}, {1, 5}, {8, 1}, {4, 0}, {0, 3}, {0, 0}, {201, 259}};
  }

  /// check(sample, random) for each shape that the kind can have.
  template <typename Check>
  void for_shapes(Check&& check) const {
    std::uint64_t seed = 1;
    for (const Shape& shape : shapes()) {
      bool needs_units = false;
      for (const char* kind : {"Grouped", "Kernel", "Level"}) {
        needs_units |= GetParam().name.rfind(kind, 0) == 0;
      }
      if (needs_units && shape.p == 0 && shape.n > 0) continue;  // a row must have a unit
      SCOPED_TRACE(GetParam().name + " " + std::to_string(shape.n) + " x " +
                   std::to_string(shape.p));
      Random random(seed++);
      const std::unique_ptr<Sample> sample = GetParam().build(shape, random);
      if (sample->prior.size() == 0) sample->prior = Matrix::Identity(shape.p, shape.p);
      check(*sample, random);
    }
  }
};

TEST_P(OperatorContract, ProductsAreThoseOfTheDenseMatrix) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    ASSERT_EQ(x.rows(), sample.dense.rows());
    ASSERT_EQ(x.cols(), sample.dense.cols());
    for (const Index k : {0, 1, 3}) {
      const Matrix u = random.normals(x.cols(), k), v = random.normals(x.rows(), k);
      Matrix xu = Matrix::Zero(x.rows(), k), xtv = Matrix::Zero(x.cols(), k);
      Matrix sxtv = Matrix::Zero(x.cols(), k);
      x.add_product(u, xu);
      x.add_adjoint_product(v, xtv);
      x.add_covariance_product(v, sxtv);
      EXPECT_LT(distance(xu, sample.dense * u), kRounding);
      EXPECT_LT(distance(xtv, sample.dense.transpose() * v), kRounding);
      EXPECT_LT(distance(sxtv, sample.prior * sample.dense.transpose() * v), kRounding);
    }
  });
}

TEST_P(OperatorContract, TheAdjointIsTheAdjoint) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Matrix u = random.normals(x.cols(), 2), v = random.normals(x.rows(), 3);
    Matrix xu = Matrix::Zero(x.rows(), 2), xtv = Matrix::Zero(x.cols(), 3);
    x.add_product(u, xu);
    x.add_adjoint_product(v, xtv);
    EXPECT_LT(distance(v.transpose() * xu, xtv.transpose() * u), kRounding);
  });
}

TEST_P(OperatorContract, ProductsAreAddedToWhatIsThere) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Matrix u = random.normals(x.cols(), 2), v = random.normals(x.rows(), 2);
    const Matrix before_rows = random.normals(x.rows(), 2),
                 before_cols = random.normals(x.cols(), 2);
    Matrix product = before_rows, adjoint = before_cols, covariance = before_cols;
    x.add_product(u, product);
    x.add_adjoint_product(v, adjoint);
    x.add_covariance_product(v, covariance);
    EXPECT_LT(distance(product, before_rows + sample.dense * u), kRounding);
    EXPECT_LT(distance(adjoint, before_cols + sample.dense.transpose() * v), kRounding);
    EXPECT_LT(distance(covariance, before_cols + sample.prior * sample.dense.transpose() * v),
              kRounding);
  });
}

TEST_P(OperatorContract, ProductsGoIntoPartsOfLargerMatrices) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Matrix u = random.normals(x.cols() + 2, 4), v = random.normals(x.rows() + 2, 4);
    Matrix product = Matrix::Zero(x.rows() + 3, 4), adjoint = Matrix::Zero(x.cols() + 3, 4);
    x.add_product(u.block(1, 1, x.cols(), 2), product.block(2, 1, x.rows(), 2));
    x.add_adjoint_product(v.block(1, 1, x.rows(), 2), adjoint.block(2, 1, x.cols(), 2));
    Matrix product_wanted = Matrix::Zero(x.rows() + 3, 4);
    Matrix adjoint_wanted = Matrix::Zero(x.cols() + 3, 4);
    product_wanted.block(2, 1, x.rows(), 2) = sample.dense * u.block(1, 1, x.cols(), 2);
    adjoint_wanted.block(2, 1, x.cols(), 2) = sample.dense.transpose() * v.block(1, 1, x.rows(), 2);
    EXPECT_LT(distance(product, product_wanted), kRounding);
    EXPECT_LT(distance(adjoint, adjoint_wanted), kRounding);
  });
}

TEST_P(OperatorContract, TheRowGramIsTheProductWithTheIdentity) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    const Index n = x.rows();
    Matrix sxt = Matrix::Zero(x.cols(), n), gram = Matrix::Zero(n, n);
    x.add_covariance_product(Matrix::Identity(n, n), sxt);
    x.add_product(sxt, gram);
    const Matrix lower = from_lower(x.row_gram(Context()));
    EXPECT_LT(distance(lower, gram), kRounding);
    EXPECT_LT(distance(lower, sample.dense * sample.prior * sample.dense.transpose()), kRounding);
  });
}

TEST_P(OperatorContract, TheColumnGramIsTheProductWithTheIdentityWhereItExists) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    const Index p = x.cols();
    if (!x.has_identity_prior()) {
      EXPECT_THROW(x.column_gram(Context()), std::logic_error);
      return;
    }
    Matrix columns = Matrix::Zero(x.rows(), p), gram = Matrix::Zero(p, p);
    x.add_product(Matrix::Identity(p, p), columns);
    x.add_adjoint_product(columns, gram);
    const Matrix lower = from_lower(x.column_gram(Context()));
    EXPECT_LT(distance(lower, gram), kRounding);
    EXPECT_LT(distance(lower, sample.dense.transpose() * sample.dense), kRounding);
    if (x.has_diagonal_column_gram()) {
      const Vector diagonal = lower.diagonal();
      EXPECT_EQ(distance(lower, diagonal.asDiagonal().toDenseMatrix()), 0);
    }
  });
}

TEST_P(OperatorContract, ColumnNormsAreTheDiagonalOfTheColumnGram) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    EXPECT_LT(distance(x.column_norms2(), sample.dense.colwise().squaredNorm().transpose()),
              kRounding);
    if (!x.has_identity_prior()) return;
    EXPECT_LT(distance(x.column_norms2(), x.column_gram(Context()).diagonal()), kRounding);
  });
}

TEST_P(OperatorContract, CovarianceColumnsAreCovarianceProductsOfUnitVectors) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Index n = x.rows(), p = x.cols();
    Matrix rows = Matrix::Zero(p, n);
    x.add_covariance_product(Matrix::Identity(n, n), rows);
    const Matrix wanted = rows.transpose();
    Matrix all = random.normals(n, p);  // overwritten, not added to
    x.covariance_columns(0, all);
    EXPECT_LT(distance(all, wanted), kRounding);
    if (p < 3) return;
    Matrix some = random.normals(n, p - 2);
    x.covariance_columns(1, some);
    EXPECT_LT(distance(some, wanted.middleCols(1, p - 2)), kRounding);
    Matrix none(n, 0);
    x.covariance_columns(p, none);
    EXPECT_EQ(none.size(), 0);
  });
}

TEST_P(OperatorContract, OneColumnAtATimeIsTheProductWhereCoefficientsAreIndependent) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    const Vector v = random.normals(x.rows());
    const Vector before = random.normals(x.rows());
    for (Index j = 0; j < x.cols(); ++j) {
      Vector out = before;
      if (!x.has_identity_prior()) {
        EXPECT_THROW(x.column_dot(j, v), std::logic_error);
        EXPECT_THROW(x.add_column(j, 2, out), std::logic_error);
        continue;
      }
      const Vector column = sample.dense.col(j);
      x.add_column(j, -1.5, out);
      EXPECT_LT(distance(out, before - 1.5 * column), kRounding);
      EXPECT_NEAR(x.column_dot(j, v), column.dot(v), kRounding * (1 + v.cwiseAbs().sum()));
    }
  });
}

TEST_P(OperatorContract, PriorVariancesAreTheDiagonalOfThePrior) {
  for_shapes([](const Sample& sample, Random&) {
    EXPECT_LT(distance(sample.x->prior_variances(), sample.prior.diagonal()), kRounding);
  });
}

TEST_P(OperatorContract, WrongShapesThrow) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    const Index n = x.rows(), p = x.cols();
    Matrix rows = Matrix::Zero(n, 2), cols = Matrix::Zero(p, 2);
    Matrix rows_more = Matrix::Zero(n + 1, 2), cols_more = Matrix::Zero(p + 1, 2);
    const Matrix u = Matrix::Zero(p, 2), u_more = Matrix::Zero(p + 1, 2);
    const Matrix u_wide = Matrix::Zero(p, 3), v_wide = Matrix::Zero(n, 3);
    const Matrix v = Matrix::Zero(n, 2), v_more = Matrix::Zero(n + 1, 2);
    EXPECT_THROW(x.add_product(u_more, rows), std::invalid_argument);
    EXPECT_THROW(x.add_product(u, rows_more), std::invalid_argument);
    EXPECT_THROW(x.add_product(u_wide, rows), std::invalid_argument);
    EXPECT_THROW(x.add_adjoint_product(v_more, cols), std::invalid_argument);
    EXPECT_THROW(x.add_adjoint_product(v, cols_more), std::invalid_argument);
    EXPECT_THROW(x.add_adjoint_product(v_wide, cols), std::invalid_argument);
    EXPECT_THROW(x.column_gram_and_adjoint(v_more, cols, Context()), std::invalid_argument);
    EXPECT_THROW(x.column_gram_and_adjoint(v, cols_more, Context()), std::invalid_argument);
    EXPECT_THROW(x.column_gram_and_adjoint(v_wide, cols, Context()), std::invalid_argument);
    EXPECT_THROW(x.row_gram_and_product(u_more, rows, Context()), std::invalid_argument);
    EXPECT_THROW(x.row_gram_and_product(u, rows_more, Context()), std::invalid_argument);
    EXPECT_THROW(x.row_gram_and_product(u_wide, rows, Context()), std::invalid_argument);
    EXPECT_THROW(x.add_covariance_product(v_more, cols), std::invalid_argument);
    EXPECT_THROW(x.add_covariance_product(v, cols_more), std::invalid_argument);
    EXPECT_THROW(x.add_covariance_product(v_wide, cols), std::invalid_argument);
    Matrix out = Matrix::Zero(n, 1), tall = Matrix::Zero(n + 1, 0);
    EXPECT_THROW(x.covariance_columns(-1, out), std::invalid_argument);
    EXPECT_THROW(x.covariance_columns(p, out), std::invalid_argument);
    EXPECT_THROW(x.covariance_columns(0, tall), std::invalid_argument);
    Vector one = Vector::Zero(n), longer = Vector::Zero(n + 1);
    EXPECT_THROW(x.column_dot(-1, one), std::invalid_argument);
    EXPECT_THROW(x.column_dot(p, one), std::invalid_argument);
    EXPECT_THROW(x.add_column(p, 1, one), std::invalid_argument);
    if (p > 0) {
      EXPECT_THROW(x.column_dot(0, longer), std::invalid_argument);
      EXPECT_THROW(x.add_column(0, 1, longer), std::invalid_argument);
    }
  });
}

TEST_P(OperatorContract, GramsDoNotDependOnTheNumberOfThreads) {
  for_shapes([](const Sample& sample, Random&) {
    const DesignOperator& x = *sample.x;
    Context one, many;
    many.n_threads = 3;
    EXPECT_EQ(from_lower(x.row_gram(one)), from_lower(x.row_gram(many)));
    if (x.has_identity_prior()) {
      EXPECT_EQ(from_lower(x.column_gram(one)), from_lower(x.column_gram(many)));
    }
  });
}

TEST_P(OperatorContract, ProductsOfManyTilesAreRightForAnyNumberOfThreads) {
  Random random(5);
  const std::unique_ptr<Sample> sample = GetParam().build({1100, 130}, random);
  const DesignOperator& x = *sample->x;
  Context many;
  many.n_threads = 3;
  for (const Index k : {1, 3}) {
    const Matrix u = random.normals(x.cols(), k), v = random.normals(x.rows(), k);
    Matrix xu[2] = {Matrix::Zero(x.rows(), k), Matrix::Zero(x.rows(), k)};
    Matrix xtv[2] = {Matrix::Zero(x.cols(), k), Matrix::Zero(x.cols(), k)};
    x.add_product(u, xu[0]);
    x.add_product(u, xu[1], many);
    x.add_adjoint_product(v, xtv[0]);
    x.add_adjoint_product(v, xtv[1], many);
    EXPECT_EQ(xu[0], xu[1]);
    EXPECT_EQ(xtv[0], xtv[1]);
    EXPECT_LT(distance(xu[0], sample->dense * u), 1e-12);
    EXPECT_LT(distance(xtv[0], sample->dense.transpose() * v), 1e-12);
  }
}

TEST_P(OperatorContract, TheColumnGramTakesAnAdjointProductAlong) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    if (!x.has_identity_prior()) return;
    for (const Index k : {0, 1, 11}) {
      const Matrix v = random.normals(x.rows(), k), start = random.normals(x.cols(), k);
      Matrix out = start;
      EXPECT_EQ(from_lower(x.column_gram_and_adjoint(v, out, Context())),
                from_lower(x.column_gram(Context())));
      EXPECT_LT(distance(out, start + sample.dense.transpose() * v), kRounding);
    }
  });
}

TEST_P(OperatorContract, TheRowGramTakesAProductAlong) {
  for_shapes([](const Sample& sample, Random& random) {
    const DesignOperator& x = *sample.x;
    for (const Index k : {0, 1, 11}) {
      const Matrix u = random.normals(x.cols(), k), start = random.normals(x.rows(), k);
      Matrix out = start;
      EXPECT_EQ(from_lower(x.row_gram_and_product(u, out, Context())),
                from_lower(x.row_gram(Context())));
      EXPECT_LT(distance(out, start + sample.dense * u), kRounding);
    }
  });
}

TEST_P(OperatorContract, AProductOfManyTilesIsTakenAlongByAnyNumberOfThreads) {
  Random random(7);
  const std::unique_ptr<Sample> sample = GetParam().build({500, 2600}, random);
  const DesignOperator& x = *sample->x;
  const Matrix u = random.normals(x.cols(), 2);
  Context many;
  many.n_threads = 3;
  Matrix one = Matrix::Zero(x.rows(), 2), shared = one;
  EXPECT_EQ(from_lower(x.row_gram_and_product(u, one, Context())),
            from_lower(x.row_gram_and_product(u, shared, many)));
  EXPECT_EQ(one, shared);
  EXPECT_LT(distance(one, sample->dense * u), 1e-12);  // rounding of 2600 terms
}

TEST_P(OperatorContract, AnAdjointProductOfManyTilesIsTakenAlongByAnyNumberOfThreads) {
  Random random(6);
  const std::unique_ptr<Sample> sample = GetParam().build({1100, 130}, random);
  const DesignOperator& x = *sample->x;
  if (!x.has_identity_prior()) return;
  const Matrix v = random.normals(x.rows(), 11);
  Context many;
  many.n_threads = 3;
  Matrix one = Matrix::Zero(x.cols(), 11), shared = one;
  EXPECT_EQ(from_lower(x.column_gram_and_adjoint(v, one, Context())),
            from_lower(x.column_gram_and_adjoint(v, shared, many)));
  EXPECT_EQ(one, shared);
  EXPECT_LT(distance(one, sample->dense.transpose() * v), 1e-12);  // rounding of 1100 terms
}

TEST_P(OperatorContract, ProgressRisesToAtMostOneAndAnInterruptGetsOut) {
  Random random(1);
  const std::unique_ptr<Sample> sample = GetParam().build({20, 300}, random);
  Context context;
  double last = 0;
  int polls = 0;
  context.progress = [&](const std::string&, double fraction) {
    EXPECT_GE(fraction, last);
    EXPECT_LE(fraction, 1);
    last = fraction;
  };
  context.poll = [&] { ++polls; };
  sample->x->row_gram(context);
  if (polls == 0) return;  // O(n^2) work without a product is not interrupted
  context.poll = [] { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(sample->x->row_gram(context), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(EveryKind, OperatorContract, ::testing::ValuesIn(all_kinds()),
                         [](const ::testing::TestParamInfo<Kind>& one) { return one.param.name; });

TEST(GroupedOperator, GroupSumsKeepTheirDigitsUnderCancellation) {
  const hdlmm::GroupedOperator x({0, 0, 0, 0}, 1, Vector());
  const Vector v = (Vector(4) << 1e16, 1.0, -1e16, 0.5).finished();
  Vector sum = Vector::Zero(1);
  x.add_adjoint_product(v, sum);
  EXPECT_EQ(sum[0], 1.5);  // exact in twice the precision; plain summation gives 0.5
}

}  // namespace
}  // namespace hdlmm_test
