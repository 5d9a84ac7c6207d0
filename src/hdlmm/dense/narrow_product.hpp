#ifndef HDLMM_DENSE_NARROW_PRODUCT_HPP
#define HDLMM_DENSE_NARROW_PRODUCT_HPP

#include "hdlmm/base/context.hpp"
#include "hdlmm/dense/packing.hpp"

namespace hdlmm {

/// out [m x k] += A B for rows of A [m x depth] that are packed already, as for a Gram matrix, and
/// B [depth x k], depth <= kMaxDepth.
void add_packed_product(const MicroKernel& kernel, const double* packed, const ConstMatrix& b,
                        MatrixView out);

/// out [m x k] += A B for a large A [m x depth], read once, and a narrow B [depth x k].
///
/// pack(first, count, first_depth, n_depth, to) packs rows first .. first + count - 1 of A in
/// strips as a MicroKernel reads them, zero beyond the last; a task takes `rows` (a multiple of 24)
/// of them in blocks of `block` steps of depth. 2 m k depth flops.
void add_narrow_product(const Packer<double>& pack, Index rows, Index block, const ConstMatrix& b,
                        MatrixView out, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_NARROW_PRODUCT_HPP
