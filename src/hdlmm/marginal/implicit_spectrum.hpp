#ifndef HDLMM_MARGINAL_IMPLICIT_SPECTRUM_HPP
#define HDLMM_MARGINAL_IMPLICIT_SPECTRUM_HPP

#include <optional>

#include "hdlmm/linalg/band_reduction.hpp"
#include "hdlmm/marginal/spectral_parts.hpp"

namespace hdlmm {

/// Whether a tridiagonal K will do where it is regular, or its eigenvalues are needed.
enum class Form { tridiagonal, diagonal };

/// What is left of a decomposition without vectors for a while: solves with the band.
struct Reduction {
  Side side = Side::row;
  BandReduction gram;      ///< the Gram matrix of that side, mirrored
  SpectrumRange spectrum;  ///< of it, or of the regular part of a tridiagonal one
  double zero_bound = 0;   ///< see zero_bound()
  double dropped = 0;      ///< size of the largest eigenvalue that counts as zero
  Matrix normal;           ///< [p x (c + 1)], X'Q and X'y, for the column side only
  Vector mirror;           ///< [n], v of the reflector I - 2 v v', or empty: none
};

/// The spectrum of K and the data in its coordinates without an eigenvector ever being formed.
///
/// The smaller side is reduced to a band and then to eigenvalues, and the data are turned along
/// (two_stage.hpp): 4/3 m^3 flops instead of about 9 m^3. What it cannot do is to turn anything
/// else later; P y comes from a solve with the band. Where K is regular (but for the constant that
/// column means were taken out along), the tridiagonal matrix between will do in the place of
/// eigenvalues: they are then made when something asks for them (diagonalised()).
struct ImplicitSpectrum {
  Reduction reduction;
  SpectralParts parts;  ///< without null_frame and null_rest, which live in rows of data
  /// Of `others`, where K stayed tridiagonal; none elsewhere.
  RotatedResponses responses;
};

/// P y [n], and X'P y [p] where it comes for nothing; empty otherwise.
struct SolvedResponse {
  Vector projected;
  Vector along;
};

/// From the rows' side: K [n x n] whole, all n coordinates of Q and y at once. others [n x m]: more
/// responses to turn along, 6 n^2 flops each.
ImplicitSpectrum reduce_rows(const DesignOperator& x, const ConstMatrix& q, const ConstVector& y,
                             const ConstVector& mean_columns, const ConstVector& constant,
                             Form form, const Context& context,
                             const ConstMatrix& others = Matrix());

/// The same parts along eigenvectors. O(r^2).
SpectralParts diagonalised(SpectralParts parts, const Context& context);

/// From the columns' side: X'X [p x p], p < n; what lies outside the span of X by projection.
/// Nothing where X'X is too ill-conditioned for that.
std::optional<ImplicitSpectrum> reduce_columns(const DesignOperator& x, const ConstMatrix& q,
                                               const ConstVector& y,
                                               const ConstVector& mean_columns,
                                               const ConstVector& constant, const Context& context);

/// The side that decompose() would take, or nothing where it needs eigenvectors, as other responses
/// do on the columns' side.
std::optional<ImplicitSpectrum> reduce(const DesignOperator& x, const ConstMatrix& q,
                                       const ConstVector& y, const ConstVector& mean_columns,
                                       const ConstVector& constant, Form form,
                                       const Context& context,
                                       const ConstMatrix& others = Matrix());

/// P y = V^-1 (y - Q delta) for V = hk K + nu I, delta [c] the coefficients there and rest [n] =
/// y - Q delta; nothing where V is too near singular. Of a design whose means were taken out, delta
/// is not known along the constant o: rest must then be orthogonal to o, as P y is.
std::optional<SolvedResponse> solve_response(const DesignOperator& x, const Reduction& reduction,
                                             const ConstVector& delta, const ConstVector& rest,
                                             double hk, double nu, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_IMPLICIT_SPECTRUM_HPP
