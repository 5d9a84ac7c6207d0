#ifndef HDLMM_LINALG_BAND_TO_TRIDIAGONAL_HPP
#define HDLMM_LINALG_BAND_TO_TRIDIAGONAL_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// T = Q2' B Q2 and the data that went with it.
struct Tridiagonal {
  Vector diagonal;     ///< [n]
  Vector subdiagonal;  ///< [n - 1], or [0]
  Matrix rotated;      ///< [k x n], (Q2' F)': a row of F is a column here
};

/// Tridiagonal form of a symmetric band by Householder reflectors, and F with it.
///
/// Each sweep clears one column and chases the bulge off the end (Lang 1993, SIAM J. Sci. Comput.
/// 14; sweeps in a pipeline as in Haidar, Ltaief & Dongarra 2011, SC'11). band: [(b + 1) x n],
/// lower band storage (diagonal in row 0); f_transposed: [k x n]. 6 n^2 b + 2 n^2 k flops. The
/// result does not depend on the number of threads.
Tridiagonal band_to_tridiagonal(const ConstMatrix& band, const ConstMatrix& f_transposed,
                                const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_BAND_TO_TRIDIAGONAL_HPP
