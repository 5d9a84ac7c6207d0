#include "hdlmm/dense/packed_products.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "hdlmm/base/parallel.hpp"

namespace hdlmm {

namespace {

constexpr Index kMaxBlock = 384;  // for shallow products

constexpr Index kChunk = 384;  // of the shared operand that a task takes

constexpr Index kSpan = 3072;  // of the shared operand that is packed at once

constexpr Index kSharedCells = 1 << 20;  // packed at once

constexpr double kFlopsWorthAThread = 4e6;

/// A tile that is not whole: through a buffer, of which only the cells of C come and go.
void add_edge_tile(const MicroKernel& kernel, Index strips, Index depth, const double* a,
                   const double* b, double alpha, const TargetBlock& c) {
  alignas(64) double tile[kTileStrips * kMaxStrip * kMaxStrip] = {};
  const Index stride = strips * kernel.width;
  const auto first_row = [&](Index j) { return std::max<Index>(0, j - c.diagonal); };
  for (Index j = 0; j < c.cols; ++j) {
    for (Index i = first_row(j); i < c.rows; ++i) tile[i + j * stride] = c.cells[i + j * c.stride];
  }
  kernel.add_tile[strips - 1](depth, a, b, alpha, tile, stride);
  for (Index j = 0; j < c.cols; ++j) {
    for (Index i = first_row(j); i < c.rows; ++i) c.cells[i + j * c.stride] = tile[i + j * stride];
  }
}

/// A tile of at most kernel.rows() x kernel.width cells, without the strips above the diagonal.
void add_packed_tile(const MicroKernel& kernel, Index depth, const double* a, const double* b,
                     double alpha, const TargetBlock& c) {
  if (c.is_empty()) return;
  const Index skipped = std::max<Index>(0, -c.diagonal) / kernel.width * kernel.width;
  const TargetBlock tile = c.part(skipped, 0, c.rows - skipped, c.cols);
  const Index strips = divide_up(tile.rows, kernel.width);
  a += skipped * depth;
  if (tile.rows == strips * kernel.width && tile.cols == kernel.width && tile.is_whole()) {
    kernel.add_tile[strips - 1](depth, a, b, alpha, tile.cells, tile.stride);
  } else {
    add_edge_tile(kernel, strips, depth, a, b, alpha, tile);
  }
}

/// Sizes of one product, functions of its shape alone. The smaller operand is shared: packed once
/// for all tasks; each task packs its own block of the larger one.
struct Plan {
  Index depth;        ///< of a packed block
  Index super_depth;  ///< a multiple of it: what is packed of the shared operand at once
  Index span;         ///< vectors of the shared operand packed at once
  Index block;        ///< vectors of the other one in a task

  Plan(Index shared, Index k) {
    depth = std::max<Index>(1, divide_up(k, divide_up(k, kMaxDepth)));
    span = std::min(shared, kSpan);
    super_depth = depth * std::max<Index>(1, kSharedCells / (round_up(span, 24) * depth));
    super_depth = std::min(super_depth, round_up(k, depth));
    block = std::min(kMaxBlock, kPackedBlock * kMaxDepth / depth / 24 * 24);
  }
};

/// c += alpha A B', where pack_a(first, count, first_depth, depth, out) packs vectors
/// first .. first + count - 1 of A, count a multiple of a strip, zero beyond the last.
class Product {
 public:
  Product(double alpha, const Packer<double>& pack_a, const Packer<double>& pack_b, Index k,
          const TargetBlock& c, const Context& context)
      : kernel_(micro_kernel(context.kernels)),
        alpha_(alpha),
        pack_a_(pack_a),
        pack_b_(pack_b),
        k_(k),
        c_(c),
        shares_b_(c.rows >= c.cols),
        n_shared_(shares_b_ ? c.cols : c.rows),
        n_own_(shares_b_ ? c.rows : c.cols),
        plan_(n_shared_, k),
        context_(context_for(2.0 * c.rows * c.cols * k, context)),
        shared_(round_up(plan_.span, 24) * plan_.super_depth),
        own_(std::max(1, context_.n_threads),
             round_up(std::min(plan_.block, n_own_), 24) * plan_.depth) {}

  void run() {
    for (Index first = 0; first < n_shared_; first += plan_.span) {
      const Index span = std::min(plan_.span, n_shared_ - first);
      for (Index l = 0; l < k_; l += plan_.super_depth) {
        const Index depth = std::min(plan_.super_depth, k_ - l);
        pack_shared(first, span, l, depth);
        add_blocks(first, span, l, depth);
      }
    }
  }

