#ifndef HDLMM_CORE_DENSE_PRODUCTS_HPP
#define HDLMM_CORE_DENSE_PRODUCTS_HPP

#include <algorithm>
#include <stdexcept>
#include <string>

#include "hdlmm/core/micro_kernel.hpp"
#include "hdlmm/core/packing.hpp"
#include "hdlmm/core/parallel.hpp"

namespace hdlmm {

enum class Op { none, transpose };

/// C [m x n] += alpha op(A) op(B), op(A): [m x k], op(B): [k x n]. 2 m n k flops.
///
/// For this and the other products: C must not overlap A or B; alpha = 0 leaves C as it is; the
/// result does not depend on the number of threads, but on context.kernels in the last digits.
/// Goto & van de Geijn (2008), ACM TOMS 34, with 8 MB of packed cells and 0.8 MB a thread at most.
inline void add_product(double alpha, const ConstMatrix& a, Op op_a, const ConstMatrix& b, Op op_b,
                        MatrixView c, const Context& context);

/// Lower triangle of C [n x n] += alpha A B', A, B: [n x k]; the upper one is untouched.
/// n^2 k flops.
inline void add_lower_product(double alpha, const ConstMatrix& a, const ConstMatrix& b,
                              MatrixView c, const Context& context);

/// C [n x m] += alpha S B, B: [n x m], of the symmetric S [n x n] the lower triangle is read.
/// 2 n^2 m flops.
inline void add_symmetric_product(double alpha, const ConstMatrix& s, const ConstMatrix& b,
                                  MatrixView c, const Context& context);

/// A block of the matrix that products are added to. Cell (i, j) is written where
/// i + diagonal >= j: everywhere when diagonal >= cols.
struct TargetBlock {
  double* cells;
  Index stride;
  Index rows;
  Index cols;
  Index diagonal;

