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

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_ROW_CELLS_HPP
