#ifndef HDLMM_MARGINAL_ELIMINATION_ORDER_HPP
#define HDLMM_MARGINAL_ELIMINATION_ORDER_HPP

#include <vector>

#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

/// A product that is added to a cell somewhere, in products of dense matrices.
constexpr double kScattered = 8;

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

/// In which order the coefficients of sparse terms are eliminated, and which of those behind it
/// every level meets when its turn comes: those of its rows, and those that the levels before it
/// which meet it have met. What is never eliminated stays as a dense matrix.
///
/// Terms are eliminated from the largest one on while the levels of each stay apart: where b is
/// nested in a, a level of b meets one of a, and without b those of a still do not meet.
class EliminationOrder {
 public:
  /// cells: of every design, those of one without any empty. O(cells + what is met).
  EliminationOrder(const TermsModel& model, const std::vector<RowCells>& cells);
  EliminationOrder() = default;

  Index columns() const { return static_cast<Index>(origin_.size()); }
  Index eliminated() const { return eliminated_; }
  Index rest() const { return columns() - eliminated_; }

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
  void number_columns(const TermsModel& model, const std::vector<Index>& terms);
  void place_level(const TermsModel& model, Index k, Index level);
  void count_cells(EliminatedLevel& own);

  Index eliminated_ = 0;
  Index squares_ = 0, crosses_ = 0, chains_ = 0;
  double products_ = 0;
  bool has_chains_ = false;
  std::vector<std::vector<Index>> place_;
  std::vector<ColumnOrigin> origin_;
  std::vector<EliminatedLevel> levels_;
  std::vector<Index> met_, level_of_;
};

/// Rows by the eliminated levels of which they have cells, or by the first of these alone.
struct LevelRows {
  std::vector<Index> start, row;  ///< [levels + 1]; rows ascend
};
LevelRows rows_by_level(const EliminationOrder& order, const RowCells& cells, bool first_only);

/// Cells of all designs that have any, of others as many empty rows.
std::vector<RowCells> sparse_cells(const TermsModel& model);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ELIMINATION_ORDER_HPP
