#ifndef HDLMM_DENSE_PRODUCTS_HPP
#define HDLMM_DENSE_PRODUCTS_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

// Small and narrow products by name: an expression of Eigen compiles a kernel of its own wherever
// it stands, here there is one of each. Empty factors are allowed: Eigen's kernels would bind
// references to null pointers, which is harmless but undefined, and sanitizers stop at it.

/// a x, [m], a: [m x k].
Vector times(const ConstMatrix& a, const ConstVector& x);

/// a' x, [k], a: [m x k].
Vector transpose_times(const ConstMatrix& a, const ConstVector& x);

/// a b, [m x n], a: [m x k], b: [k x n].
Matrix product(const ConstMatrix& a, const ConstMatrix& b);

/// a b', [m x n], a: [m x k], b: [n x k].
Matrix product_transpose(const ConstMatrix& a, const ConstMatrix& b);

/// a' b a, [k x k], a: [m x k], b: [m x m].
Matrix sandwich(const ConstMatrix& a, const ConstMatrix& b);

/// a b a', [m x m], a: [m x k], b: [k x k].
Matrix congruent(const ConstMatrix& a, const ConstMatrix& b);

/// c -= a b, c -= a' b and c -= a b'; c must not overlap a or b.
void subtract_product(const ConstMatrix& a, const ConstMatrix& b, MatrixView c);
void subtract_transpose_product(const ConstMatrix& a, const ConstMatrix& b, MatrixView c);
void subtract_product_transpose(const ConstMatrix& a, const ConstMatrix& b, MatrixView c);

/// (a + a') / 2 of a square a.
Matrix symmetric_part(const ConstMatrix& a);

/// c += alpha x y', c: [m x n], x: [m], y: [n].
void add_outer(double alpha, const ConstVector& x, const ConstVector& y, MatrixView c);

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

// Of a small triangular r [c x c] the part below the diagonal is not read. c^2 flops a column of b.

/// b [c x k] <- r^-1 b.
void solve_upper(const ConstMatrix& r, MatrixView b);

/// b [c x k] <- r^-T b.
void solve_upper_transposed(const ConstMatrix& r, MatrixView b);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_PRODUCTS_HPP
