#include "hdlmm/operator/row_cells.hpp"

namespace hdlmm {

RowCells side_by_side(const std::vector<RowCells>& parts, const std::vector<Index>& first,
                      Index rows) {
  RowCells out;
  std::size_t size = 0;
  for (const RowCells& part : parts) size += part.value.size();
  out.start.reserve(static_cast<std::size_t>(rows) + 1);
  out.column.reserve(size);
  out.value.reserve(size);
  out.start.push_back(0);
  for (Index i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k < parts.size(); ++k) {
      for (Index at = parts[k].start[i]; at < parts[k].start[i + 1]; ++at) {
        out.column.push_back(first[k] + parts[k].column[at]);
        out.value.push_back(parts[k].value[at]);
      }
    }
    out.start.push_back(static_cast<Index>(out.column.size()));
  }
  return out;
}

}  // namespace hdlmm
