#include "hdlmm/marginal/elimination_order.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

namespace hdlmm {

namespace {

/// Levels of all terms, those of term k from first[k] on, and which of them each row has.
struct RowLevels {
  std::vector<Index> first, term;   ///< [K + 1] and of each level
  std::vector<Index> start, level;  ///< [n + 1], by rows

  Index levels() const { return first.back(); }
};

RowLevels levels_of_rows(const TermsModel& model, const std::vector<RowCells>& cells) {
  RowLevels out;
  out.first.assign(1, 0);
  std::size_t size = 0;
  for (Index k = 0; k < model.size(); ++k) {
    out.first.push_back(out.first.back() + model.shape(k).levels);
    out.term.resize(static_cast<std::size_t>(out.first.back()), k);
    size += cells[static_cast<std::size_t>(k)].column.size();
  }
  out.start.reserve(static_cast<std::size_t>(model.rows()) + 1);
  out.level.reserve(size);
  out.start.push_back(0);
  for (Index i = 0; i < model.rows(); ++i) {
    for (Index k = 0; k < model.size(); ++k) {
      const RowCells& own = cells[static_cast<std::size_t>(k)];
      Index last = -1;
      for (Index at = own.start[i]; at < own.start[i + 1]; ++at) {
        const Index level = out.first[k] + own.column[at] / model.shape(k).width;
        if (level != last) out.level.push_back(level);
        last = level;
      }
    }
    out.start.push_back(static_cast<Index>(out.level.size()));
  }
  return out;
}

/// Terms that can be eliminated one after the other: no two levels of one meet, neither in a row
/// nor by what has been eliminated before.
class TermSequence {
 public:
  /// Tries the terms by their sizes [terms], largest first.
  TermSequence(const std::vector<Index>& sizes, const RowLevels& rows)
      : rows_(rows), above_(static_cast<std::size_t>(rows.levels())), is_in_(sizes.size(), 0) {
    std::iota(above_.begin(), above_.end(), Index{0});
    std::vector<Index> order(is_in_.size());
    std::iota(order.begin(), order.end(), Index{0});
    std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) {
      return sizes[static_cast<std::size_t>(a)] > sizes[static_cast<std::size_t>(b)];
    });
    for (const Index k : order) {
      if (stays_apart(k)) add(k);
    }
  }

  const std::vector<Index>& terms() const { return terms_; }

 private:
  /// visit(an eliminated level of the row or -1, its level of term k), until false, of every row
  /// that has one; false as well where a row has two.
  template <typename Visit>
  bool all_rows(Index k, Visit&& visit) const {
    for (std::size_t i = 0; i + 1 < rows_.start.size(); ++i) {
      Index before = -1, own = -1;
      for (Index at = rows_.start[i]; at < rows_.start[i + 1]; ++at) {
        const Index level = rows_.level[at], term = rows_.term[level];
        if (term == k) {
          if (own >= 0) return false;
          own = level;
        } else if (is_in_[term] != 0) {
          before = level;
        }
      }
      if (own >= 0 && !visit(before, own)) return false;
    }
    return true;
  }

  bool stays_apart(Index k) {
    std::vector<Index> met(above_.size(), -1);
    return all_rows(k, [&](Index before, Index own) {
      if (before < 0) return true;
      Index& level = met[component(before)];
      if (level < 0) level = own;
      return level == own;
    });
  }

  void add(Index k) {
    all_rows(k, [&](Index before, Index own) {
      if (before >= 0) above_[component(before)] = component(own);
      return true;
    });
    terms_.push_back(k);
    is_in_[k] = 1;
  }

  /// Of eliminated levels that hang together by rows.
  Index component(Index level) {
    while (above_[level] != level) level = above_[level] = above_[above_[level]];
    return level;
  }

  const RowLevels& rows_;
  std::vector<Index> above_;
  std::vector<char> is_in_;
  std::vector<Index> terms_;
};

