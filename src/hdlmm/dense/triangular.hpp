#ifndef HDLMM_DENSE_TRIANGULAR_HPP
#define HDLMM_DENSE_TRIANGULAR_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

// Triangular solves, the Cholesky factor and the inverse by halving: all but diagonal blocks is
// matrix products (Elmroth, Gustavson, Jonsson & Kagstrom 2004, SIAM Review 46). l is read below
// its diagonal only.

/// B [n x m] <- L^-1 B. n^2 m flops.
void solve_lower(const ConstMatrix& l, MatrixView b, const Context& context);

/// B [n x m] <- L^-T B. n^2 m flops.
void solve_lower_transposed(const ConstMatrix& l, MatrixView b, const Context& context);

/// B [m x n] <- B L^-T. n^2 m flops.
void solve_lower_transposed_on_right(const ConstMatrix& l, MatrixView b, const Context& context);

/// The lower triangle of A [n x n], A = L L', becomes L; the upper one is untouched. n^3 / 3 flops.
/// False when A is not positive definite (or not a number): A is then in pieces.
bool cholesky_in_place(MatrixView a, const Context& context);

/// The lower triangle of L [n x n] becomes that of (L L')^-1; the upper one is untouched. 2/3 n^3
/// flops.
void inverse_of_root_in_place(MatrixView l, const Context& context);

/// (L L')^-1 [n x n], both triangles.
Matrix inverse_of_root(Matrix l, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_DENSE_TRIANGULAR_HPP
