#include "hdlmm/marginal/elimination_order.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "hdlmm/marginal/minimum_degree.hpp"
#include "hdlmm/marginal/term_sequence.hpp"

namespace hdlmm {

namespace {

/// Products that eliminating a level adds to cells.
double level_products(Index width, Index met) {
  const double m = static_cast<double>(met);
  return 0.5 * m * (m + 1) * static_cast<double>(width);
}

/// Of eliminating some columns and of the dense matrix of the others.
class EliminationCost {
 public:
  EliminationCost(Index columns, double scattered)
      : rest_(static_cast<double>(columns)), each_(scattered) {}

  void eliminate(Index width, Index met) {
    scattered_ += level_products(width, met);
    rest_ -= static_cast<double>(width);
  }

  double total() const { return each_ * scattered_ + cube(rest_); }
  double rest() const { return rest_; }

  bool is_gain(Index width, Index met) const {
    const double less = rest_ - static_cast<double>(width);
    return each_ * level_products(width, met) < cube(rest_) - cube(less);
  }

 private:
  static double cube(double x) { return x * x * x; }

  double rest_, each_, scattered_ = 0;
};

/// Eliminates terms as long as that pays.
EliminationCost eliminate_terms(const std::vector<Index>& terms, const RowLevels& rows,
                                double scattered, LevelGraph& graph) {
  EliminationCost cost(rows.columns(), scattered), best = cost;
  Index best_size = 0;
  for (const Index k : terms) {
    for (Index level = rows.first[k]; level < rows.first[k + 1]; ++level) {
      graph.eliminate(level);
      cost.eliminate(graph.width(level), graph.width(graph.met(graph.size() - 1)));
    }
    if (cost.total() > best.total()) continue;
    best = cost;
    best_size = graph.size();
  }
  if (best_size < graph.size()) {
    LevelGraph shorter(rows);
    for (Index j = 0; j < best_size; ++j) shorter.eliminate(graph.level(j));
    graph = std::move(shorter);
  }
  return best;
}

/// Levels of the graph's sequence that are to be eliminated: those of terms, and where that makes
/// much of a difference more.
Index eliminate_more(EliminationCost cost, LevelGraph& graph, const EliminationRule& rule,
                     const Context& context) {
  const Index of_terms = graph.size();
  if (cost.rest() < rule.smallest_rest) return of_terms;
  const double before = cost.total();
  const auto is_gain = [&](Index width, Index met) {
    if (!cost.is_gain(width, met)) return false;
    cost.eliminate(width, met);
    return true;
  };
  eliminate_fewest(graph, is_gain, context);
  return cost.total() < rule.part * before ? graph.size() : of_terms;
}

}  // namespace

EliminationOrder::EliminationOrder(const TermsModel& model, const Context& context,
                                   const EliminationRule& rule) {
  const RowLevels rows = levels_of_rows(model, sparse_cells(model));
  LevelGraph graph(rows);
  Index size = 0;
  if (model.has_row_cells()) {
    const EliminationCost cost =
        eliminate_terms(separable_terms(model, rows), rows, rule.scattered, graph);
    size = eliminate_more(cost, graph, rule, context);
  }
  number_columns(rows, graph, size);
  for (Index j = 0; j < size; ++j) {
    EliminatedLevel& own = levels_[j];
    own.begin = static_cast<Index>(met_.size());
    for (const Index other : graph.met(j)) {
      for (Index a = 0; a < graph.width(other); ++a) met_.push_back(place_[other] + a);
    }
    // ascending, so that sums over them do not depend on the order of the rows
    std::sort(met_.begin() + own.begin, met_.end());
    own.meets = static_cast<Index>(met_.size()) - own.begin;
    count_cells(own);
  }
}

void EliminationOrder::number_columns(const RowLevels& rows, const LevelGraph& graph, Index size) {
  first_ = rows.first;
  place_.assign(static_cast<std::size_t>(rows.levels()), -1);
  for (Index j = 0; j < size; ++j) {
    const Index level = graph.level(j), k = rows.term[level];
    EliminatedLevel own;
    own.term = k;
    own.level = level - first_[k];
    own.first = columns();
    own.width = graph.width(level);
    level_of_.insert(level_of_.end(), static_cast<std::size_t>(own.width), j);
    levels_.push_back(own);
    place_level(rows, level);
  }
  eliminated_ = columns();
  for (std::size_t k = 0; k + 1 < first_.size(); ++k) {
    rest_terms_.push_back({});
    RestTerm& own = rest_terms_.back();
    own.shape.width = rows.width[first_[k]];
    own.first = columns() - eliminated_;
    for (Index level = first_[k]; level < first_[k + 1]; ++level) {
      if (place_[level] >= 0) continue;
      ++own.shape.levels;
      place_level(rows, level);
    }
  }
}

void EliminationOrder::place_level(const RowLevels& rows, Index level) {
  const Index k = rows.term[level], width = rows.width[level];
  place_[level] = columns();
  for (Index a = 0; a < width; ++a) origin_.push_back({k, (level - first_[k]) * width + a});
}

void EliminationOrder::count_cells(EliminatedLevel& own) {
  own.square = squares_;
  own.cross = crosses_;
  own.chain = chains_;
  squares_ += own.width * own.width;
  crosses_ += own.width * own.meets;
  if (own.is_met) chains_ += own.width * own.meets;
  products_ += level_products(own.width, own.meets);
  for (Index at = 0; at < own.meets && met(own)[at] < eliminated_;) {
    EliminatedLevel& other = levels_[level_of(met(own)[at])];
    other.is_met = has_chains_ = true;
    at += other.width;
  }
}

LevelRows rows_by_level(const EliminationOrder& order, const RowCells& cells, bool first_only) {
  const Index rows = static_cast<Index>(cells.start.size()) - 1;
  // visit(level) of a row
  const auto all_levels = [&](Index i, const auto& visit) {
    Index last = -1;
    for (Index at = cells.start[i]; at < cells.start[i + 1]; ++at) {
      if (cells.column[at] >= order.eliminated() || (first_only && last >= 0)) return;
      const Index j = order.level_of(cells.column[at]);
      if (j != last) visit(j);
      last = j;
    }
  };
  LevelRows out;
  out.start.assign(order.levels().size() + 1, 0);
  for (Index i = 0; i < rows; ++i) all_levels(i, [&](Index j) { ++out.start[j + 1]; });
  std::partial_sum(out.start.begin(), out.start.end(), out.start.begin());
  out.row.resize(static_cast<std::size_t>(out.start.back()));
  std::vector<Index> at(out.start.begin(), out.start.end() - 1);
  for (Index i = 0; i < rows; ++i) all_levels(i, [&](Index j) { out.row[at[j]++] = i; });
  return out;
}

Index EliminationOrder::place(Index k, Index level) const {
  return place_[static_cast<std::size_t>(first_[static_cast<std::size_t>(k)] + level)];
}

const ColumnOrigin& EliminationOrder::origin(Index column) const {
  return origin_[static_cast<std::size_t>(column)];
}

}  // namespace hdlmm