/// Of the sequence by columns and that by levels, which has an inner factor before an outer one of
/// as many or more columns, the one that leaves fewer columns.
std::vector<Index> eliminated_terms(const TermsModel& model, const RowLevels& rows) {
  std::vector<Index> columns, levels;
  for (Index k = 0; k < model.size(); ++k) {
    columns.push_back(model.shape(k).cols());
    levels.push_back(model.shape(k).levels);
  }
  const auto count = [&](const std::vector<Index>& terms) {
    Index out = 0;
    for (const Index k : terms) out += columns[static_cast<std::size_t>(k)];
    return out;
  };
  const std::vector<Index> first = TermSequence(columns, rows).terms();
  if (columns == levels) return first;
  const std::vector<Index> second = TermSequence(levels, rows).terms();
  return count(second) > count(first) ? second : first;
}

/// Of a sequence of levels, those behind it that each meets when its turn comes.
class Meetings {
 public:
  Meetings(const RowLevels& rows, std::vector<Index> sequence)
      : rank_(static_cast<std::size_t>(rows.levels()), -1), sequence_(std::move(sequence)) {
    for (std::size_t j = 0; j < sequence_.size(); ++j) rank_[sequence_[j]] = static_cast<Index>(j);
    list_rows(rows);
    start_.push_back(0);
    is_seen_.assign(rank_.size(), -1);
    heirs_.assign(sequence_.size(), {});
    for (Index j = 0; j < size(); ++j) meet(rows, j);
  }

  Index size() const { return static_cast<Index>(sequence_.size()); }
  Index level(Index j) const { return sequence_[static_cast<std::size_t>(j)]; }
  /// In no order.
  const Index* begin(Index j) const { return met_.data() + start_[j]; }
  const Index* end(Index j) const { return met_.data() + start_[j + 1]; }

 private:
  void list_rows(const RowLevels& rows) {
    row_start_.assign(sequence_.size() + 1, 0);
    for (const Index level : rows.level) {
      if (rank_[level] >= 0) ++row_start_[rank_[level] + 1];
    }
    std::partial_sum(row_start_.begin(), row_start_.end(), row_start_.begin());
    row_.resize(static_cast<std::size_t>(row_start_.back()));
    std::vector<Index> at(row_start_.begin(), row_start_.end() - 1);
    for (std::size_t i = 0; i + 1 < rows.start.size(); ++i) {
      for (Index cell = rows.start[i]; cell < rows.start[i + 1]; ++cell) {
        const Index j = rank_[rows.level[cell]];
        if (j >= 0) row_[at[j]++] = static_cast<Index>(i);
      }
    }
  }

  void meet(const RowLevels& rows, Index j) {
    is_seen_[level(j)] = j;
    Index next = size();
    const auto add = [&](Index other) {
      const bool is_behind = rank_[other] < 0 || rank_[other] > j;
      if (!is_behind || is_seen_[other] == j) return;
      is_seen_[other] = j;
      met_.push_back(other);
      if (rank_[other] >= 0) next = std::min(next, rank_[other]);
    };
    for (Index at = row_start_[j]; at < row_start_[j + 1]; ++at) {
      const Index row = row_[at];
      for (Index cell = rows.start[row]; cell < rows.start[row + 1]; ++cell) add(rows.level[cell]);
    }
    for (const Index before : heirs_[j]) {
      for (Index at = start_[before]; at < start_[before + 1]; ++at) add(met_[at]);
    }
    start_.push_back(static_cast<Index>(met_.size()));
    // what a level has met is met by the next one of those that it meets, and so on
    if (next < size()) heirs_[next].push_back(j);
  }

  std::vector<Index> rank_, sequence_, start_, met_;
  std::vector<Index> row_start_, row_, is_seen_;
  std::vector<std::vector<Index>> heirs_;
};

double columns_of(const TermsModel& model, Index k) {
  return static_cast<double>(model.shape(k).cols());
}

