#ifndef HDLMM_DENSE_PACKED_GRAM_HPP
#define HDLMM_DENSE_PACKED_GRAM_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/packed_products.hpp"

namespace hdlmm {

/// Which neighbours of a cell are next to it in memory: those in other vectors, or those of its own
/// vector. It decides in which order cells are packed.
enum class Adjacent { vectors, depth };

/// Called with the number of steps of depth that are done.
using Progress = std::function<void(Index)>;

/// Vectors that one call of a packing function is asked for at most.
constexpr Index kPackedVectors = 384;

constexpr Index kLeastVectors = 96;
constexpr Index kPackedColumns = 48;  // whose cells are read along: a page or more of each

/// Square blocks of the lower triangle, those on the diagonal, which are half the work, last.
class TriangleBlocks {
 public:
  /// At least eight rows of blocks where they do not become too small for a kernel, whose tiles
  /// have `unit` rows.
  TriangleBlocks(Index n, Index unit);

  struct Corner {
    Index row, col;
  };
  Index count() const { return static_cast<Index>(blocks_.size()); }
  const Corner& operator[](Index at) const { return blocks_[static_cast<std::size_t>(at)]; }
  TargetBlock part(const TargetBlock& c, const Corner& corner) const;

 private:
  Index size_;
  std::vector<Corner> blocks_;
};

/// Steps of depth that are packed together, in layers of the depth that a kernel call takes.
template <typename Cell>
struct Panel {
  Index first;
  Index depth;
  Cell* cells;
};

template <typename Blocks>
class PackedGram {
 public:
  using Cell = typename Blocks::Cell;

  PackedGram(const Blocks& blocks, Index k, const Packer<Cell>& pack, Adjacent adjacent,
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

  void run(const Progress& after) {
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
  const Packer<Cell>& pack_;
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
template <typename Blocks>
void add_gram(const Blocks& blocks, Index k, const Packer<typename Blocks::Cell>& pack,
              Adjacent adjacent, MatrixView c, const Context& context, const Progress& after) {
  if (c.rows() == 0 || k == 0) return;
  PackedGram<Blocks>(blocks, k, pack, adjacent, lower_of(c), context).run(after);
}

}  // namespace hdlmm

#endif  // HDLMM_DENSE_PACKED_GRAM_HPP