 private:
  /// Strips of A come in groups that make a tile.
  Index padded(Index count, bool is_a) const {
    return round_up(count, is_a ? kernel_.rows() : kernel_.width);
  }

  void pack(bool is_a, Index first, Index count, Index first_depth, Index depth,
            double* out) const {
    if (is_a) {
      pack_a_(first, padded(count, true), first_depth, depth, out);
    } else {
      pack_b_(first, padded(count, false), first_depth, depth, out);
    }
  }

  /// Where the packed vectors from `vector` on begin, in the block of depth from `l` on.
  double* shared_at(Index span, Index l, Index depth, Index vector) const {
    return shared_.data() + padded(span, !shares_b_) * l + vector * depth;
  }

  void pack_shared(Index first, Index span, Index first_depth, Index depth) {
    const Index pieces = divide_up(span, kPackedBlock), layers = divide_up(depth, plan_.depth);
    const Context context = context_for(8.0 * span * depth, context_);
    parallel_for(context, pieces * layers, [&](Index task) {
      const Index at = task % pieces * kPackedBlock, l = task / pieces * plan_.depth;
      const Index layer = std::min(plan_.depth, depth - l);
      pack(!shares_b_, first + at, std::min(kPackedBlock, span - at), first_depth + l, layer,
           shared_at(span, l, layer, at));
    });
  }

  void add_blocks(Index first, Index span, Index first_depth, Index depth) {
    const Index chunks = divide_up(span, kChunk), blocks = divide_up(n_own_, plan_.block);
    parallel_for(context_, blocks * chunks, [&](Index task) {
      const Index own = (blocks - 1 - task / chunks) * plan_.block, chunk = task % chunks * kChunk;
      const Index n_own = std::min(plan_.block, n_own_ - own);
      const Index n_chunk = std::min(kChunk, span - chunk);
      const TargetBlock c = shares_b_ ? c_.part(own, first + chunk, n_own, n_chunk)
                                      : c_.part(first + chunk, own, n_chunk, n_own);
      if (c.is_empty()) return;
      const typename BufferPool<double>::Lease packed(own_);
      for (Index l = 0; l < depth; l += plan_.depth) {
        const Index layer = std::min(plan_.depth, depth - l);
        pack(shares_b_, own, n_own, first_depth + l, layer, packed.data());
        const double* shared = shared_at(span, l, layer, chunk);
        if (shares_b_) {
          add_packed_block(kernel_, layer, packed.data(), shared, alpha_, c);
        } else {
          add_shared_rows(layer, shared, packed.data(), c);
        }
      }
    });
  }

  /// As many rows at a time as stay in the second-level cache.
  void add_shared_rows(Index depth, const double* a, const double* b, const TargetBlock& c) const {
    for (Index i = 0; i < c.rows; i += kPackedBlock) {
      add_packed_block(kernel_, depth, a + i * depth, b, alpha_,
                       c.part(i, 0, std::min(kPackedBlock, c.rows - i), c.cols));
    }
  }

  MicroKernel kernel_;
  double alpha_;
  const Packer<double>& pack_a_;
  const Packer<double>& pack_b_;
  Index k_;
  TargetBlock c_;
  bool shares_b_;
  Index n_shared_;
  Index n_own_;
  Plan plan_;
  Context context_;
  AlignedBuffer<double> shared_;
  BufferPool<double> own_;
};

void multiply(double alpha, const Packer<double>& pack_a, const Packer<double>& pack_b, Index k,
              const TargetBlock& c, const Context& context) {
  if (alpha == 0 || k == 0 || c.rows == 0 || c.cols == 0) return;
  Product(alpha, pack_a, pack_b, k, c, context).run();
}

/// Packs rows of a symmetric matrix that is known by its lower triangle.
class SymmetricPacker {
 public:
  SymmetricPacker(const ConstMatrix& s, const Context& context)
      : s_(s), kernel_(micro_kernel(context.kernels)) {}

  void operator()(Index first, Index count, Index first_depth, Index depth, double* out) const {
    const Index size = std::min(count, s_.rows() - first), end = first_depth + depth;
    const Index left = std::min(std::max(first, first_depth), end);
    const Index right = std::min(std::max(first + size, first_depth), end);
    pack_part(rows_from(first), count, first_depth, left, depth, out);
    pack_square(first, count, left, right, depth, out + (left - first_depth) * kernel_.width);
    pack_part(columns_from(first), count, right, end, depth,
              out + (right - first_depth) * kernel_.width);
  }

