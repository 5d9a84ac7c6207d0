#ifndef HDLMM_MARGINAL_ROW_LEVELS_HPP
#define HDLMM_MARGINAL_ROW_LEVELS_HPP

#include <vector>

#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

/// Levels of all terms, those of term k from first[k] on, and which of them each row has.
struct RowLevels {
  std::vector<Index> first;         ///< [K + 1]
  std::vector<Index> term, width;   ///< of each level
  std::vector<Index> start, level;  ///< [n + 1], by rows

  Index rows() const { return static_cast<Index>(start.size()) - 1; }
  Index levels() const { return first.back(); }
  Index columns() const;
};

/// Cells of all designs that have any, of others as many empty rows.
std::vector<RowCells> sparse_cells(const TermsModel& model);

RowLevels levels_of_rows(const TermsModel& model, const std::vector<RowCells>& cells);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ROW_LEVELS_HPP
