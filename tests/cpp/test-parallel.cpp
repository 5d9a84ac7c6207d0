// parallel_for and the rank updates that run on it.

#include <atomic>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/rank_update.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::parallel_for;

Context with_threads(int n_threads) {
  Context context;
  context.n_threads = n_threads;
  return context;
}

class ParallelFor : public ::testing::TestWithParam<int> {};

TEST_P(ParallelFor, RunsEveryBlockOnce) {
  for (const Index n_blocks : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(n_blocks));
    parallel_for(with_threads(GetParam()), n_blocks,
                 [&](Index block) { ++runs[static_cast<std::size_t>(block)]; });
    for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
  }
}

TEST_P(ParallelFor, RethrowsTheFirstExceptionAsItWasAndStops) {
  std::atomic<int> runs{0};
  const auto fail = [&] {
    parallel_for(with_threads(GetParam()), 100000, [&](Index block) {
      ++runs;
      if (block == 3) throw std::domain_error("block three");
    });
  };
  try {
    fail();
    FAIL() << "nothing was thrown";
  } catch (const std::domain_error& error) {
    EXPECT_EQ(error.what(), std::string("block three"));
  }
  EXPECT_LT(runs, 100000);
}

TEST_P(ParallelFor, RethrowsWhenEveryBlockThrows) {
  EXPECT_THROW(parallel_for(with_threads(GetParam()), 64, [](Index) { throw std::bad_alloc(); }),
               std::bad_alloc);
}

TEST_P(ParallelFor, PollsTheHostOnTheCallingThreadAlone) {
  Context context = with_threads(GetParam());
  const std::thread::id caller = std::this_thread::get_id();
  int polls = 0;
  context.poll = [&] {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    ++polls;
  };
  parallel_for(context, 50, [](Index) {});
  if (GetParam() <= 1) {
    EXPECT_EQ(polls, 50);
  } else {
    EXPECT_LE(polls, 50);
  }
}

TEST_P(ParallelFor, AnInterruptOfTheHostGetsOut) {
  Context context = with_threads(GetParam());
  // long tasks on the other threads, so that the caller is sure to get a block
  std::atomic<bool> has_polled{false};
  context.poll = [&] {
    has_polled = true;
    throw std::runtime_error("interrupted");
  };
  EXPECT_THROW(parallel_for(context, 1 << 20,
                            [&](Index) {
                              while (!has_polled) std::this_thread::yield();
                            }),
               std::runtime_error);
}

TEST_P(ParallelFor, NestsWithoutADeadlock) {
  std::vector<std::atomic<int>> runs(40);
  const Context context = with_threads(GetParam());
  parallel_for(context, 8, [&](Index outer) {
    parallel_for(with_threads(2), 5,
                 [&](Index inner) { ++runs[static_cast<std::size_t>(outer * 5 + inner)]; });
  });
  for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
}

INSTANTIATE_TEST_SUITE_P(Threads, ParallelFor, ::testing::Values(-1, 0, 1, 2, 8));

class RankUpdate : public ::testing::TestWithParam<Index> {};

/// Only the lower triangle is promised.
double lower_distance(const Matrix& a, const Matrix& b) {
  return distance(from_lower(a), from_lower(b));
}

TEST_P(RankUpdate, AddsTheOuterGramBelowTheDiagonal) {
  const Index n = GetParam();
  for (const Index k : {0, 1, 5}) {
    Random random(static_cast<std::uint64_t>(n + k));
    const Matrix b = random.normals(n, k), start = random.normals(n, n);
    Matrix c = start;
    hdlmm::add_outer_gram(b, c, Context());
    Matrix wanted = start;
    for (Index j = 0; j < n; ++j) {
      for (Index i = j; i < n; ++i) wanted(i, j) += b.row(i).dot(b.row(j));
    }
    EXPECT_LT(lower_distance(c, wanted), 1e-14);  // sums of five terms
  }
}

TEST_P(RankUpdate, AddsTheInnerGramBelowTheDiagonal) {
  const Index p = GetParam();
  for (const Index k : {0, 1, 5}) {
    Random random(static_cast<std::uint64_t>(p + k));
    const Matrix b = random.normals(k, p), start = random.normals(p, p);
    Matrix c = start;
    hdlmm::add_inner_gram(b, c, Context());
    Matrix wanted = start;
    for (Index j = 0; j < p; ++j) {
      for (Index i = j; i < p; ++i) wanted(i, j) += b.col(i).dot(b.col(j));
    }
    EXPECT_LT(lower_distance(c, wanted), 1e-14);
  }
}

TEST_P(RankUpdate, DoesNotDependOnTheNumberOfThreads) {
  const Index n = GetParam();
  Random random(3);
  const Matrix b = random.normals(n, 40), start = random.normals(n, n);
  std::vector<Matrix> outer, inner;
  for (const int n_threads : {1, 2, 8}) {
    outer.push_back(start);
    hdlmm::add_outer_gram(b, outer.back(), with_threads(n_threads));
    inner.push_back(start);
    hdlmm::add_inner_gram(b.transpose(), inner.back(), with_threads(n_threads));
  }
  EXPECT_EQ(outer[0], outer[1]);
  EXPECT_EQ(outer[0], outer[2]);
  EXPECT_EQ(inner[0], inner[1]);
  EXPECT_EQ(inner[0], inner[2]);
}

INSTANTIATE_TEST_SUITE_P(Sizes, RankUpdate, ::testing::Values(0, 1, 191, 192, 193, 400));

}  // namespace
}  // namespace hdlmm_test
