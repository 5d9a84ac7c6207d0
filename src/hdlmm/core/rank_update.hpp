#ifndef HDLMM_CORE_RANK_UPDATE_HPP
#define HDLMM_CORE_RANK_UPDATE_HPP

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "hdlmm/core/dense_products.hpp"

namespace hdlmm {

/// Which neighbours of a cell are next to it in memory: those in other vectors, or those of its own
/// vector. It decides in which order cells are packed.
enum class Adjacent { vectors, depth };

/// Vectors that one call of a packing function is asked for at most.
constexpr Index kPackedVectors = 384;

/// c [n x n, lower triangle] += V V' with V [n x k] given by pack(first, count, first_depth, depth,
/// out), which packs vectors (rows of V) first .. first + count - 1 in strips as a MicroKernel
/// reads them; count is a multiple of a strip and vectors beyond n are zero.
///
/// pack() is called once for every cell, by several threads. n^2 k flops; 8 MB or 256 rows of V',
/// whichever is more, are held twice: while one panel is multiplied the next one is packed.
/// after(depth) is called on the calling thread when `depth` steps are done.
template <typename Pack, typename After>
void add_packed_gram(Index k, const Pack& pack, Adjacent adjacent, MatrixView c,
                     const Context& context, const After& after);

/// c [n x n, lower triangle] += b b', b: [n x k]. n^2 k flops.
inline void add_outer_gram(const ConstMatrix& b, MatrixView c, const Context& context);

/// c [p x p, lower triangle] += b' b, b: [k x p]. p^2 k flops.
inline void add_inner_gram(const ConstMatrix& b, MatrixView c, const Context& context);

namespace rank_update_detail {

using dense_products_detail::add_packed_block;
using dense_products_detail::context_for;
using dense_products_detail::kBlock;

constexpr Index kLeastVectors = 96;
constexpr Index kPackedColumns = 48;  // whose cells are read along: a page or more of each

/// Square blocks of the lower triangle, those on the diagonal, which are half the work, last.
class TriangleBlocks {
 public:
  /// At least eight rows of blocks where they do not become too small for a kernel, whose tiles
  /// have `unit` rows.
  TriangleBlocks(Index n, Index unit)
      : size_(std::max(2 * unit, std::min(kBlock, round_up(divide_up(n, 8), unit)))) {
    const Index n_blocks = divide_up(n, size_);
    for (Index i = n_blocks - 1; i > 0; --i) {
      for (Index j = 0; j < i; ++j) blocks_.push_back({i * size_, j * size_});
    }
    for (Index i = 0; i < n_blocks; ++i) blocks_.push_back({i * size_, i * size_});
  }

  struct Corner {
    Index row, col;
  };
  Index count() const { return static_cast<Index>(blocks_.size()); }
  const Corner& operator[](Index at) const { return blocks_[static_cast<std::size_t>(at)]; }
  TargetBlock part(const TargetBlock& c, const Corner& corner) const {
    return c.part(corner.row, corner.col, std::min(size_, c.rows - corner.row),
                  std::min(size_, c.cols - corner.col));
  }

 private:
  Index size_;
  std::vector<Corner> blocks_;
};

/// How blocks of packed doubles are multiplied.
struct DoubleBlocks {
  using Cell = double;
  static constexpr Index kRows = 24;  ///< a multiple of the rows of a tile
  static constexpr Index kMaxDepth = dense_products_detail::kDepth;
  static constexpr Index kDepthUnit = 1;
  static constexpr Index kPanelCells = 1 << 20;

  MicroKernel kernel;

  void add(Index depth, const double* a, const double* b, const TargetBlock& c) const {
    add_packed_block(kernel, depth, a, b, 1, c);
  }
};

/// Steps of depth that are packed together, in layers of the depth that a kernel call takes.
template <typename Cell>
struct Panel {
  Index first;
  Index depth;
  Cell* cells;
};

template <typename Blocks, typename Pack>
class PackedGram {
 public:
  using Cell = typename Blocks::Cell;

  PackedGram(const Blocks& blocks, Index k, const Pack& pack, Adjacent adjacent,
             const TargetBlock& c, const Context& context)
      : blocks_(blocks),
        k_(k),
        pack_(pack),
        piece_(adjacent == Adjacent::vectors ? packed_vectors(c.rows) : kPackedColumns),
        c_(c),
        triangle_(c.rows, Blocks::kRows),
        padded_(round_up(c.rows, Blocks::kRows)),
        layer_(stored(divide_up(k, divide_up(k, Blocks::kMaxDepth)))),
        depth_(std::min(round_up(k, layer_),
                        layer_ * std::max<Index>(1, Blocks::kPanelCells / (padded_ * layer_)))),
        context_(context_for(1.0 * c.rows * c.rows * std::min(k, depth_), context)),
        even_(padded_ * depth_),
        odd_(depth_ < k ? padded_ * depth_ : 0) {}

