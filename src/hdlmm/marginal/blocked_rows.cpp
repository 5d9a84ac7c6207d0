#include "hdlmm/marginal/blocked_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <queue>
#include <vector>

#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

/// x'G x of the cells from `first` on of a row, which meet in a level before them.
double met_variance(const RowCells& cells, Index first, Index end, const LevelFactor& levels,
                    const RestFactor& rest) {
  double out = 0;
  for (Index i = first; i < end; ++i) {
    const double x = cells.value[i];
    out += x * x * levels.inverse(cells.column[i], cells.column[i], rest);
    for (Index j = i + 1; j < end; ++j) {
      out += 2 * x * cells.value[j] * levels.inverse(cells.column[i], cells.column[j], rest);
    }
  }
  return out;
}

/// The variance of one row after the other as the levels that it meets are eliminated.
class RowElimination {
 public:
  RowElimination(const EliminationOrder& order, const LevelFactor& levels, const RestFactor& rest)
      : order_(order),
        levels_(levels),
        rest_(rest),
        at_(static_cast<std::size_t>(order.columns()), 0),
        is_touched_(at_.size(), 0) {}

  double variance(const RowCells& rows, Index i) {
    for (Index cell = rows.start[i]; cell < rows.start[i + 1]; ++cell) {
      add(rows.column[cell], rows.value[cell]);
    }
    double out = 0;
    while (!next_.empty()) {
      const EliminatedLevel& own = order_.levels()[next_.top()];
      next_.pop();
      out += eliminate(own);
    }
    const Index shift = order_.eliminated();
    for (const Index a : left_) {
      double sum = 0;
      for (const Index b : left_) sum += rest_.inverse(b - shift, a - shift) * at_[b];
      out += at_[a] * sum;
    }
    for (const Index a : left_) at_[a] = is_touched_[a] = 0;
    left_.clear();
    return out;
  }

 private:
  void add(Index column, double value) {
    at_[column] += value;
    const bool is_left = column >= order_.eliminated();
    // a level by its first column
    const Index mark = is_left ? column : order_.levels()[order_.level_of(column)].first;
    if (is_touched_[mark] != 0) return;
    is_touched_[mark] = 1;
    if (is_left) {
      left_.push_back(column);
    } else {
      next_.push(order_.level_of(column));
    }
  }

  double eliminate(const EliminatedLevel& own) {
    Vector x(own.width);
    for (Index a = 0; a < own.width; ++a) x[a] = at_[own.first + a];
    const Vector weighted = times(levels_.weight(own), x);
    const MatrixMap cross = levels_.cross(own);
    for (Index l = 0; l < own.meets; ++l) {
      add(order_.met(own)[l], -cross.col(l).dot(weighted));
    }
    for (Index a = 0; a < own.width; ++a) at_[own.first + a] = 0;
    is_touched_[own.first] = 0;
    return x.dot(weighted);
  }

  const EliminationOrder& order_;
  const LevelFactor& levels_;
  const RestFactor& rest_;
  std::vector<double> at_;
  std::vector<char> is_touched_;
  std::vector<Index> left_;
  std::priority_queue<Index, std::vector<Index>, std::greater<Index>> next_;
};

}  // namespace

Vector fitted_row_variances(const BlockedSystem& system, const LevelFactor& levels,
                            const RestFactor& rest, const Context& context) {
  const EliminationOrder& order = system.order();
  const RowCells& cells = system.cells();
  const LevelRows by_level = rows_by_level(order, cells, true);
  const Index n = static_cast<Index>(cells.start.size()) - 1;
  Vector out(n);
  std::vector<Index> where(static_cast<std::size_t>(order.columns()));
  for (const EliminatedLevel& own : order.levels()) {
    const Index j = order.level_of(own.first);
    if (j % 256 == 0) context.poll();
    if (by_level.start[j] == by_level.start[j + 1]) continue;
    for (Index at = 0; at < own.meets; ++at) where[order.met(own)[at]] = at;
    // G behind it is -K_j C_j G
    const Matrix behind = product(levels.weight(own), levels.times_inverse(own, rest));
    for (Index at = by_level.start[j]; at < by_level.start[j + 1]; ++at) {
      const Index i = by_level.row[at], end = cells.start[i + 1];
      Vector x = Vector::Zero(own.width);
      Index first = cells.start[i];
      for (; first < end && cells.column[first] < own.first + own.width; ++first) {
        x[cells.column[first] - own.first] = cells.value[first];
      }
      out[i] = x.dot(times(levels.covariance(own), x));
      for (Index cell = first; cell < end; ++cell) {
        out[i] -= 2 * cells.value[cell] * behind.col(where[cells.column[cell]]).dot(x);
      }
      out[i] += met_variance(cells, first, end, levels, rest);
    }
  }
  for (Index i = 0; i < n; ++i) {
    const Index first = cells.start[i], end = cells.start[i + 1];
    const bool has_level = first < end && cells.column[first] < order.eliminated();
    if (!has_level) out[i] = met_variance(cells, first, end, levels, rest);
  }
  return out;
}

Vector new_row_variances(const BlockedSystem& system, const LevelFactor& levels,
                         const RestFactor& rest, const RowCells& rows, const Context& context) {
  RowElimination elimination(system.order(), levels, rest);
  Vector out(static_cast<Index>(rows.start.size()) - 1);
  for (Index i = 0; i < out.size(); ++i) {
    if (i % 4096 == 0) context.poll();
    out[i] = elimination.variance(rows, i);
  }
  return out;
}

}  // namespace hdlmm
