// Which eigenvalues count as zero: by the decomposition, by the stored digits, or as the user says.

#include <gtest/gtest.h>

#include "hdlmm/marginal/spectral_parts.hpp"

namespace {

using hdlmm::Index;
using hdlmm::Rounding;
using hdlmm::Vector;

Index zeros(const Vector& d, const Rounding& rounding) {
  return hdlmm::count_zero_eigenvalues(d, hdlmm::zero_bound(d, d.size(), rounding));
}

Vector with_small(std::initializer_list<double> small) {
  Vector d = Vector::LinSpaced(64, 0.5, 1);
  Index i = 0;
  for (const double x : small) d[i++] = x;
  return d;
}

TEST(ZeroBound, IsThatOfTheDecompositionWithoutFurtherKnowledge) {
  EXPECT_EQ(zeros(with_small({1e-11, 1e-9}), {}), 0);
  EXPECT_EQ(zeros(with_small({-1e-14, 1e-14, 1e-11}), {}), 2);
}

TEST(ZeroBound, TakesDigitsThatAreNotThereForZeroWhateverTheSign) {
  EXPECT_EQ(zeros(with_small({-3e-8, 2e-8, 1e-6}), {4e-8}), 2);
  EXPECT_EQ(zeros(with_small({3e-8, 1e-6}), {4e-8}), 1);
  // many of one sign are no rounding
  EXPECT_EQ(zeros(with_small({1e-9, 2e-9, 3e-9, 4e-9, 5e-9, 6e-9}), {4e-8}), 0);
}

TEST(ZeroBound, FollowsANegativeEigenvalueThatMayBeRounding) {
  EXPECT_EQ(zeros(with_small({-1e-8, 1e-8, 2e-8}), {}), 2);
  const Vector indefinite = with_small({-1e-3, 1e-4});
  EXPECT_LT(hdlmm::zero_bound(indefinite, indefinite.size(), {}), 1e-11);
}

TEST(ZeroBound, IsWhatTheUserSays) {
  EXPECT_EQ(zeros(with_small({-1e-8, 1e-8, 2e-3}), {0, 0}), 1);
  EXPECT_EQ(zeros(with_small({-1e-3, 1e-3, 2e-3}), {4e-8, 1e-3}), 2);
  EXPECT_EQ(hdlmm::zero_bound(Vector(), 0, {}), 0);
}

}  // namespace
