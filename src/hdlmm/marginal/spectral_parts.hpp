#ifndef HDLMM_MARGINAL_SPECTRAL_PARTS_HPP
#define HDLMM_MARGINAL_SPECTRAL_PARTS_HPP

#include "hdlmm/linalg/tridiagonal_factor.hpp"
#include "hdlmm/marginal/spectral_frame.hpp"

namespace hdlmm {

/// Column means of the design that were taken out before the decomposition, seen from inside:
/// the user's K is (X + o m')(X + o m')' with o the constant row vector (root weights).
struct MeanShift {
  /// [r], m along the right singular vectors of X, or X m in tridiagonal coordinates; empty: no
  /// shift.
  Vector coordinates;
  Vector unscaled;            ///< [r], T^-1 X m in tridiagonal coordinates, or empty
  double norm2 = 0;           ///< m'm
  double rest2 = 0;           ///< squared length of m outside of the row space of X
  double constant_norm2 = 0;  ///< o'o
  Vector constant;            ///< [c], o = Q constant
  bool is_present() const { return coordinates.size() > 0; }
};

/// y and Q in spectral coordinates, with null(K) reduced to what can matter.
///
/// The basis of the fixed effects is turned by `turn` so that its first rho columns reach null(K),
/// where they are null_frame * diag(null_scale), and the others do not. y is shifted by
/// null_shift along those columns, which leaves it with nothing in null_frame.
///
/// Or the same one step before: in coordinates in which K is tridiagonal, `d` its diagonal and
/// `beside` what stands beside it.
struct SpectralParts {
  Index n = 0;
  Vector d;                  ///< [r], eigenvalues, or the diagonal of the tridiagonal K
  Vector beside;             ///< [r - 1], its subdiagonal, or empty
  SpectrumRange range;       ///< of the tridiagonal K
  Matrix z;                  ///< [r x c], U' Q turn
  Vector y;                  ///< [r], U' y, shifted
  Matrix turn;               ///< [c x c], orthogonal
  Vector null_scale;         ///< [rho]
  Vector null_shift;         ///< [rho]
  Matrix null_frame;         ///< [n x rho], orthonormal, in null(K)
  Vector null_rest;          ///< [n], the part of y in null(K) beyond null_frame; empty when zero
  double null_residual = 0;  ///< its length
  /// [c x c] or without rows: tau Lambda^1/2 in the turned basis for a normal prior of the
  /// coefficients of Q with mean zero and precision Lambda, tau^2 the total variance.
  Matrix prior_rows;
  MeanShift mean;

  Index rank() const { return d.size(); }
  Index n_fixed() const { return z.cols(); }
  Index null_dimension() const { return n - d.size(); }
  Index null_in_fixed() const { return null_scale.size(); }
  bool has_prior() const { return prior_rows.rows() > 0; }
  bool is_tridiagonal() const { return beside.size() > 0; }
  double smallest() const;
  double largest() const;
  /// The same for another response: y [r] without a shift along null(K), a rest of this length
  /// there.
  SpectralParts with_response(Vector other, double rest) const;
};

/// Other responses in the same coordinates, each as SpectralParts has one.
struct RotatedResponses {
  Matrix y;              ///< [r x m], shifted
  Matrix shift;          ///< [rho x m], see null_shift
  Vector null_residual;  ///< [m]
};

/// Throws InvalidInput where the pieces do not fit each other. O(1).
void check_shapes(const SpectralParts& parts);

/// null_part: Q and y in null(K), [rows x (c + 1)], by rows of data or by coordinates of null(K);
/// null_frame and null_rest are made of the same rows.
void reduce_null_space(const Matrix& null_part, double y_norm, SpectralParts& parts);

/// rotated [r x m] and null_part [rows x m]: responses along the coordinates of K and in null(K),
/// as parts were made from there before null_frame was cut; null_frame [rows x rho]; y_norms [m].
RotatedResponses reduce_responses(Matrix rotated, const ConstMatrix& null_part,
                                  const ConstMatrix& null_frame, const ConstVector& y_norms,
                                  const SpectralParts& parts);

/// coordinates: see MeanShift; within2: squared length of the column means m [p] in the row space
/// of X; constant: o [n].
void set_mean_shift(Vector coordinates, double within2, const ConstVector& mean_columns,
                    const ConstVector& constant, const ConstMatrix& q, SpectralParts& parts);

/// Throws InvalidInput where the data are not of the rows and columns of the design.
void check_data(const DesignOperator& x, const ConstMatrix& q, const ConstVector& y,
                const ConstVector& mean_columns, const ConstVector& constant);

/// Rotate y and Q. With mean_columns [p] (the column means taken out of X) and constant [n] (root
/// weights, in the span of Q) the user's uncentred K is kept track of; both may be empty.
/// O(n r c), plus a pass over X when the column side was decomposed.
SpectralParts rotate_data(const SpectralFrame& frame, const ConstVector& d, const ConstMatrix& q,
                          const ConstVector& y, const ConstVector& mean_columns,
                          const ConstVector& constant);

/// The responses y [n x m] beside parts that rotate_data() made.
RotatedResponses rotate_responses(const SpectralFrame& frame, const SpectralParts& parts,
                                  const ConstMatrix& y);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_SPECTRAL_PARTS_HPP