 private:
  Factor rows_from(Index first) const {
    return Factor{s_.data(), s_.rows(), 1, s_.outerStride()}.from(first, 0);
  }
  Factor columns_from(Index first) const {
    return Factor{s_.data(), s_.rows(), s_.outerStride(), 1}.from(first, 0);
  }

  void pack_part(const Factor& vectors, Index count, Index begin, Index end, Index depth,
                 double* out) const {
    if (begin == end) return;
    pack_strips(vectors.from(0, begin), kernel_, count / kernel_.width, end - begin, out,
                kernel_.width * depth);
  }

  /// Where the diagonal runs through.
  void pack_square(Index first, Index count, Index begin, Index end, Index depth,
                   double* out) const {
    for (Index at = 0; at < count; ++at) {
      double* to = out + at / kernel_.width * kernel_.width * depth + at % kernel_.width;
      const Index i = first + at;
      for (Index l = begin; l < end; ++l, to += kernel_.width) {
        *to = i >= s_.rows() ? 0 : s_(std::max(i, l), std::min(i, l));
      }
    }
  }

  const ConstMatrix& s_;
  MicroKernel kernel_;
};

void require(bool holds, const char* where) {
  if (!holds) throw std::invalid_argument(std::string("shapes in ") + where);
}

}  // namespace

TargetBlock TargetBlock::part(Index row, Index col, Index n_rows, Index n_cols) const {
  return {cells + row + col * stride, stride, n_rows, n_cols, diagonal + row - col};
}

void add_packed_block(const MicroKernel& kernel, Index depth, const double* a, const double* b,
                      double alpha, const TargetBlock& c) {
  for (Index j = 0; j < c.cols; j += kernel.width) {
    const Index n_cols = std::min(kernel.width, c.cols - j);
    for (Index i = 0; i < c.rows; i += kernel.rows()) {
      add_packed_tile(kernel, depth, a + i * depth, b + j * depth, alpha,
                      c.part(i, j, std::min(kernel.rows(), c.rows - i), n_cols));
    }
  }
}

Context context_for(double flops, const Context& context) {
  Context out = context;
  const double useful = std::min(1e6, flops / kFlopsWorthAThread);
  out.n_threads = std::max(1, std::min(context.n_threads, static_cast<int>(useful)));
  return out;
}

FactorPacker::FactorPacker(const Factor& factor, const Context& context)
    : factor_(factor), kernel_(micro_kernel(context.kernels)) {}

void FactorPacker::operator()(Index first, Index count, Index first_depth, Index depth,
                              double* out) const {
  const Index width = kernel_.width;
  pack_strips(factor_.from(first, first_depth), kernel_, count / width, depth, out, width * depth);
}

TargetBlock whole_of(MatrixView& c) {
  return {c.data(), c.outerStride(), c.rows(), c.cols(), c.cols()};
}

TargetBlock lower_of(MatrixView& c) { return {c.data(), c.outerStride(), c.rows(), c.cols(), 0}; }

void add_product(double alpha, const ConstMatrix& a, Op op_a, const ConstMatrix& b, Op op_b,
                 MatrixView c, const Context& context) {
  const Index k = op_a == Op::none ? a.cols() : a.rows();
  const Factor left = op_a == Op::none ? rows_of(a) : columns_of(a);
  const Factor right = op_b == Op::none ? columns_of(b) : rows_of(b);
  require(left.size == c.rows() && right.size == c.cols() &&
              k == (op_b == Op::none ? b.rows() : b.cols()),
          "add_product");
  multiply(alpha, FactorPacker(left, context), FactorPacker(right, context), k, whole_of(c),
           context);
}

void add_lower_product(double alpha, const ConstMatrix& a, const ConstMatrix& b, MatrixView c,
                       const Context& context) {
  require(
      a.rows() == c.rows() && b.rows() == c.cols() && c.rows() == c.cols() && a.cols() == b.cols(),
      "add_lower_product");
  multiply(alpha, FactorPacker(rows_of(a), context), FactorPacker(rows_of(b), context), a.cols(),
           lower_of(c), context);
}

void add_symmetric_product(double alpha, const ConstMatrix& s, const ConstMatrix& b, MatrixView c,
                           const Context& context) {
  require(
      s.rows() == s.cols() && s.rows() == c.rows() && s.cols() == b.rows() && b.cols() == c.cols(),
      "add_symmetric_product");
  multiply(alpha, SymmetricPacker(s, context), FactorPacker(columns_of(b), context), s.cols(),
           whole_of(c), context);
}

}  // namespace hdlmm