/// How many of the terms are best eliminated, the others left in the dense matrix.
std::size_t best_count(const TermsModel& model, const RowLevels& rows,
                       const std::vector<Index>& terms, const Meetings& meetings) {
  double rest = 0, scattered = 0, least = 0;
  for (Index k = 0; k < model.size(); ++k) rest += columns_of(model, k);
  least = rest * rest * rest;
  std::size_t best = 0;
  Index j = 0;
  for (std::size_t count = 1; count <= terms.size(); ++count) {
    const Index k = terms[count - 1];
    for (Index end = j + model.shape(k).levels; j < end; ++j) {
      double met = 0;
      for (const Index* other = meetings.begin(j); other != meetings.end(j); ++other) {
        met += static_cast<double>(model.shape(rows.term[*other]).width);
      }
      scattered += 0.5 * met * (met + 1) * static_cast<double>(model.shape(k).width);
    }
    rest -= columns_of(model, k);
    const double cost = kScattered * scattered + rest * rest * rest;
    if (cost <= least) best = count;
    least = std::min(least, cost);
  }
  return best;
}

}  // namespace

std::vector<RowCells> sparse_cells(const TermsModel& model) {
  std::vector<RowCells> out;
  for (Index k = 0; k < model.size(); ++k) {
    out.emplace_back();
    if (model.design(k).has_row_cells()) {
      out.back() = model.design(k).row_cells();
    } else {
      out.back().start.assign(static_cast<std::size_t>(model.rows()) + 1, 0);
    }
  }
  return out;
}

EliminationOrder::EliminationOrder(const TermsModel& model, const std::vector<RowCells>& cells) {
  if (!model.has_row_cells()) {
    number_columns(model, {});
    return;
  }
  const RowLevels rows = levels_of_rows(model, cells);
  std::vector<Index> terms = eliminated_terms(model, rows), sequence;
  for (const Index k : terms) {
    for (Index level = rows.first[k]; level < rows.first[k + 1]; ++level) sequence.push_back(level);
  }
  const Meetings meetings(rows, std::move(sequence));
  terms.resize(best_count(model, rows, terms, meetings));
  number_columns(model, terms);
  for (EliminatedLevel& own : levels_) {
    const Index j = &own - levels_.data();
    own.begin = static_cast<Index>(met_.size());
    for (const Index* other = meetings.begin(j); other != meetings.end(j); ++other) {
      const Index k = rows.term[*other], first = place(k, *other - rows.first[k]);
      for (Index a = 0; a < model.shape(k).width; ++a) met_.push_back(first + a);
    }
    // ascending, so that sums over them do not depend on the order of the rows
    std::sort(met_.begin() + own.begin, met_.end());
    own.meets = static_cast<Index>(met_.size()) - own.begin;
    count_cells(own);
  }
}

void EliminationOrder::number_columns(const TermsModel& model, const std::vector<Index>& terms) {
  place_.resize(static_cast<std::size_t>(model.size()));
  for (const Index k : terms) {
    for (Index level = 0; level < model.shape(k).levels; ++level) {
      EliminatedLevel own;
      own.term = k;
      own.level = level;
      own.first = columns();
      own.width = model.shape(k).width;
      level_of_.insert(level_of_.end(), static_cast<std::size_t>(own.width),
                       static_cast<Index>(levels_.size()));
      levels_.push_back(own);
      place_level(model, k, level);
    }
  }
  eliminated_ = columns();
  for (Index k = 0; k < model.size(); ++k) {
    if (std::find(terms.begin(), terms.end(), k) != terms.end()) continue;
    for (Index level = 0; level < model.shape(k).levels; ++level) place_level(model, k, level);
  }
}

void EliminationOrder::place_level(const TermsModel& model, Index k, Index level) {
  const Index width = model.shape(k).width;
  place_[k].push_back(columns());
  for (Index a = 0; a < width; ++a) origin_.push_back({k, level * width + a});
}

void EliminationOrder::count_cells(EliminatedLevel& own) {
  own.square = squares_;
  own.cross = crosses_;
  own.chain = chains_;
  squares_ += own.width * own.width;
  crosses_ += own.width * own.meets;
  if (own.is_met) chains_ += own.width * own.meets;
  products_ += 0.5 * static_cast<double>(own.width * own.meets * (own.meets + 1));
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
  return place_[static_cast<std::size_t>(k)][static_cast<std::size_t>(level)];
}

const ColumnOrigin& EliminationOrder::origin(Index column) const {
  return origin_[static_cast<std::size_t>(column)];
}

}  // namespace hdlmm
