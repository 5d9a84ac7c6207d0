// Small products and triangular solves by name: they are the sums that define them, empty or not.

#include <cmath>

#include <gtest/gtest.h>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

struct Sides {
  Index rows, cols, depth;
};

// narrow, small, packed, and nothing at all
const Sides kSides[] = {{3, 2, 5},   {200, 3, 70}, {6, 90, 90}, {70, 65, 90},
                        {64, 64, 1}, {0, 4, 3},    {4, 0, 3},   {4, 3, 0}};

TEST(Products, ByNameAreThoseOfTheFactors) {
  Random random(5);
  for (const Sides& s : kSides) {
    const Matrix a = random.normals(s.rows, s.depth), b = random.normals(s.depth, s.cols);
    const Matrix at = a.transpose(), bt = b.transpose();
    Matrix expected = Matrix::Zero(s.rows, s.cols);
    for (Index k = 0; k < s.depth; ++k) {
      for (Index j = 0; j < s.cols; ++j) {
        for (Index i = 0; i < s.rows; ++i) expected(i, j) += a(i, k) * b(k, j);
      }
    }
    const double bound = 1e-13 * static_cast<double>(s.depth + 1);
    EXPECT_LE((hdlmm::product(a, b) - expected).norm(), bound * (1 + expected.norm()));
    EXPECT_LE((hdlmm::product_transpose(a, bt) - expected).norm(), bound * (1 + expected.norm()));
    EXPECT_LE((hdlmm::transpose_product(at, b) - expected).norm(), bound * (1 + expected.norm()));
    const Matrix start = random.normals(s.rows, s.cols);
    Matrix c1 = start, c2 = start, c3 = start;
    hdlmm::subtract_product(a, b, c1);
    hdlmm::subtract_transpose_product(at, b, c2);
    hdlmm::subtract_product_transpose(a, bt, c3);
    for (const Matrix& c : {c1, c2, c3}) {
      EXPECT_LE((start - c - expected).norm(), bound * (1 + expected.norm() + start.norm()));
    }
  }
}

TEST(Products, OfSymmetricFormsAreSymmetricSums) {
  Random random(6);
  for (const Index c : {1, 4, 7, 80}) {
    const Matrix a = random.normals(120, c), middle = random.normals(120, 120);
    const Vector weight = random.normals(120, 1).cwiseAbs();
    Matrix gram(c, c), form(c, c);
    for (Index j = 0; j < c; ++j) {
      for (Index i = 0; i < c; ++i) {
        gram(i, j) = a.col(i).cwiseProduct(weight).dot(a.col(j));
        form(i, j) = a.col(i).dot(Vector(middle * a.col(j)));
      }
    }
    EXPECT_LE((hdlmm::weighted_gram(a, weight) - gram).norm(), 1e-13 * gram.norm());
    EXPECT_LE((hdlmm::sandwich(a, middle) - form).norm(), 1e-12 * (1 + form.norm()));
  }
}

TEST(Products, OuterOnesAndTriangularSolvesUndoThemselves) {
  Random random(7);
  for (const Index c : {1, 3, 40}) {
    Matrix r = random.normals(c, c);
    for (Index j = 0; j < c; ++j) {
      r(j, j) = 3 + std::abs(r(j, j));
      for (Index i = j + 1; i < c; ++i) r(i, j) = std::nan("");  // not read
    }
    Matrix upper = r;
    for (Index j = 0; j < c; ++j) upper.col(j).tail(c - j - 1).setZero();
    const Matrix b = random.normals(c, 3);
    Matrix x = hdlmm::product(upper, b), y = hdlmm::transpose_product(upper, b);
    hdlmm::solve_upper(r, x);
    hdlmm::solve_upper_transposed(r, y);
    EXPECT_LE((x - b).norm(), 1e-12 * b.norm());
    EXPECT_LE((y - b).norm(), 1e-12 * b.norm());
    Matrix sum = b;
    const Vector u = random.normals(c, 1), v = random.normals(3, 1);
    hdlmm::add_outer(2, u, v, sum);
    for (Index j = 0; j < 3; ++j) {
      EXPECT_LE((sum.col(j) - b.col(j) - 2 * v[j] * u).norm(), 1e-14 * (1 + u.norm() * v.norm()));
    }
  }
}

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
      hdlmm::solve_lower_transposed_on_right(r.transpose(), product, hdlmm::Context());
      EXPECT_LT(distance(product, a), kTolerance);
    }
  }
}

}  // namespace
}  // namespace hdlmm_test
