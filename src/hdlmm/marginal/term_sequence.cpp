#include "hdlmm/marginal/term_sequence.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace hdlmm {

namespace {

/// Of a choice of terms by their sizes.
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

}  // namespace

std::vector<Index> separable_terms(const TermsModel& model, const RowLevels& rows) {
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

}  // namespace hdlmm
