// Small products that go by name: right for narrow and wide matrices, and for those without rows or
// columns, on which the sanitizers stop Eigen's own kernels.

#include <gtest/gtest.h>

#include "hdlmm/dense/products.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

constexpr double kTolerance = 1e-13;  // sums of 7 terms

constexpr Index kSizes[] = {0, 1, hdlmm::kNarrow, hdlmm::kNarrow + 3};

TEST(SmallProducts, AreSumsOverRowsForEveryShape) {
  Random random(3);
  for (const Index m : kSizes) {
    for (const Index k : kSizes) {
      SCOPED_TRACE(::testing::Message() << m << " rows, " << k << " columns");
      const Matrix a = random.normals(m, k);
      const Vector x = random.normals(k), y = random.normals(m), weight = random.positives(m);
      Vector ax = Vector::Zero(m), ay = Vector::Zero(k);
      Matrix gram = Matrix::Zero(k, k), weighted = Matrix::Zero(k, k);
      for (Index i = 0; i < m; ++i) {
        for (Index j = 0; j < k; ++j) {
          ax[i] += a(i, j) * x[j];
          ay[j] += a(i, j) * y[i];
          for (Index l = 0; l < k; ++l) {
            gram(j, l) += a(i, j) * a(i, l);
            weighted(j, l) += weight[i] * a(i, j) * a(i, l);
          }
        }
      }
      EXPECT_LT(distance(hdlmm::times(a, x), ax), kTolerance);
      EXPECT_LT(distance(hdlmm::transpose_times(a, y), ay), kTolerance);
      EXPECT_LT(distance(hdlmm::transpose_product(a, a), gram), kTolerance);
      EXPECT_LT(distance(from_lower(hdlmm::lower_gram(a)), gram), kTolerance);
      EXPECT_LT(distance(hdlmm::weighted_gram(a, weight), weighted), kTolerance);
    }
  }
}

TEST(SmallProducts, DivideByATriangle) {
  Random random(4);
  for (const Index m : kSizes) {
    for (const Index c : kSizes) {
      SCOPED_TRACE(::testing::Message() << m << " rows, " << c << " columns");
      Matrix r = Matrix::Zero(c, c), product = Matrix::Zero(m, c);
      const Matrix a = random.normals(m, c);
      for (Index j = 0; j < c; ++j) {
        for (Index i = 0; i <= j; ++i) r(i, j) = i == j ? 2 : random.normal() / 4;
      }
      for (Index l = 0; l < c; ++l) {
        for (Index j = l; j < c; ++j) product.col(j) += a.col(l) * r(l, j);
      }
      hdlmm::divide_by_upper(r, product);
      EXPECT_LT(distance(product, a), kTolerance);
    }
  }
}

}  // namespace
}  // namespace hdlmm_test
