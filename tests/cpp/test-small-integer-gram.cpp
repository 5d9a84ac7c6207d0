// Gram matrices of whole numbers from 0 to 15 are exact, and nothing else is taken for one.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/operator/dense_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::KernelLevel;

constexpr double kInf = std::numeric_limits<double>::infinity();

template <typename T>
hdlmm::DenseOperator<T> design(const std::vector<T>& cells, Index n, Index p,
                               const hdlmm::CellTransform& transform = {}) {
  hdlmm::StoredMatrix<T> stored;
  stored.cells = cells.data();
  stored.stride = n;
  stored.rows_fitted = n;
  stored.cols = p;
  return hdlmm::DenseOperator<T>(stored, transform);
}

template <typename T>
std::vector<T> draw(Index n, Index p, Index largest, Random& random) {
  std::vector<T> cells(static_cast<std::size_t>(n * p));
  for (T& cell : cells) cell = static_cast<T>(random.below(largest + 1));
  return cells;
}

template <typename T>
Matrix dense(const std::vector<T>& cells, Index n, Index p) {
  Matrix out(n, p);
  for (Index j = 0; j < p; ++j) {
    for (Index i = 0; i < n; ++i) {
      out(i, j) = static_cast<double>(cells[static_cast<std::size_t>(i + j * n)]);
    }
  }
  return out;
}

Matrix lower_only(const Matrix& a) { return a.triangularView<Eigen::Lower>(); }

/// Largest difference of the lower triangles; 0 means equal.
double difference(const Matrix& a, const Matrix& b) {
  return a.size() == 0 ? 0 : lower_only(a - b).cwiseAbs().maxCoeff();
}

/// (X - 1 m') times its transpose, or the other way round, in long double.
Matrix precise_gram(const Matrix& x, const Vector& shift, bool is_row) {
  using Long = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  Long centred = x.cast<long double>();
  centred.rowwise() -= shift.cast<long double>().transpose();
  const Long gram =
      is_row ? Long(centred * centred.transpose()) : Long(centred.transpose() * centred);
  return gram.cast<double>();
}

class SmallIntegerGram : public ::testing::TestWithParam<KernelLevel> {
 protected:
  Context context(int n_threads = 2) const { return context_with(GetParam(), n_threads); }
};

TEST_P(SmallIntegerGram, IsExactForEveryShape) {
  for (const Index n : {0, 1, 2, 15, 16, 17, 33, 47, 97, 193, 400}) {
    for (const Index p : {0, 1, 3, 4, 5, 287, 288, 289, 600}) {
      SCOPED_TRACE(std::to_string(n) + " x " + std::to_string(p));
      Random random(static_cast<std::uint64_t>(n + 1000 * p));
      const std::vector<int> cells = draw<int>(n, p, 15, random);
      const Matrix x = dense(cells, n, p);
      const auto design_x = design(cells, n, p);
      EXPECT_EQ(difference(design_x.row_gram(context()), x * x.transpose()), 0);
      EXPECT_EQ(difference(design_x.column_gram(context()), x.transpose() * x), 0);
    }
  }
}

TEST_P(SmallIntegerGram, DoesNotOverflowAtTheLargestCells) {
  const std::vector<int> cells(40 * 3000, 15);
  const Matrix gram = design(cells, 40, 3000).row_gram(context());
  EXPECT_EQ(difference(gram, Matrix::Constant(40, 40, 225.0 * 3000)), 0);
  const Matrix tall = design(cells, 3000, 40).column_gram(context());
  EXPECT_EQ(difference(tall, Matrix::Constant(40, 40, 225.0 * 3000)), 0);
}

TEST_P(SmallIntegerGram, DoesNotDependOnHowTheNumbersAreStored) {
  Random random(1);
  const std::vector<int> cells = draw<int>(70, 90, 2, random);
  const std::vector<double> doubles(cells.begin(), cells.end());
  const std::vector<std::uint8_t> bytes(cells.begin(), cells.end());
  hdlmm::CellTransform transform;
  transform.shift = random.positives(90);
  transform.scale = Vector::Constant(90, 0.5);
  const Matrix gram = design(cells, 70, 90, transform).row_gram(context());
  EXPECT_EQ(difference(gram, design(doubles, 70, 90, transform).row_gram(context())), 0);
  EXPECT_EQ(difference(gram, design(bytes, 70, 90, transform).row_gram(context())), 0);
}

TEST_P(SmallIntegerGram, KeepsItsDigitsWhenTheMeanIsTakenOut) {
  for (const bool is_rare : {false, true}) {  // 14 and 15; one cell in fifty is 14
    const Index n = 150, p = 2000;
    Random random(2);
    std::vector<int> cells(static_cast<std::size_t>(n * p));
    for (int& cell : cells) cell = 15 - (random.below(is_rare ? 50 : 2) == 0 ? 1 : 0);
    const Matrix x = dense(cells, n, p), xt = x.transpose();
    hdlmm::CellTransform transform, of_transpose;
    transform.shift = x.colwise().mean();
    of_transpose.shift = xt.colwise().mean();
    const std::vector<int> transposed = [&] {
      std::vector<int> out(cells.size());
      for (Index i = 0; i < xt.size(); ++i)
        out[static_cast<std::size_t>(i)] = static_cast<int>(xt(i));
      return out;
    }();
    const Matrix row = design(cells, n, p, transform).row_gram(context());
    const Matrix column = design(transposed, p, n, of_transpose).column_gram(context());
    // X X' is 900 to 11000 times as large as the result, which is to be rounded a few times;
    // portable kernels add 2000 doubles instead
    const double tolerance = hdlmm::has_byte_kernel(GetParam()) ? 1e-15 : 1e-14;
    EXPECT_LT(distance(from_lower(row), precise_gram(x, transform.shift, true)), tolerance);
    EXPECT_LT(distance(from_lower(column), precise_gram(xt, of_transpose.shift, false)), tolerance);
  }
}

