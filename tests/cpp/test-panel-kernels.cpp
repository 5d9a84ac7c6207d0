// Products of a few long columns: at every level of instructions they are the sums that define
// them, whatever the number of rows and columns, and touch nothing else.

#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/simd/panel_kernels.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::KernelLevel;

class PanelKernels : public ::testing::TestWithParam<KernelLevel> {
 protected:
  void SetUp() override {
    if (GetParam() > hdlmm::best_kernel_level()) GTEST_SKIP() << "not on this processor";
  }
};

constexpr double kUntouched = 12.5;
const std::vector<Index> kRows = {0, 1, 3, 7, 8, 17, 511, 512, 1030};
const std::vector<Index> kCounts = {0, 1, 3, 4, 5, 8, 13};

/// A matrix with more rows than are used, so that the stride is not the number of rows.
Matrix random_columns(Index n, Index count) { return Matrix::Random(n + 5, count); }

TEST_P(PanelKernels, InnerProductsAreAddedToWhatIsThere) {
  const auto kernels = hdlmm::panel_kernels(GetParam());
  for (const Index n : kRows) {
    for (const Index p : kCounts) {
      for (const Index q : kCounts) {
        const Matrix a = random_columns(n, p), b = random_columns(n, q);
        Matrix out = Matrix::Constant(p + 2, q, kUntouched);
        kernels.inner(n, {a.data(), n + 5, p}, {b.data(), n + 5, q}, {out.data(), p + 2, q});
        Matrix expected = Matrix::Constant(p + 2, q, kUntouched);
        expected.topRows(p) += a.topRows(n).transpose() * b.topRows(n);
        if (q > 0) {
          EXPECT_LT((out - expected).cwiseAbs().maxCoeff(), 1e-12) << n << p << q;
        }
      }
    }
  }
}

TEST_P(PanelKernels, MultiplesOfAVectorAreTakenFromColumns) {
  const auto kernels = hdlmm::panel_kernels(GetParam());
  for (const Index n : kRows) {
    for (const Index q : kCounts) {
      const Vector v = Vector::Random(n), factors = Vector::Random(q);
      Matrix x = random_columns(n, q), expected = x;
      expected.topRows(n) -= v * factors.transpose();
      kernels.subtract(n, v.data(), factors.data(), {x.data(), n + 5, q});
      if (q > 0) {
        EXPECT_LT((x - expected).cwiseAbs().maxCoeff(), 1e-15) << n << q;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, PanelKernels,
                         ::testing::Values(KernelLevel::portable, KernelLevel::avx2,
                                           KernelLevel::avx512),
                         [](const auto& one) { return level_name(one.param); });

}  // namespace
}  // namespace hdlmm_test
