// The core's own dense products: at every level of instructions they are the sums that define them.

#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/dense/packed_products.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::add_lower_product;
using hdlmm::add_product;
using hdlmm::add_symmetric_product;
using hdlmm::Context;
using hdlmm::KernelLevel;
using hdlmm::MatrixView;
using hdlmm::Op;

constexpr double kInf = std::numeric_limits<double>::infinity();

struct Shape {
  Index m, n, k;
};

/// Zero and one, odd numbers, multiples of a tile, a block, a chunk and a depth and their
/// neighbours; beyond one span of either operand.
std::vector<Shape> shapes() {
  std::vector<Shape> out;
  for (const Index m : {0, 1, 4, 13, 25}) {
    for (const Index n : {0, 1, 3, 8, 9, 24}) {
      for (const Index k : {0, 1, 2, 7}) out.push_back({m, n, k});
    }
  }
  for (const Index at : {191, 192, 193, 383, 384, 385}) {
    out.push_back({at, 17, 5});
    out.push_back({17, at, 5});
    out.push_back({23, at, 65});
  }
  for (const Index k : {63, 64, 255, 256, 257, 511, 513, 600}) out.push_back({26, 19, k});
  out.push_back({200, 400, 300});
  out.push_back({401, 203, 130});
  out.push_back({3100, 3075, 3});
  out.push_back({5, 3, 210000});
  return out;
}

Matrix naive(const Matrix& a, const Matrix& b) {
  Matrix out = Matrix::Zero(a.rows(), b.cols());
  for (Index j = 0; j < b.cols(); ++j) {
    for (Index l = 0; l < a.cols(); ++l) {
      for (Index i = 0; i < a.rows(); ++i) out(i, j) += a(i, l) * b(l, j);
    }
  }
  return out;
}

/// a as a block of a larger matrix whose other cells are not numbers.
class Embedded {
 public:
  explicit Embedded(const Matrix& a)
      : rows_(a.rows()),
        cols_(a.cols()),
        whole_(Matrix::Constant(rows_ + 5, cols_ + 3, std::nan(""))) {
    whole_.block(3, 1, rows_, cols_) = a;
  }
  Eigen::Block<Matrix> block() { return whole_.block(3, 1, rows_, cols_); }
  bool is_intact_around() const {
    Index count = 0;
    for (Index j = 0; j < whole_.cols(); ++j) {
      for (Index i = 0; i < whole_.rows(); ++i) {
        const bool is_inside = i >= 3 && i < 3 + rows_ && j >= 1 && j < 1 + cols_;
        if (!is_inside && std::isnan(whole_(i, j))) ++count;
      }
    }
    return count == whole_.size() - rows_ * cols_;
  }

 private:
  Index rows_, cols_;
  Matrix whole_;
};

/// Rounding of a sum of k terms of normal variables, with room.
double tolerance(Index k) { return 1e-14 * (10 + std::sqrt(static_cast<double>(k))); }

Matrix lower_only(const Matrix& a) { return a.triangularView<Eigen::Lower>(); }

class DenseProducts : public ::testing::TestWithParam<KernelLevel> {
 protected:
  KernelLevel level() const { return GetParam(); }
};

TEST_P(DenseProducts, AddTheProductForEveryShapeAndTransposition) {
  for (const Shape& shape : shapes()) {
    SCOPED_TRACE(std::to_string(shape.m) + " x " + std::to_string(shape.n) + " x " +
                 std::to_string(shape.k));
    Random random(static_cast<std::uint64_t>(shape.m + 31 * shape.n + 977 * shape.k));
    const Matrix a = random.normals(shape.m, shape.k), b = random.normals(shape.k, shape.n);
    const Matrix start = random.normals(shape.m, shape.n);
    const Matrix wanted = start - 0.5 * naive(a, b), at = a.transpose(), bt = b.transpose();
    for (const int choice : {0, 1, 2, 3}) {
      const bool is_at = choice % 2 == 1, is_bt = choice / 2 == 1;
      Matrix c = start;
      add_product(-0.5, is_at ? at : a, is_at ? Op::transpose : Op::none, is_bt ? bt : b,
                  is_bt ? Op::transpose : Op::none, c, context_with(level(), 2));
      EXPECT_LT(distance(c, wanted), tolerance(shape.k)) << choice;
    }
  }
}

