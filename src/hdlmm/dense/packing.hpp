#ifndef HDLMM_DENSE_PACKING_HPP
#define HDLMM_DENSE_PACKING_HPP

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "hdlmm/base/types.hpp"
#include "hdlmm/simd/micro_kernel.hpp"

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

/// pack(first, count, first_depth, depth, out): vectors first .. first + count - 1 of a factor,
/// steps first_depth .. first_depth + depth - 1, into strips as a kernel reads them.
template <typename Cell>
using Packer =
    std::function<void(Index first, Index count, Index first_depth, Index depth, Cell* out)>;

/// Runs of memory over the vectors that are packed together: few cache lines are open at a time.
constexpr Index kRuns = 4;

/// Of every kernel: vectors in a strip, and steps of depth in a packed block.
constexpr Index kMaxStrip = 8;
constexpr Index kMaxDepth = 256;  // a strip of it stays in the first-level cache

template <int kWidth, typename T>
Eigen::Array<double, kWidth, 1> cells_at(const ScaledRun<T>& run, Index first) {
  const Eigen::Map<const Eigen::Array<T, kWidth, 1>> stored(run.cells + first);
  return (stored.template cast<double>() - run.shift) * run.scale;
}

template <int kWidth, typename T>
void copy_across(const ScaledRun<T>* runs, Index n_runs, Index strips, double* out,
                 Index strip_step) {
  for (Index s = 0; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      double* to = out + s * strip_step + l * kWidth;
      Eigen::Map<Eigen::Array<double, kWidth, 1>>{to} = cells_at<kWidth>(runs[l], s * kWidth);
    }
  }
}

template <int kWidth, typename T>
void copy_along(const ScaledRun<T>* runs, Index depth, double* out) {
  ScaledRun<T> from[kWidth];
  for (int i = 0; i < kWidth; ++i) from[i] = runs[i];
  for (Index l = 0; l < depth; ++l, out += kWidth) {
    for (int i = 0; i < kWidth; ++i) out[i] = from[i][l];
  }
}

/// Whole strips, see PackKernels, of runs of either kind.
void copy_across(const MicroKernel& kernel, const double* const* runs, Index n_runs, Index strips,
                 Index ahead, double* out, Index strip_step);

void copy_across(const MicroKernel& kernel, const ScaledRun<double>* runs, Index n_runs,
                 Index strips, Index ahead, double* out, Index strip_step);

template <typename T>
void copy_across(const MicroKernel& kernel, const ScaledRun<T>* runs, Index n_runs, Index strips,
                 Index, double* out, Index strip_step) {
  if (kernel.width == 8) {
    copy_across<8>(runs, n_runs, strips, out, strip_step);
  } else {
    copy_across<4>(runs, n_runs, strips, out, strip_step);
  }
}

void copy_along(const MicroKernel& kernel, const double* const* runs, Index depth, Index ahead,
                double* out);

void copy_along(const MicroKernel& kernel, const ScaledRun<double>* runs, Index depth, Index ahead,
                double* out);

template <typename T>
void copy_along(const MicroKernel& kernel, const ScaledRun<T>* runs, Index depth, Index,
                double* out) {
  if (kernel.width == 8) {
    copy_along<8>(runs, depth, out);
  } else {
    copy_along<4>(runs, depth, out);
  }
}

/// Pack n_runs <= kRuns steps of depth of `present` vectors into `strips` strips that begin
/// strip_step apart: run l, a pointer or a ScaledRun, holds cell l of every vector. Absent vectors
/// are zero. `ahead`: see PackKernels.
template <typename Run>
void pack_across(const MicroKernel& kernel, const Run* runs, Index n_runs, Index present,
                 Index strips, double* out, Index strip_step, Index ahead = 0) {
  const Index width = kernel.width, whole = present / width;
  copy_across(kernel, runs, n_runs, whole, ahead, out, strip_step);
  for (Index s = whole; s < strips; ++s) {
    for (Index l = 0; l < n_runs; ++l) {
      double* to = out + s * strip_step + l * width;
      for (Index i = s * width; i < (s + 1) * width; ++i) *to++ = i < present ? runs[l][i] : 0;
    }
  }
}

/// Pack one strip: run i, a pointer or a ScaledRun, holds the cells of vector i < present. Absent
/// vectors are zero.
template <typename Run>
void pack_along(const MicroKernel& kernel, const Run* runs, Index present, Index depth, double* out,
                Index ahead = 0) {
  if (present == kernel.width) {
    copy_along(kernel, runs, depth, ahead, out);
    return;
  }
  for (Index l = 0; l < depth; ++l) {
    for (Index i = 0; i < kernel.width; ++i) *out++ = i < present ? runs[i][l] : 0;
  }
}

/// A factor of a product as `size` vectors along the dimension that is summed over: cell l of
/// vector i is cells[i * vector_step + l * depth_step]. One of the steps is 1.
struct Factor {
  const double* cells;
  Index size;
  Index vector_step;
  Index depth_step;

  Factor from(Index vector, Index depth) const;
};

/// The first `depth` cells of the first strips * width vectors; those beyond factor.size are zero.
/// Strips begin strip_step apart.
void pack_strips(const Factor& factor, const MicroKernel& kernel, Index strips, Index depth,
                 double* out, Index strip_step);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_PACKING_HPP
