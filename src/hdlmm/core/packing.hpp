#ifndef HDLMM_CORE_PACKING_HPP
#define HDLMM_CORE_PACKING_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "hdlmm/core/types.hpp"

namespace hdlmm {

/// Memory that begins at a cache line; the cells are not initialised.
template <typename T>
class AlignedBuffer {
 public:
  explicit AlignedBuffer(Index size)
      : memory_(new T[static_cast<std::size_t>(size) + kLine / sizeof(T)]) {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    cells_ = memory_.get() + ((kLine - address % kLine) % kLine) / sizeof(T);
  }
  T* data() const { return cells_; }

 private:
  static constexpr std::size_t kLine = 64;
  std::unique_ptr<T[]> memory_;
  T* cells_;
};

/// As many buffers as threads that run at once: a task takes one and gives it back.
template <typename T>
class BufferPool {
 public:
  BufferPool(Index n_buffers, Index size) {
    for (Index i = 0; i < n_buffers; ++i) free_.emplace_back(size);
  }

  class Lease {
   public:
    explicit Lease(BufferPool& pool) : pool_(pool), buffer_(pool.take()) {}
    ~Lease() { pool_.give(std::move(buffer_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    T* data() const { return buffer_.data(); }

   private:
    BufferPool& pool_;
    AlignedBuffer<T> buffer_;
  };

 private:
  AlignedBuffer<T> take() {
    const std::lock_guard<std::mutex> lock(mutex_);
    AlignedBuffer<T> last = std::move(free_.back());
    free_.pop_back();
    return last;
  }
  void give(AlignedBuffer<T> buffer) {
    const std::lock_guard<std::mutex> lock(mutex_);
    free_.push_back(std::move(buffer));  // never allocates: it has had this size before
  }

  std::mutex mutex_;
  std::vector<AlignedBuffer<T>> free_;
};

inline Index divide_up(Index a, Index b) { return (a + b - 1) / b; }
inline Index round_up(Index a, Index multiple) { return divide_up(a, multiple) * multiple; }

/// A factor of a product as `size` vectors along the dimension that is summed over: cell l of
/// vector i is cells[i * vector_step + l * depth_step]. One of the steps is 1.
struct Factor {
  const double* cells;
  Index size;
  Index vector_step;
  Index depth_step;

  Factor from(Index vector, Index depth) const {
    return {cells + vector * vector_step + depth * depth_step, size - vector, vector_step,
            depth_step};
  }
};

namespace packing_detail {

/// Cells of adjacent vectors are adjacent: runs of memory over the vectors, four steps of depth at
/// a time so that few cache lines are open.
template <int kWidth>
void pack_adjacent_vectors(const Factor& factor, Index strips, Index depth, double* out,
                           Index strip_step) {
  Index l = 0;
  for (; l + 4 <= depth; l += 4) {
    const double* from = factor.cells + l * factor.depth_step;
    for (Index s = 0; s < strips; ++s, from += kWidth) {
      double* to = out + s * strip_step + l * kWidth;
      for (int step = 0; step < 4; ++step) {
        for (int i = 0; i < kWidth; ++i) to[step * kWidth + i] = from[step * factor.depth_step + i];
      }
    }
  }
  for (; l < depth; ++l) {
    const double* from = factor.cells + l * factor.depth_step;
    for (Index s = 0; s < strips; ++s) {
      double* to = out + s * strip_step + l * kWidth;
      for (int i = 0; i < kWidth; ++i) to[i] = from[s * kWidth + i];
    }
  }
}

/// The cells of each vector are adjacent: a transposition of kWidth runs of memory.
template <int kWidth>
void pack_adjacent_depth(const Factor& factor, Index strips, Index depth, double* out,
                         Index strip_step) {
  for (Index s = 0; s < strips; ++s) {
    const double* from[kWidth];
    for (int i = 0; i < kWidth; ++i) from[i] = factor.cells + (s * kWidth + i) * factor.vector_step;
    double* to = out + s * strip_step;
    for (Index l = 0; l < depth; ++l, to += kWidth) {
      for (int i = 0; i < kWidth; ++i) to[i] = from[i][l];
    }
  }
}

/// What is left of a strip; absent vectors are zero.
template <int kWidth>
void pack_last_strip(const Factor& factor, Index present, Index depth, double* out) {
  for (Index l = 0; l < depth; ++l, out += kWidth) {
    for (Index i = 0; i < kWidth; ++i) {
      out[i] = i < present ? factor.cells[i * factor.vector_step + l * factor.depth_step] : 0;
    }
  }
}

template <int kWidth>
void pack_strips(const Factor& factor, Index strips, Index depth, double* out, Index strip_step) {
  const Index whole = std::min(strips, std::max<Index>(0, factor.size) / kWidth);
  if (factor.vector_step == 1) {
    pack_adjacent_vectors<kWidth>(factor, whole, depth, out, strip_step);
  } else {
    pack_adjacent_depth<kWidth>(factor, whole, depth, out, strip_step);
  }
  for (Index s = whole; s < strips; ++s) {
    const Index present = std::max<Index>(0, std::min<Index>(kWidth, factor.size - s * kWidth));
    pack_last_strip<kWidth>(present > 0 ? factor.from(s * kWidth, 0) : factor, present, depth,
                            out + s * strip_step);
  }
}

}  // namespace packing_detail

/// The first `depth` cells of the first strips * width vectors; those beyond factor.size are zero.
/// Strips begin strip_step apart.
inline void pack_strips(const Factor& factor, Index width, Index strips, Index depth, double* out,
                        Index strip_step) {
  if (width == 8) {
    packing_detail::pack_strips<8>(factor, strips, depth, out, strip_step);
  } else {
    packing_detail::pack_strips<4>(factor, strips, depth, out, strip_step);
  }
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_PACKING_HPP