TEST_P(SmallIntegerGram, TakesShiftsThatAreNotMeansAndScalesOfColumns) {
  const Index n = 60, p = 37;
  Random random(3);
  const std::vector<int> cells = draw<int>(n, p, 9, random);
  hdlmm::CellTransform transform;
  transform.shift = 100 * random.normals(p);
  transform.scale = random.positives(p);
  Matrix x = dense(cells, n, p);
  x.rowwise() -= transform.shift.transpose();
  x = (x * transform.scale.asDiagonal()).eval();
  const auto design_x = design(cells, n, p, transform);
  EXPECT_LT(distance(from_lower(design_x.column_gram(context())), x.transpose() * x), 1e-13);
  EXPECT_LT(distance(from_lower(design_x.row_gram(context())), x * x.transpose()), 1e-13);
}

TEST_P(SmallIntegerGram, ReadsTheRowsThatAreFitted) {
  Random random(4);
  const std::vector<int> cells = draw<int>(50, 21, 3, random);
  hdlmm::StoredMatrix<int> stored{cells.data(), 50, 40, 21, {}};
  for (Index i = 0; i < 40; ++i) stored.rows.push_back(49 - i);
  const hdlmm::DenseOperator<int> design_x(stored, {});
  const Matrix x = dense(cells, 50, 21).bottomRows(40).colwise().reverse();
  EXPECT_EQ(difference(design_x.row_gram(context()), x * x.transpose()), 0);
  EXPECT_EQ(difference(design_x.column_gram(context()), x.transpose() * x), 0);
}

TEST_P(SmallIntegerGram, IsNotUsedWhenOneCellIsSomethingElse) {
  const Index n = 30, p = 700;
  Random random(5);
  const std::vector<double> whole = draw<double>(n, p, 2, random);
  for (const double other : {16.0, -1.0, 0.5, 1e-300, 4294967297.0, 1e100}) {
    for (const std::size_t at : {std::size_t(0), whole.size() / 2, whole.size() - 1}) {
      std::vector<double> cells = whole;
      cells[at] = other;
      const Matrix x = dense(cells, n, p);
      EXPECT_LT(distance(from_lower(design(cells, n, p).row_gram(context())), x * x.transpose()),
                1e-13);
      EXPECT_LT(distance(from_lower(design(cells, n, p).column_gram(context())), x.transpose() * x),
                1e-13);
    }
  }
}

TEST_P(SmallIntegerGram, CarriesWhatIsNotFinite) {
  std::vector<double> cells(20 * 10, 1.0);
  cells[45] = std::nan("");  // row 5
  cells[66] = kInf;          // row 6
  const Matrix gram = design(cells, 20, 10).row_gram(context());
  EXPECT_TRUE(std::isnan(gram(5, 0)));
  EXPECT_EQ(gram(6, 0), kInf);
  EXPECT_EQ(gram(8, 7), 10);
}

TEST_P(SmallIntegerGram, AMissingIntegerIsNotANumberOfTheDesign) {
  std::vector<int> cells(20 * 10, 1);
  cells[45] = std::numeric_limits<int>::min();
  hdlmm::CellTransform transform;
  transform.fill = Vector::Constant(10, 3);
  const Matrix gram = design(cells, 20, 10, transform).row_gram(context());
  EXPECT_EQ(gram(5, 0), 12);
  EXPECT_EQ(gram(5, 5), 18);
}

TEST_P(SmallIntegerGram, DoesNotDependOnTheNumberOfThreads) {
  Random random(6);
  const std::vector<int> cells = draw<int>(500, 900, 2, random);
  hdlmm::CellTransform transform;
  transform.shift = random.positives(900);
  const Matrix row = design(cells, 500, 900, transform).row_gram(context(1));
  transform.shift = random.positives(500);
  const Matrix column = design(cells, 900, 500, transform).column_gram(context(1));
  const auto tall = design(cells, 900, 500, transform);
  EXPECT_EQ(difference(column, tall.column_gram(context(2))), 0);
  EXPECT_EQ(difference(column, tall.column_gram(context(3))), 0);
  Random again(6);
  draw<int>(500, 900, 2, again);
  transform.shift = again.positives(900);
  const auto wide = design(cells, 500, 900, transform);
  EXPECT_EQ(difference(row, wide.row_gram(context(2))), 0);
  EXPECT_EQ(difference(row, wide.row_gram(context(3))), 0);
}

TEST_P(SmallIntegerGram, ReportsProgressAndCanBeInterrupted) {
  const std::vector<int> cells(400 * 3000, 1);
  Context watched = context();
  double last = 0;
  watched.progress = [&](const std::string&, double fraction) {
    EXPECT_GE(fraction, last);
    last = fraction;
  };
  design(cells, 400, 3000).row_gram(watched);
  EXPECT_EQ(last, 1);
  watched.progress = [](const std::string&, double) { throw std::runtime_error("interrupted"); };
  EXPECT_THROW(design(cells, 400, 3000).row_gram(watched), std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(Levels, SmallIntegerGram,
                         ::testing::Values(KernelLevel::portable, KernelLevel::avx2,
                                           KernelLevel::avx512));

}  // namespace
}  // namespace hdlmm_test
