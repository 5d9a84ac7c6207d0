#include "hdlmm/dense/packed_gram.hpp"

namespace hdlmm {

TriangleBlocks::TriangleBlocks(Index n, Index unit)
    : size_(std::max(2 * unit, std::min(kPackedBlock, round_up(divide_up(n, 8), unit)))) {
  const Index n_blocks = divide_up(n, size_);
  for (Index i = n_blocks - 1; i > 0; --i) {
    for (Index j = 0; j < i; ++j) blocks_.push_back({i * size_, j * size_});
  }
  for (Index i = 0; i < n_blocks; ++i) blocks_.push_back({i * size_, i * size_});
}

TargetBlock TriangleBlocks::part(const TargetBlock& c, const Corner& corner) const {
  return c.part(corner.row, corner.col, std::min(size_, c.rows - corner.row),
                std::min(size_, c.cols - corner.col));
}

}  // namespace hdlmm
