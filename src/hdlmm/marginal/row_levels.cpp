#include "hdlmm/marginal/row_levels.hpp"

#include <cstddef>
#include <numeric>

namespace hdlmm {

Index RowLevels::columns() const { return std::accumulate(width.begin(), width.end(), Index{0}); }

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

RowLevels levels_of_rows(const TermsModel& model, const std::vector<RowCells>& cells) {
  RowLevels out;
  out.first.assign(1, 0);
  std::size_t size = 0;
  for (Index k = 0; k < model.size(); ++k) {
    out.first.push_back(out.first.back() + model.shape(k).levels);
    out.term.resize(static_cast<std::size_t>(out.first.back()), k);
    out.width.resize(out.term.size(), model.shape(k).width);
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

}  // namespace hdlmm
