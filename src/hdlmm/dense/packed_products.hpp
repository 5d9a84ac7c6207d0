#ifndef HDLMM_DENSE_PACKED_PRODUCTS_HPP
#define HDLMM_DENSE_PACKED_PRODUCTS_HPP

#include "hdlmm/base/context.hpp"
#include "hdlmm/dense/packing.hpp"

namespace hdlmm {

enum class Op { none, transpose };

/// C [m x n] += alpha op(A) op(B), op(A): [m x k], op(B): [k x n]. 2 m n k flops.
///
/// For this and the other products: C must not overlap A or B; alpha = 0 leaves C as it is; the
/// result does not depend on the number of threads, but on context.kernels in the last digits.
/// Goto & van de Geijn (2008), ACM TOMS 34, with 8 MB of packed cells and 0.8 MB a thread at most.
void add_product(double alpha, const ConstMatrix& a, Op op_a, const ConstMatrix& b, Op op_b,
                 MatrixView c, const Context& context);

/// Lower triangle of C [n x n] += alpha A B', A, B: [n x k]; the upper one is untouched.
/// n^2 k flops.
void add_lower_product(double alpha, const ConstMatrix& a, const ConstMatrix& b, MatrixView c,
                       const Context& context);

/// C [n x m] += alpha S B, B: [n x m], of the symmetric S [n x n] the lower triangle is read.
/// 2 n^2 m flops.
void add_symmetric_product(double alpha, const ConstMatrix& s, const ConstMatrix& b, MatrixView c,
                           const Context& context);

/// A block of the matrix that products are added to. Cell (i, j) is written where
/// i + diagonal >= j: everywhere when diagonal >= cols.
struct TargetBlock {
  double* cells;
  Index stride;
  Index rows;
  Index cols;
  Index diagonal;

  TargetBlock part(Index row, Index col, Index n_rows, Index n_cols) const;
  bool is_empty() const { return rows - 1 + diagonal < 0; }
  bool is_whole() const { return diagonal >= cols - 1; }
};

constexpr Index kPackedBlock = 192;  // times kMaxDepth cells: half of a second-level cache of 1 MB

/// c += alpha a b' of packed operands.
void add_packed_block(const MicroKernel& kernel, Index depth, const double* a, const double* b,
                      double alpha, const TargetBlock& c);

/// The context for work of so many flops: threads only where they earn what they cost.
Context context_for(double flops, const Context& context);

/// Packs a factor for the kernels of a context.
class FactorPacker {
 public:
  FactorPacker(const Factor& factor, const Context& context);

  void operator()(Index first, Index count, Index first_depth, Index depth, double* out) const;

 private:
  Factor factor_;
  MicroKernel kernel_;
};

inline Factor rows_of(const ConstMatrix& a) { return {a.data(), a.rows(), 1, a.outerStride()}; }
inline Factor columns_of(const ConstMatrix& a) { return {a.data(), a.cols(), a.outerStride(), 1}; }

TargetBlock whole_of(MatrixView& c);
TargetBlock lower_of(MatrixView& c);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_PACKED_PRODUCTS_HPP
