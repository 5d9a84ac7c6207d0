#include "hdlmm/dense/narrow_product.hpp"

#include <algorithm>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/packed_products.hpp"

namespace hdlmm {

namespace {

/// The narrow factor B [depth x k], packed once for all threads in blocks of at most `block` steps.
class PackedFactor {
 public:
  PackedFactor(const ConstMatrix& b, const MicroKernel& kernel, Index block)
      : padded_(round_up(b.cols(), kernel.width)), cells_(padded_ * b.rows()) {
    const Factor factor{b.data(), b.cols(), b.outerStride(), 1};
    for (Index first = 0; first < b.rows(); first += block) {
      const Index depth = std::min(block, b.rows() - first);
      double* out = cells_.data() + first * padded_;
      pack_strips(factor.from(0, first), kernel, padded_ / kernel.width, depth, out,
                  kernel.width * depth);
    }
  }

  /// Number of columns, with those that pad the last strip.
  Index padded() const { return padded_; }
  /// The block that begins at a step of depth.
  const double* block_at(Index first) const { return cells_.data() + first * padded_; }

 private:
  Index padded_;
  AlignedBuffer<double> cells_;
};

}  // namespace

void add_packed_product(const MicroKernel& kernel, const double* packed, const ConstMatrix& b,
                        MatrixView out) {
  alignas(64) double strip[kMaxStrip * kMaxDepth];
  const Factor factor{b.data(), b.cols(), b.outerStride(), 1};
  const TargetBlock c = whole_of(out);
  for (Index j = 0; j < b.cols(); j += kernel.width) {
    pack_strips(factor.from(j, 0), kernel, 1, b.rows(), strip, 0);
    add_packed_block(kernel, b.rows(), packed, strip, 1,
                     c.part(0, j, c.rows, std::min(kernel.width, b.cols() - j)));
  }
}

void add_narrow_product(const Packer<double>& pack, Index rows, Index block, const ConstMatrix& b,
                        MatrixView out, const Context& context) {
  if (b.size() == 0 || out.size() == 0) return;
  const MicroKernel kernel = micro_kernel(context.kernels);
  const PackedFactor factor(b, kernel, block);
  const Index k = factor.padded();
  const double flops = 2.0 * static_cast<double>(out.rows()) * k * b.rows();
  const Context own = context_for(flops, context);
  BufferPool<double> pool(own.n_threads, rows * (block + k));
  parallel_for(own, divide_up(out.rows(), rows), [&](Index task) {
    const BufferPool<double>::Lease lease(pool);
    const Index first = task * rows, count = std::min(rows, out.rows() - first);
    const Index padded = round_up(count, kernel.rows());
    double* packed = lease.data() + rows * k;  // behind the sums, both on a cache line
    Eigen::Map<Matrix> sums(lease.data(), padded, k);
    sums.setZero();
    for (Index at = 0; at < b.rows(); at += block) {
      const Index depth = std::min(block, b.rows() - at);
      pack(first, padded, at, depth, packed);
      add_packed_block(kernel, depth, packed, factor.block_at(at), 1,
                       {sums.data(), padded, padded, k, k});
    }
    out.middleRows(first, count) += sums.topLeftCorner(count, b.cols());
  });
}

}  // namespace hdlmm