  template <typename After>
  void run(const After& after) {
    if (depth_ >= k_) {
      run_at_once();
      return after(k_);
    }
    Panel<Cell> ready = panel_at(0, even_);
    step({0, 0, nullptr}, ready);
    for (bool is_even = true; ready.depth > 0; is_even = !is_even) {
      const Panel<Cell> next = panel_at(ready.first + ready.depth, is_even ? odd_ : even_);
      step(ready, next);
      after(next.first);
      ready = next;
    }
  }

 private:
  Panel<Cell> panel_at(Index first, const AlignedBuffer<Cell>& buffer) const {
    return {first, std::min(depth_, k_ - first), buffer.data()};
  }

  /// All in one panel: threads are started once, and those that have nothing left to pack wait
  /// for those that pack. Tasks are handed out in order, so that whoever packs never waits; when
  /// one fails, `stopped` sends the others home.
  void run_at_once() const {
    const Panel<Cell> panel = panel_at(0, even_);
    const Index n_packs = divide_up(c_.rows, piece_);
    std::atomic<Index> packed{0};
    std::atomic<bool> stopped{false};
    const auto or_stop = [&stopped](const auto& work) {
      try {
        work();
      } catch (...) {
        stopped = true;
        throw;
      }
    };
    Context inner = context_;
    inner.poll = [&] { or_stop(context_.poll); };
    parallel_for(inner, n_packs + triangle_.count(), [&](Index task) {
      if (task < n_packs) {
        or_stop([&] { pack(panel, task * piece_); });
        ++packed;
        return;
      }
      while (packed < n_packs) {
        if (stopped) return;
        std::this_thread::yield();
      }
      multiply(panel, triangle_[task - n_packs]);
    });
  }

  /// Multiply one panel and pack another.
  void step(const Panel<Cell>& ready, const Panel<Cell>& next) const {
    const Index n_packs = next.depth > 0 ? divide_up(c_.rows, piece_) : 0;
    const Index n_blocks = ready.depth > 0 ? triangle_.count() : 0;
    parallel_for(context_, n_packs + n_blocks, [&](Index task) {
      if (task < n_packs) {
        pack(next, task * piece_);
      } else {
        multiply(ready, triangle_[task - n_packs]);
      }
    });
  }

  /// At least four tasks of packing where they do not become too small.
  static Index packed_vectors(Index n) {
    return std::clamp(round_up(divide_up(n, 4), Blocks::kRows), kLeastVectors, kPackedVectors);
  }

  static Index stored(Index depth) { return round_up(depth, Blocks::kDepthUnit); }

  void pack(const Panel<Cell>& panel, Index first) const {
    const Index count = std::min(piece_, padded_ - first);
    for (Index l = 0; l < panel.depth; l += layer_) {
      const Index depth = std::min(layer_, panel.depth - l);
      pack_(first, count, panel.first + l, depth,
            panel.cells + l * padded_ + first * stored(depth));
    }
  }

  void multiply(const Panel<Cell>& panel, const TriangleBlocks::Corner& corner) const {
    const TargetBlock c = triangle_.part(c_, corner);
    for (Index l = 0; l < panel.depth; l += layer_) {
      const Index depth = stored(std::min(layer_, panel.depth - l));
      const Cell* layer = panel.cells + l * padded_;
      blocks_.add(depth, layer + corner.row * depth, layer + corner.col * depth, c);
    }
  }

  Blocks blocks_;
  Index k_;
  const Pack& pack_;
  Index piece_;  ///< vectors packed in one task
  TargetBlock c_;
  TriangleBlocks triangle_;
  Index padded_;  ///< vectors in a panel, the last tile filled up
  Index layer_;
  Index depth_;  ///< of a panel
  Context context_;
  AlignedBuffer<Cell> even_, odd_;
};

/// add_packed_gram() for cells of any kind.
template <typename Blocks, typename Pack, typename After>
void add_gram(const Blocks& blocks, Index k, const Pack& pack, Adjacent adjacent, MatrixView c,
              const Context& context, const After& after) {
  if (c.rows() == 0 || k == 0) return;
  PackedGram<Blocks, Pack>(blocks, k, pack, adjacent, dense_products_detail::lower_of(c), context)
      .run(after);
}

}  // namespace rank_update_detail

template <typename Pack, typename After>
void add_packed_gram(Index k, const Pack& pack, Adjacent adjacent, MatrixView c,
                     const Context& context, const After& after) {
  const rank_update_detail::DoubleBlocks blocks{micro_kernel(context.kernels)};
  rank_update_detail::add_gram(blocks, k, pack, adjacent, c, context, after);
}

inline void add_outer_gram(const ConstMatrix& b, MatrixView c, const Context& context) {
  namespace detail = dense_products_detail;
  add_packed_gram(b.cols(), detail::FactorPacker(detail::rows_of(b), context), Adjacent::vectors, c,
                  context, [](Index) {});
}

inline void add_inner_gram(const ConstMatrix& b, MatrixView c, const Context& context) {
  namespace detail = dense_products_detail;
  add_packed_gram(b.rows(), detail::FactorPacker(detail::columns_of(b), context), Adjacent::depth,
                  c, context, [](Index) {});
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_RANK_UPDATE_HPP