  TargetBlock part(Index row, Index col, Index n_rows, Index n_cols) const {
    return {cells + row + col * stride, stride, n_rows, n_cols, diagonal + row - col};
  }
  bool is_empty() const { return rows - 1 + diagonal < 0; }
  bool is_whole() const { return diagonal >= cols - 1; }
};

namespace dense_products_detail {

constexpr Index kDepth = kMaxDepth;      // a strip of B stays in the first-level cache
constexpr Index kBlock = 192;            // times kDepth cells: half of a second-level cache of 1 MB
constexpr Index kMaxBlock = 384;         // for shallow products
constexpr Index kChunk = 384;            // of the shared operand that a task takes
constexpr Index kSpan = 3072;            // of the shared operand that is packed at once
constexpr Index kSharedCells = 1 << 20;  // packed at once
constexpr double kFlopsWorthAThread = 4e6;

/// A tile that is not whole: through a buffer, of which only the cells of C come and go.
inline void add_edge_tile(const MicroKernel& kernel, Index strips, Index depth, const double* a,
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
inline void add_packed_tile(const MicroKernel& kernel, Index depth, const double* a,
                            const double* b, double alpha, const TargetBlock& c) {
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

/// c += alpha a b' of packed operands.
inline void add_packed_block(const MicroKernel& kernel, Index depth, const double* a,
                             const double* b, double alpha, const TargetBlock& c) {
  for (Index j = 0; j < c.cols; j += kernel.width) {
    const Index n_cols = std::min(kernel.width, c.cols - j);
    for (Index i = 0; i < c.rows; i += kernel.rows()) {
      add_packed_tile(kernel, depth, a + i * depth, b + j * depth, alpha,
                      c.part(i, j, std::min(kernel.rows(), c.rows - i), n_cols));
    }
  }
}

/// The context for work of so many flops: threads only where they earn what they cost.
inline Context context_for(double flops, const Context& context) {
  Context out = context;
  const double useful = std::min(1e6, flops / kFlopsWorthAThread);
  out.n_threads = std::max(1, std::min(context.n_threads, static_cast<int>(useful)));
  return out;
}

/// Sizes of one product, functions of its shape alone. The smaller operand is shared: packed once
/// for all tasks; each task packs its own block of the larger one.
struct Plan {
  Index depth;        ///< of a packed block
  Index super_depth;  ///< a multiple of it: what is packed of the shared operand at once
  Index span;         ///< vectors of the shared operand packed at once
  Index block;        ///< vectors of the other one in a task

  Plan(Index shared, Index k) {
    depth = std::max<Index>(1, divide_up(k, divide_up(k, kDepth)));
    span = std::min(shared, kSpan);
    super_depth = depth * std::max<Index>(1, kSharedCells / (round_up(span, 24) * depth));
    super_depth = std::min(super_depth, round_up(k, depth));
    block = std::min(kMaxBlock, kBlock * kDepth / depth / 24 * 24);
  }
};

/// c += alpha A B', where pack_a(first, count, first_depth, depth, out) packs vectors
/// first .. first + count - 1 of A, count a multiple of a strip, zero beyond the last.
template <typename PackA, typename PackB>
class Product {
 public:
  Product(double alpha, const PackA& pack_a, const PackB& pack_b, Index k, const TargetBlock& c,
          const Context& context)
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
    const Index pieces = divide_up(span, kBlock), layers = divide_up(depth, plan_.depth);
    const Context context = context_for(8.0 * span * depth, context_);
    parallel_for(context, pieces * layers, [&](Index task) {
      const Index at = task % pieces * kBlock, l = task / pieces * plan_.depth;
      const Index layer = std::min(plan_.depth, depth - l);
      pack(!shares_b_, first + at, std::min(kBlock, span - at), first_depth + l, layer,
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
    for (Index i = 0; i < c.rows; i += kBlock) {
      add_packed_block(kernel_, depth, a + i * depth, b, alpha_,
                       c.part(i, 0, std::min(kBlock, c.rows - i), c.cols));
    }
  }

  MicroKernel kernel_;
  double alpha_;
  const PackA& pack_a_;
  const PackB& pack_b_;
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

template <typename PackA, typename PackB>
void multiply(double alpha, const PackA& pack_a, const PackB& pack_b, Index k, const TargetBlock& c,
              const Context& context) {
  if (alpha == 0 || k == 0 || c.rows == 0 || c.cols == 0) return;
  Product<PackA, PackB>(alpha, pack_a, pack_b, k, c, context).run();
}

/// Packs a factor for the kernels of a context.
class FactorPacker {
 public:
  FactorPacker(const Factor& factor, const Context& context)
      : factor_(factor), kernel_(micro_kernel(context.kernels)) {}

  void operator()(Index first, Index count, Index first_depth, Index depth, double* out) const {
    const Index width = kernel_.width;
    pack_strips(factor_.from(first, first_depth), kernel_, count / width, depth, out,
                width * depth);
  }

 private:
  Factor factor_;
  MicroKernel kernel_;
};

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

inline Factor rows_of(const ConstMatrix& a) { return {a.data(), a.rows(), 1, a.outerStride()}; }
inline Factor columns_of(const ConstMatrix& a) { return {a.data(), a.cols(), a.outerStride(), 1}; }

inline TargetBlock whole_of(MatrixView& c) {
  return {c.data(), c.outerStride(), c.rows(), c.cols(), c.cols()};
}
inline TargetBlock lower_of(MatrixView& c) {
  return {c.data(), c.outerStride(), c.rows(), c.cols(), 0};
}

inline void require(bool holds, const char* where) {
  if (!holds) throw std::invalid_argument(std::string("shapes in ") + where);
}

}  // namespace dense_products_detail

inline void add_product(double alpha, const ConstMatrix& a, Op op_a, const ConstMatrix& b, Op op_b,
                        MatrixView c, const Context& context) {
  namespace detail = dense_products_detail;
  const Index k = op_a == Op::none ? a.cols() : a.rows();
  const Factor left = op_a == Op::none ? detail::rows_of(a) : detail::columns_of(a);
  const Factor right = op_b == Op::none ? detail::columns_of(b) : detail::rows_of(b);
  detail::require(left.size == c.rows() && right.size == c.cols() &&
                      k == (op_b == Op::none ? b.rows() : b.cols()),
                  "add_product");
  detail::multiply(alpha, detail::FactorPacker(left, context), detail::FactorPacker(right, context),
                   k, detail::whole_of(c), context);
}

inline void add_lower_product(double alpha, const ConstMatrix& a, const ConstMatrix& b,
                              MatrixView c, const Context& context) {
  namespace detail = dense_products_detail;
  detail::require(
      a.rows() == c.rows() && b.rows() == c.cols() && c.rows() == c.cols() && a.cols() == b.cols(),
      "add_lower_product");
  detail::multiply(alpha, detail::FactorPacker(detail::rows_of(a), context),
                   detail::FactorPacker(detail::rows_of(b), context), a.cols(), detail::lower_of(c),
                   context);
}

inline void add_symmetric_product(double alpha, const ConstMatrix& s, const ConstMatrix& b,
                                  MatrixView c, const Context& context) {
  namespace detail = dense_products_detail;
  detail::require(
      s.rows() == s.cols() && s.rows() == c.rows() && s.cols() == b.rows() && b.cols() == c.cols(),
      "add_symmetric_product");
  detail::multiply(alpha, detail::SymmetricPacker(s, context),
                   detail::FactorPacker(detail::columns_of(b), context), s.cols(),
                   detail::whole_of(c), context);
}

}  // namespace hdlmm

#endif  // HDLMM_CORE_DENSE_PRODUCTS_HPP
