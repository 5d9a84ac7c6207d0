#include "hdlmm/dense/rank_update.hpp"

namespace hdlmm {

namespace {

/// How blocks of packed doubles are multiplied.
struct DoubleBlocks {
  using Cell = double;
  static constexpr Index kRows = 24;  ///< a multiple of the rows of a tile
  static constexpr Index kMaxDepth = hdlmm::kMaxDepth;
  static constexpr Index kDepthUnit = 1;
  static constexpr Index kPanelCells = 1 << 20;

  MicroKernel kernel;

  void add(Index depth, const double* a, const double* b, const TargetBlock& c) const {
    add_packed_block(kernel, depth, a, b, 1, c);
  }
};

}  // namespace

void add_packed_gram(Index k, const Packer<double>& pack, Adjacent adjacent, MatrixView c,
                     const Context& context, const Progress& after) {
  const DoubleBlocks blocks{micro_kernel(context.kernels)};
  add_gram(blocks, k, pack, adjacent, c, context, after);
}

void add_outer_gram(const ConstMatrix& b, MatrixView c, const Context& context) {
  add_packed_gram(b.cols(), FactorPacker(rows_of(b), context), Adjacent::vectors, c, context,
                  [](Index) {});
}

void add_inner_gram(const ConstMatrix& b, MatrixView c, const Context& context) {
  add_packed_gram(b.rows(), FactorPacker(columns_of(b), context), Adjacent::depth, c, context,
                  [](Index) {});
}

}  // namespace hdlmm
