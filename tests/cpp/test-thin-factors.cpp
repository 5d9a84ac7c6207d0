#include <utility>

#include <gtest/gtest.h>

#include "hdlmm/linalg/thin_factors.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

void expect_thin_qr(const Matrix& a, double scale) {
  const hdlmm::ThinFactors thin = hdlmm::thin_factors(a);
  const Index c = a.cols();
  const Matrix gram = thin.q.transpose() * thin.q;
  EXPECT_LT((gram - Matrix::Identity(c, c)).cwiseAbs().maxCoeff(), 1e-13);
  EXPECT_LT((thin.q * thin.r - a).cwiseAbs().maxCoeff(), 1e-14 * scale);
  const Matrix below = thin.r.triangularView<Eigen::StrictlyLower>();
  EXPECT_EQ(below.cwiseAbs().sum(), 0);
}

TEST(ThinFactors, AreAnOrthonormalBasisAndATriangleOfAnyMatrixOfFullRank) {
  for (const auto& [m, c] : {std::pair<Index, Index>{1, 1}, {5, 5}, {40, 7}, {300, 31}}) {
    expect_thin_qr(Random(7).normals(m, c), 50);
  }
}

TEST(ThinFactors, DoNotLoseDigitsWhenColumnsDifferInLength) {
  Matrix a = Random(3).normals(60, 4);
  a.col(1) *= 1e-9;
  a.col(2) *= 1e9;
  const hdlmm::ThinFactors thin = hdlmm::thin_factors(a);
  EXPECT_LT((thin.q.transpose() * thin.q - Matrix::Identity(4, 4)).cwiseAbs().maxCoeff(), 1e-13);
}

TEST(ThinFactors, StayOrthonormalWhenColumnsAreNearlyDependent) {
  for (const double gap : {1e-2, 1e-5, 1e-9}) {
    Matrix a = Random(11).normals(50, 3);
    a.col(2) = a.col(0) + a.col(1) + gap * a.col(2);
    expect_thin_qr(a, 50);
  }
}

}  // namespace
}  // namespace hdlmm_test