TEST_P(DenseProducts, TouchTheLowerTriangleAlone) {
  for (const Index n : {0, 1, 2, 7, 8, 24, 25, 47, 191, 193, 385, 500}) {
    for (const Index k : {0, 1, 5, 64, 300}) {
      SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(k));
      Random random(static_cast<std::uint64_t>(n + 1000 * k));
      const Matrix a = random.normals(n, k), b = random.normals(n, k);
      Matrix c = random.normals(n, n);
      Matrix wanted = c;
      wanted.triangularView<Eigen::Lower>() += 2 * naive(a, b.transpose());
      add_lower_product(2, a, b, c, context_with(level(), 2));
      EXPECT_LT(distance(c, wanted), tolerance(k));
      Matrix upper = (c - wanted).triangularView<Eigen::StrictlyUpper>();
      EXPECT_EQ(upper.cwiseAbs().sum(), 0);
    }
  }
}

TEST_P(DenseProducts, ReadASymmetricMatrixBelowItsDiagonalAlone) {
  for (const Index n : {0, 1, 2, 7, 8, 25, 191, 193, 300, 600}) {
    for (const Index m : {0, 1, 5, 64, 250}) {
      SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(m));
      Random random(static_cast<std::uint64_t>(n + 1000 * m));
      Matrix s = random.normals(n, n);
      const Matrix whole = from_lower(s), b = random.normals(n, m), start = random.normals(n, m);
      s.triangularView<Eigen::StrictlyUpper>().setConstant(std::nan(""));
      Matrix c = start;
      add_symmetric_product(-1, s, b, c, context_with(level(), 2));
      EXPECT_LT(distance(c, start - naive(whole, b)), tolerance(n));
    }
  }
}

TEST_P(DenseProducts, WorkOnBlocksOfLargerMatrices) {
  for (const Shape& shape : std::vector<Shape>{{1, 1, 1}, {9, 5, 3}, {50, 41, 30}, {30, 200, 70}}) {
    Random random(7);
    const Matrix a = random.normals(shape.m, shape.k), b = random.normals(shape.k, shape.n);
    const Matrix start = random.normals(shape.m, shape.n);
    Embedded whole_a(a), whole_b(b), whole_c(start);
    add_product(1, whole_a.block(), Op::none, whole_b.block(), Op::none, whole_c.block(),
                context_with(level(), 1));
    EXPECT_LT(distance(whole_c.block(), start + naive(a, b)), tolerance(shape.k));
    EXPECT_TRUE(whole_c.is_intact_around());
  }
}

TEST_P(DenseProducts, LowerAndSymmetricProductsWorkOnBlocksToo) {
  for (const Index n : {1, 10, 33, 210}) {
    Random random(8);
    const Matrix s = random.normals(n, n), b = random.normals(n, 6), start = random.normals(n, 6);
    Embedded whole_s(s), whole_b(b), whole_c(start), whole_lower(s);
    add_symmetric_product(1, whole_s.block(), whole_b.block(), whole_c.block(),
                          context_with(level(), 1));
    EXPECT_LT(distance(whole_c.block(), start + naive(from_lower(s), b)), tolerance(n));
    EXPECT_TRUE(whole_c.is_intact_around());
    add_lower_product(1, whole_b.block(), whole_b.block(), whole_lower.block(),
                      context_with(level(), 1));
    EXPECT_LT(distance(lower_only(whole_lower.block()), lower_only(s + naive(b, b.transpose()))),
              tolerance(6));
    EXPECT_TRUE(whole_lower.is_intact_around());
  }
}

TEST_P(DenseProducts, LeaveTheTargetAloneWhenAlphaIsZero) {
  const Matrix bad = Matrix::Constant(30, 30, std::nan(""));
  Matrix c = Matrix::Ones(30, 30);
  add_product(0, bad, Op::none, bad, Op::none, c, context_with(level(), 1));
  add_lower_product(0, bad, bad, c, context_with(level(), 1));
  add_symmetric_product(0, bad, bad, c, context_with(level(), 1));
  EXPECT_EQ(distance(c, Matrix::Ones(30, 30)), 0);
}

