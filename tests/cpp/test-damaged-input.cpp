// What a host hands over is checked once, where it comes in.

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/operator/column_subset.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

TEST(DamagedInput, IndicesOutOfRangeAreRefusedByEveryKind) {
  using hdlmm::InvalidInput;
  constexpr Index kMissing = Index{std::numeric_limits<int>::min()} - 1;
  const std::vector<double> kernel(4, 1.0);
  for (const Index bad : {Index{-1}, Index{2}, kMissing}) {
    EXPECT_THROW(hdlmm::GroupedOperator({0, bad}, 2, Vector()), InvalidInput);
    EXPECT_THROW(hdlmm::KernelOperator(kernel.data(), 2, 1, {0, bad}, Vector()), InvalidInput);
    const hdlmm::StoredMatrix<double> stored{kernel.data(), 2, 2, 2, {0, bad}};
    EXPECT_THROW(hdlmm::DenseOperator<double>(stored, {}), InvalidInput);
    const hdlmm::DenseOperator<double> whole({kernel.data(), 2, 2, 2, {}}, {});
    EXPECT_THROW(hdlmm::ColumnSubset(whole, {0, bad}), InvalidInput);
  }
}

TEST(DamagedInput, AKernelOfZerosHasNoColumns) {
  const hdlmm::Context context;
  const std::vector<double> zeros(4, 0.0), one = {1, 1, 1, 1};
  EXPECT_EQ(hdlmm::KernelOperator(zeros.data(), 2, 1, {0, 1}, {}).column_form(context), nullptr);
  EXPECT_EQ(hdlmm::KernelOperator(one.data(), 2, 1, {0, 1}, {}).column_form(context)->cols(), 1);
}

TEST(DamagedInput, LengthsThatDoNotFitAreRefused) {
  using hdlmm::InvalidInput;
  const std::vector<double> cells(6, 1.0);
  const hdlmm::StoredMatrix<double> stored{cells.data(), 3, 3, 2, {}};
  const Vector two = Vector::Ones(2), three = Vector::Ones(3);
  EXPECT_NO_THROW(hdlmm::DenseOperator<double>(stored, {two, two, two, three}));
  EXPECT_THROW(hdlmm::DenseOperator<double>(stored, {three, two, two, three}), InvalidInput);
  EXPECT_THROW(hdlmm::DenseOperator<double>(stored, {two, three, two, three}), InvalidInput);
  EXPECT_THROW(hdlmm::DenseOperator<double>(stored, {two, two, three, three}), InvalidInput);
  EXPECT_THROW(hdlmm::DenseOperator<double>(stored, {two, two, two, two}), InvalidInput);
  EXPECT_THROW(hdlmm::GroupedOperator({0, 1}, 2, three), InvalidInput);
  EXPECT_THROW(hdlmm::GroupedOperator({}, -1, Vector()), InvalidInput);
}

TEST(DamagedInput, ASparseMatrixThatIsNoneIsRefused) {
  const std::vector<double> value = {1, 2, 3};
  const auto build = [&](std::vector<int> start, std::vector<int> row, Index n_cells = 3) {
    const hdlmm::StoredSparse stored{
        start.data(), row.data(), value.data(), 4, 2, static_cast<Index>(start.size()), n_cells};
    hdlmm::SparseOperator(stored, Vector(), Vector(), Vector());
  };
  EXPECT_NO_THROW(build({0, 2, 3}, {0, 3, 1}));
  using hdlmm::InvalidInput;
  EXPECT_THROW(build({0, 2, 3}, {0, 4, 1}), InvalidInput);     // beyond
  EXPECT_THROW(build({0, 2, 3}, {-1, 3, 1}), InvalidInput);    // before
  EXPECT_THROW(build({0, 2, 3}, {3, 0, 1}), InvalidInput);     // unsorted
  EXPECT_THROW(build({0, 2, 3}, {3, 3, 1}), InvalidInput);     // twice
  EXPECT_THROW(build({0, 2, 4}, {0, 3, 1}), InvalidInput);     // more cells than there are
  EXPECT_THROW(build({0, 3, 2}, {0, 3, 1}), InvalidInput);     // descending
  EXPECT_THROW(build({1, 2, 3}, {0, 3, 1}), InvalidInput);     // not from the first cell
  EXPECT_THROW(build({0, 3}, {0, 3, 1}), InvalidInput);        // too short
  EXPECT_THROW(build({0, 2, 3}, {0, 3, 1}, 2), InvalidInput);  // cells missing
}

}  // namespace
}  // namespace hdlmm_test
