// Which levels meet as others are eliminated, by elimination on a matrix of zeros and ones.

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "hdlmm/marginal/minimum_degree.hpp"

#include "support.hpp"

namespace hdlmm_test {
namespace {

using hdlmm::Context;
using hdlmm::LevelGraph;
using hdlmm::RowLevels;

/// Rows of two or three of the levels, which have one to three columns.
RowLevels random_rows(Index rows, Index levels, Random& random) {
  RowLevels out;
  out.first = {0, levels};
  out.term.assign(static_cast<std::size_t>(levels), 0);
  for (Index j = 0; j < levels; ++j) out.width.push_back(1 + random.below(3));
  out.start.push_back(0);
  for (Index i = 0; i < rows; ++i) {
    std::vector<Index> own;
    for (Index cell = 0; cell < 2 + random.below(2); ++cell) own.push_back(random.below(levels));
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    out.level.insert(out.level.end(), own.begin(), own.end());
    out.start.push_back(static_cast<Index>(out.level.size()));
  }
  return out;
}

/// The levels of a grid of side x side places: rows join neighbours.
RowLevels grid_rows(Index side) {
  RowLevels out;
  out.first = {0, side * side};
  out.term.assign(static_cast<std::size_t>(side * side), 0);
  out.width.assign(out.term.size(), 1);
  out.start.push_back(0);
  const auto add = [&](Index a, Index b) {
    out.level.push_back(a);
    out.level.push_back(b);
    out.start.push_back(static_cast<Index>(out.level.size()));
  };
  for (Index i = 0; i < side * side; ++i) {
    if (i % side + 1 < side) add(i, i + 1);
    if (i + side < side * side) add(i, i + side);
  }
  return out;
}

using Meetings = std::vector<std::vector<char>>;

Meetings meetings_of(const RowLevels& rows) {
  const auto size = static_cast<std::size_t>(rows.levels());
  Meetings out(size, std::vector<char>(size, 0));
  for (Index i = 0; i < rows.rows(); ++i) {
    for (Index a = rows.start[i]; a < rows.start[i + 1]; ++a) {
      for (Index b = rows.start[i]; b < rows.start[i + 1]; ++b) {
        if (a != b) out[rows.level[a]][rows.level[b]] = 1;
      }
    }
  }
  return out;
}

std::vector<Index> sorted(LevelGraph::Levels levels) {
  std::vector<Index> out(levels.begin(), levels.end());
  std::sort(out.begin(), out.end());
  return out;
}

/// That every level of the graph's sequence met what it meets in the matrix.
void expect_meetings(const LevelGraph& graph, const RowLevels& rows) {
  Meetings meets = meetings_of(rows);
  for (Index j = 0; j < graph.size(); ++j) {
    const Index own = graph.level(j);
    std::vector<Index> others;
    for (Index other = 0; other < rows.levels(); ++other) {
      if (meets[own][other] != 0) others.push_back(other);
    }
    ASSERT_EQ(sorted(graph.met(j)), others) << "level " << j;
    for (const Index a : others) {
      meets[a][own] = 0;
      for (const Index b : others) {
        if (a != b) meets[a][b] = 1;
      }
    }
  }
}

Index cells(const LevelGraph& graph) {
  Index out = 0;
  for (Index j = 0; j < graph.size(); ++j) out += graph.width(graph.met(j));
  return out;
}

TEST(LevelGraph, ALevelMeetsWhatItMeetsInTheMatrixWhateverTheOrder) {
  Random random(31);
  for (int turn = 0; turn < 30; ++turn) {
    const RowLevels rows = random_rows(20 + random.below(60), 10 + random.below(30), random);
    LevelGraph graph(rows);
    std::vector<Index> order;
    for (Index level = 0; level < rows.levels(); ++level) {
      order.insert(order.begin() + random.below(level + 1), level);
    }
    for (const Index level : order) graph.eliminate(level);
    expect_meetings(graph, rows);
  }
}

TEST(MinimumDegree, LevelsMeetWhatTheyMeetInTheMatrix) {
  Random random(32);
  for (int turn = 0; turn < 40; ++turn) {
    const RowLevels rows = random_rows(20 + random.below(80), 10 + random.below(40), random);
    LevelGraph graph(rows);
    // some at first that are given
    for (Index level = 0; level < turn % 4; ++level) graph.eliminate(level);
    hdlmm::eliminate_fewest(
        graph, [](Index, Index) { return true; }, Context());
    EXPECT_EQ(graph.size(), rows.levels());
    expect_meetings(graph, rows);
  }
}

TEST(MinimumDegree, EliminationEndsWithTheFirstLevelThatIsNoGain) {
  Random random(33);
  const RowLevels rows = random_rows(80, 40, random);
  LevelGraph graph(rows);
  hdlmm::eliminate_fewest(
      graph, [](Index, Index met) { return met <= 6; }, Context());
  EXPECT_GT(graph.size(), 0);
  EXPECT_LT(graph.size(), rows.levels());
  for (Index j = 0; j < graph.size(); ++j) EXPECT_LE(graph.width(graph.met(j)), 6);
  expect_meetings(graph, rows);
}

TEST(MinimumDegree, AGridFillsInLessThanHalfOfItsBand) {
  const Index side = 30;
  const RowLevels rows = grid_rows(side);
  LevelGraph band(rows), fewest(rows);
  for (Index level = 0; level < rows.levels(); ++level) band.eliminate(level);
  EXPECT_NEAR(static_cast<double>(cells(band)), side * side * side, side * side);
  hdlmm::eliminate_fewest(
      fewest, [](Index, Index) { return true; }, Context());
  EXPECT_EQ(fewest.size(), rows.levels());
  EXPECT_LT(2 * cells(fewest), cells(band));
}

TEST(MinimumDegree, ALevelThatMeetsNearlyAllIsLeft) {
  RowLevels rows = grid_rows(20);
  // one more level, in every row
  const Index all = rows.levels();
  rows.first[1] = all + 1;
  rows.term.push_back(0);
  rows.width.push_back(1);
  std::vector<Index> level, start(1, 0);
  for (Index i = 0; i < rows.rows(); ++i) {
    for (Index at = rows.start[i]; at < rows.start[i + 1]; ++at) level.push_back(rows.level[at]);
    level.push_back(all);
    start.push_back(static_cast<Index>(level.size()));
  }
  rows.level = level;
  rows.start = start;
  LevelGraph graph(rows);
  hdlmm::eliminate_fewest(
      graph, [](Index, Index) { return true; }, Context());
  EXPECT_EQ(graph.size(), all);
  EXPECT_FALSE(graph.is_eliminated(all));
  expect_meetings(graph, rows);
}

}  // namespace
}  // namespace hdlmm_test
