#ifndef HDLMM_MARGINAL_LEVEL_GRAPH_HPP
#define HDLMM_MARGINAL_LEVEL_GRAPH_HPP

#include <vector>

#include "hdlmm/marginal/row_levels.hpp"

namespace hdlmm {

/// Which levels meet as others are eliminated: sets of levels, at first those of the rows. A level
/// that is eliminated meets all that it shares a set with, and makes one set of these sets (the
/// quotient graph of George & Liu 1980, SIAM Review 22).
class LevelGraph {
 public:
  /// Levels of a set or those that one met, in no order.
  struct Levels {
    const Index *from, *to;
    const Index* begin() const { return from; }
    const Index* end() const { return to; }
  };

  /// rows outlive the graph.
  explicit LevelGraph(const RowLevels& rows);

  /// Those that a level would meet now; valid until the next one is asked for or eliminated.
  Levels meets(Index level);
  bool is_met(Index level) const { return stamp_[level] == stamps_; }  ///< by the last one asked
  void eliminate(Index level);

  /// Eliminated levels in order, and those behind it that each met.
  Index size() const { return static_cast<Index>(sequence_.size()); }
  Index level(Index j) const { return sequence_[static_cast<std::size_t>(j)]; }
  Levels met(Index j) const { return {met_.data() + start_[j], met_.data() + start_[j + 1]}; }
  bool is_eliminated(Index level) const { return is_eliminated_[level] != 0; }

  Index levels() const { return static_cast<Index>(sets_.size()); }
  /// Sets, those of rows from 0 on, then one of each eliminated level.
  Index sets() const { return static_cast<Index>(is_absorbed_.size()); }
  Levels members(Index set) const;
  const std::vector<Index>& sets_of(Index level);
  /// A set is no longer one of any level: all of it is in another one.
  void absorb(Index set) { is_absorbed_[set] = 1; }

  Index width(Index level) const { return rows_->width[static_cast<std::size_t>(level)]; }
  Index width(Levels levels) const;

 private:
  const RowLevels* rows_;
  std::vector<std::vector<Index>> sets_;  ///< of every level
  std::vector<char> is_absorbed_, is_eliminated_;
  std::vector<Index> sequence_, start_, met_;
  std::vector<Index> next_;  ///< that the last level asked for would meet
  std::vector<Index> stamp_;
  Index stamps_ = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_LEVEL_GRAPH_HPP
