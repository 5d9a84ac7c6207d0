#ifndef HDLMM_OPERATOR_ROW_CELLS_HPP
#define HDLMM_OPERATOR_ROW_CELLS_HPP

#include <vector>

#include "hdlmm/base/index.hpp"

namespace hdlmm {

/// The stored cells of a sparse design by rows, columns ascending within each.
struct RowCells {
  std::vector<Index> start;   ///< [n + 1]
  std::vector<Index> column;  ///< [nnz]
  std::vector<double> value;  ///< [nnz]
};

/// Cells of several designs of as many rows side by side, columns of the k-th from first[k] on.
RowCells side_by_side(const std::vector<RowCells>& parts, const std::vector<Index>& first,
                      Index rows);

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_ROW_CELLS_HPP
