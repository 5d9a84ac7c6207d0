#ifndef HDLMM_MARGINAL_ELIMINATION_ORDER_HPP
#define HDLMM_MARGINAL_ELIMINATION_ORDER_HPP

#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/marginal/level_graph.hpp"
#include "hdlmm/marginal/rest_factor.hpp"

namespace hdlmm {

/// A level that is eliminated, [width] columns from `first` on.
struct EliminatedLevel {
  Index term = 0, level = 0;
  Index first = 0, width = 1;
  Index begin = 0, meets = 0;   ///< of the columns that it meets, see met()
  Index square = 0, cross = 0;  ///< where what is [width x width], [width x meets] begins
  bool is_met = false;          ///< by a level before it
  Index chain = 0;              ///< where what is [width x meets] of levels that are met begins
};

/// What a column is of.
struct ColumnOrigin {
  Index term = 0, coefficient = 0;
};

/// What is eliminated rather than left in the dense matrix.
struct EliminationRule {
  /// A product that is added to a cell somewhere, in products of dense matrices: 2 to 3 ns beside
  /// 0.05 to 0.1 where it was measured.
  double scattered = 32;
  /// Levels of terms of which not all are eliminated: only of a rest of so many columns, and where
  /// that leaves less than this part of the work.
  double smallest_rest = 200, part = 0.5;
};

/// In which order the coefficients of sparse terms are eliminated, and which of those behind it
/// every level meets when its turn comes: those of its rows, and those that the levels before it
/// which meet it have met. What is never eliminated stays as a dense matrix.
///
/// Terms are eliminated from the largest one on while the levels of each stay apart: where b is
/// nested in a, a level of b meets one of a, and without b those of a still do not meet. Of what is
/// left then, single levels are as long as they meet few others, where that makes a difference.
class EliminationOrder {
 public:
  /// O(cells + what is met); of single levels their products beside that.
  EliminationOrder(const TermsModel& model, const Context& context,
                   const EliminationRule& rule = {});
  EliminationOrder() = default;

  Index columns() const { return static_cast<Index>(origin_.size()); }
  Index eliminated() const { return eliminated_; }
  Index rest() const { return columns() - eliminated_; }
  /// Of every term, those of its levels that are in the rest, in order.
  const std::vector<RestTerm>& rest_terms() const { return rest_terms_; }

  /// First column of a level of a term.
  Index place(Index k, Index level) const;

  const ColumnOrigin& origin(Index column) const;

  const std::vector<EliminatedLevel>& levels() const { return levels_; }
  /// Columns behind level j, ascending.
  const Index* met(const EliminatedLevel& own) const { return met_.data() + own.begin; }
  /// The level that an eliminated column is of.
  Index level_of(Index column) const { return level_of_[static_cast<std::size_t>(column)]; }

  Index met_columns() const { return static_cast<Index>(met_.size()); }
  Index squares() const { return squares_; }  ///< cells of all [width x width]
  Index crosses() const { return crosses_; }  ///< cells of all [width x meets]
  Index chains() const { return chains_; }    ///< the same of levels that are met
  /// Whether a level meets another one that is eliminated.
  bool has_chains() const { return has_chains_; }
  /// Products that an elimination adds to cells somewhere: pairs of columns that a level meets,
  /// times its width, summed over the levels.
  double products() const { return products_; }

 private:
  void number_columns(const RowLevels& rows, const LevelGraph& graph, Index size);
  void place_level(const RowLevels& rows, Index level);
  void count_cells(EliminatedLevel& own);

  Index eliminated_ = 0;
  Index squares_ = 0, crosses_ = 0, chains_ = 0;
  double products_ = 0;
  bool has_chains_ = false;
  std::vector<Index> first_, place_;  ///< of every term, its levels; of all levels, their columns
  std::vector<RestTerm> rest_terms_;
  std::vector<ColumnOrigin> origin_;
  std::vector<EliminatedLevel> levels_;
  std::vector<Index> met_, level_of_;
};

/// Rows by the eliminated levels of which they have cells, or by the first of these alone.
struct LevelRows {
  std::vector<Index> start, row;  ///< [levels + 1]; rows ascend
};
LevelRows rows_by_level(const EliminationOrder& order, const RowCells& cells, bool first_only);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ELIMINATION_ORDER_HPP
