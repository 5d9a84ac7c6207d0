#ifndef HDLMM_DENSE_PRODUCTS_HPP
#define HDLMM_DENSE_PRODUCTS_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

// Small products of matrices that may be empty: Eigen's kernels for vectors and triangles then
// bind references to null pointers, which is harmless but undefined, and sanitizers stop at it.

/// a x, [m], a: [m x k].
Vector times(const ConstMatrix& a, const ConstVector& x);

/// a' x, [k], a: [m x k].
Vector transpose_times(const ConstMatrix& a, const ConstVector& x);

/// a b for large a and b, by blocks of columns of b, polled between them.
Matrix polled_product(const ConstMatrix& a, const ConstMatrix& b, const Context& context);

/// The same of a' b.
Matrix polled_transpose_product(const ConstMatrix& a, const ConstMatrix& b, const Context& context);

/// Columns up to which Eigen's packing costs more than it gains.
constexpr Index kNarrow = 4;

/// a'b, [c x k], a: [m x c], b: [m x k].
Matrix transpose_product(const ConstMatrix& a, const ConstMatrix& b);

/// Lower triangle of a'a, [c x c], a: [m x c].
Matrix lower_gram(const ConstMatrix& a);

/// a' diag(weight) a with weight [m] >= 0, [c x c], by half of the products.
Matrix weighted_gram(const ConstMatrix& a, const ConstVector& weight);

/// a <- a r^-1, r [c x c] upper triangular, a: [m x c].
void divide_by_upper(const ConstMatrix& r, MatrixView a);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_PRODUCTS_HPP
