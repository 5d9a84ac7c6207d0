#ifndef HDLMM_LINALG_BAND_REDUCTION_HPP
#define HDLMM_LINALG_BAND_REDUCTION_HPP

#include "hdlmm/base/context.hpp"

namespace hdlmm {

/// K = Q1 B Q1', B a band.
///
/// Q1 is the product of a block reflector I - V T V' for each panel of `width` columns; V is unit
/// lower trapezoidal, starts `width` rows below the diagonal and is kept there, without its
/// diagonal of ones.
struct BandReduction {
  Index width = 0;
  Matrix reflectors;  ///< [n x n], V below the band; the rest is spent
  Matrix factors;     ///< [width x n], T [r x r, upper] of each panel in its leading columns
  Matrix band;        ///< [(width + 1) x n], lower band storage: B(j + i, j) at (i, j)
};

/// Orthogonal reduction of a symmetric matrix to a band, nearly all of it in matrix products.
///
/// k: [n x n], its lower triangle is read and the storage reused. Blocked Householder panels
/// (Bischof, Lang & Sun 2000, ACM TOMS 26); the rest of the matrix is read once a panel and written
/// once every few panels. Width 1: column by column, for small matrices. 4/3 n^3 flops.
BandReduction reduce_to_band(Matrix&& k, Index width, const Context& context);

/// f [n x k] <- Q1' f. 2 n^2 k flops.
void apply_transposed(const BandReduction& reduction, MatrixView f, const Context& context);

/// f [n x k] <- Q1 f. 2 n^2 k flops.
void apply(const BandReduction& reduction, MatrixView f, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_BAND_REDUCTION_HPP