TEST_P(DenseProducts, KeepAnInfiniteCellInItsRowAndColumn) {
  for (const Index n : {1, 5, 26, 30}) {
    Matrix a = Matrix::Ones(n, n), b = Matrix::Ones(n, n), c = Matrix::Zero(n, n);
    a(n - 1, n / 2) = kInf;
    b(n / 2, 0) = -kInf;
    add_product(1, a, Op::none, b, Op::none, c, context_with(level(), 1));
    for (Index j = 0; j < n; ++j) {
      for (Index i = 0; i < n; ++i) {
        const double wanted = j == 0 ? -kInf : i == n - 1 ? kInf : static_cast<double>(n);
        EXPECT_EQ(c(i, j), wanted) << i << ", " << j;
      }
    }
  }
}

TEST_P(DenseProducts, CarryWhatIsNotANumber) {
  Matrix a = Matrix::Ones(27, 9), c = Matrix::Zero(27, 27);
  a(26, 8) = std::nan("");
  add_lower_product(1, a, a, c, context_with(level(), 1));
  for (Index i = 0; i < 27; ++i) EXPECT_EQ(std::isnan(c(26, i)), true);
  EXPECT_EQ(c.topRows(26).triangularView<Eigen::Lower>().toDenseMatrix().maxCoeff(), 9);
}

TEST_P(DenseProducts, DoNotDependOnTheNumberOfThreads) {
  for (const Shape& shape : std::vector<Shape>{{700, 450, 300}, {64, 900, 520}, {900, 64, 1100}}) {
    Random random(5);
    const Matrix a = random.normals(shape.m, shape.k), b = random.normals(shape.k, shape.n);
    const Matrix square = random.normals(shape.m, shape.m),
                 start = random.normals(shape.m, shape.n);
    std::vector<Matrix> products, lowers, symmetrics;
    for (const int n_threads : {1, 2, 3}) {
      products.push_back(start);
      add_product(1, a, Op::none, b, Op::none, products.back(), context_with(level(), n_threads));
      lowers.push_back(square);
      add_lower_product(1, a, a, lowers.back(), context_with(level(), n_threads));
      symmetrics.push_back(start);
      add_symmetric_product(1, square, start, symmetrics.back(), context_with(level(), n_threads));
    }
    for (const std::size_t i : {1u, 2u}) {
      EXPECT_EQ((products[i] - products[0]).cwiseAbs().sum(), 0);
      EXPECT_EQ((lowers[i] - lowers[0]).cwiseAbs().sum(), 0);
      EXPECT_EQ((symmetrics[i] - symmetrics[0]).cwiseAbs().sum(), 0);
    }
  }
}

TEST_P(DenseProducts, RefuseShapesThatDoNotMatch) {
  const Matrix a = Matrix::Zero(3, 2), b = Matrix::Zero(4, 5);
  Matrix c = Matrix::Zero(3, 5);
  EXPECT_THROW(add_product(1, a, Op::none, b, Op::none, c, Context()), std::invalid_argument);
  EXPECT_THROW(add_lower_product(1, a, a, c, Context()), std::invalid_argument);
  EXPECT_THROW(add_symmetric_product(1, b, b, c, Context()), std::invalid_argument);
}

TEST_P(DenseProducts, AnInterruptGetsOut) {
  const Matrix a = Matrix::Ones(500, 500);
  Matrix c = Matrix::Zero(500, 500);
  Context context = context_with(level(), 2);
  int polls = 0;
  context.poll = [&] {
    if (++polls == 2) throw std::runtime_error("interrupted");
  };
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i) add_product(1, a, Op::none, a, Op::none, c, context);
      },
      std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Levels, DenseProducts,
                         ::testing::Values(KernelLevel::portable, KernelLevel::avx2,
                                           KernelLevel::avx512),
                         [](const auto& one) { return level_name(one.param); });

TEST(KernelLevel, IsNeverAboveWhatTheProcessorRuns) {
  EXPECT_LE(micro_kernel(KernelLevel::avx512).rows(),
            micro_kernel(hdlmm::best_kernel_level()).rows());
  EXPECT_EQ(hdlmm::name(KernelLevel::portable), std::string("portable"));
  EXPECT_EQ(hdlmm::name(KernelLevel::avx2), std::string("AVX2+FMA"));
  EXPECT_EQ(hdlmm::name(KernelLevel::avx512), std::string("AVX-512"));
}

}  // namespace
}  // namespace hdlmm_test
