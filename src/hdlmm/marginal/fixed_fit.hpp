#ifndef HDLMM_MARGINAL_FIXED_FIT_HPP
#define HDLMM_MARGINAL_FIXED_FIT_HPP

#include <algorithm>
#include <memory>

#include "hdlmm/marginal/marginal_system.hpp"
#include "hdlmm/marginal/spectral_parts.hpp"

namespace hdlmm {

/// What of an Evaluation differs from response to response, [m] each.
struct ResponseForms {
  Vector rss, quad_k, quad_kk, quad_noise;

  /// Room for as many as there are quadratic forms in null(K).
  explicit ResponseForms(const Vector& null_quadratics);

  /// The evaluation of the system itself with the forms of response k in it.
  Evaluation within(Evaluation of_system, Index k) const;
};

/// A marginal system in coordinates of K: what it knows of null(K) and of the spectrum.
class SystemOfParts : public MarginalSystem {
 public:
  const SpectralParts& parts() const { return parts_; }

  /// The same model for another response: y along the coordinates of K [r], nothing in the reach of
  /// the fixed effects within null(K), and a rest of the given length there.
  virtual std::unique_ptr<SystemOfParts> for_response(Vector y, double null_residual) const = 0;

  /// Forms of many such responses at one share, whose factor they have in common: y [r x m],
  /// null_residual [m]. O(r c m).
  ResponseForms response_forms(const Share& share, const ConstMatrix& y,
                               const ConstVector& null_residual) const;

 protected:
  SystemOfParts(SpectralParts parts, double kappa);

  SpectralParts parts_;

 private:
  virtual ResponseForms do_response_forms(const Share& share, const ConstMatrix& y,
                                          const Vector& null_quadratics) const = 0;
};

/// Least squares of y on Q, both multiplied by V^-1/2 at one share, by QR.
///
/// With the columns that reach null(K) scaled by nu^1/2 every number stays finite at nu = 0. The
/// prior of the coefficients, if any, counts as rows of data: P is then V^-1 - V^-1 Q (Q'V^-1 Q +
/// tau^2 Lambda)^-1 Q'V^-1, and coefficients are posterior means.
struct FixedFit {
  Matrix q_null;              ///< [rho x c], orthonormal basis, rows in null(K)
  Matrix q;                   ///< [r x c], the rows along the coordinates of K
  Matrix q_prior;             ///< [c or 0 x c], the rows of the prior
  Vector e_prior;             ///< [c or 0], whitened residual
  Vector e_null;              ///< [rho]
  Vector e;                   ///< [r]
  Vector delta;               ///< [c], coefficients in the turned basis
  Matrix inverse_factor;      ///< [c x c], F with (Q'V^-1 Q)^-1 = F F' in the turned basis
  double log_det_factor = 0;  ///< log|Q'V^-1 Q| + rho log(nu)
};

/// white_z [r x c], white_y [r]: V^-1/2 times the rows of Q and y along the coordinates of K.
void fit_fixed_effects(const SpectralParts& parts, double nu, const ConstMatrix& white_z,
                       Vector white_y, FixedFit& out);

/// work(first, size) of `count` columns in blocks that stay in a cache together.
template <typename Work>
void for_narrow_blocks(Index count, const Work& work) {
  constexpr Index kWidth = 8;
  for (Index first = 0; first < count; first += kWidth)
    work(first, std::min(kWidth, count - first));
}

/// white_y [r x m] less what Q explains of it, rows in null(K) [rho x m] beside it, which are none
/// of the responses' own.
void project_responses(const FixedFit& fit, MatrixView white_y, MatrixView null_y);

/// y'P y of what lies in null(K).
double null_quadratic(const SpectralParts& parts, const FixedFit& fit, double nu);

/// log|V| and log|V| + log|Q'V^-1 Q| from log|S|, V along the coordinates of K.
void set_determinants(const SpectralParts& parts, const FixedFit& fit, double log_s,
                      Evaluation& out);

/// qkq, qnq [c x c]: q'K q and nu q'q with K and the basis q whitened, the null rows of q included
/// in the latter.
void set_coefficients(const SpectralParts& parts, const FixedFit& fit, const Matrix& qkq,
                      const Matrix& qnq, Evaluation& out);

/// From the centred K to the user's: closed forms of rank one, without cancellation.
///
/// With X = X_c + o m' and o in the span of Q, P and y'P y are those of X_c. The determinant
/// gains the factor 1 + (o'o / nu) m'G m, G = (X_c'X_c / nu + kappa I / h)^-1. within: the sum of
/// a_i^2 N_i, a the coordinates of m along the right singular vectors of X_c and N = nu / s;
/// within2: of a_i^2 N_i^2; within2_k: of a_i^2 N_i^2 d_i / s_i.
void shift_determinant(const SpectralParts& parts, double hk, double log_s, double within,
                       double within2, double within2_k, Evaluation& out);

/// The coefficients of o are those of X_c less m'beta: the operator of the fixed effects on
/// whitened rows is O = F q' - constant (hk f'P), f = X_c m.
struct ShiftedOperator {
  Matrix rows;  ///< [c x r]
  Matrix null;  ///< [c x rho]

  /// f_white: [r], V^-1/2 X_c m.
  ShiftedOperator(const SpectralParts& parts, const FixedFit& fit, const Vector& f_white,
                  double hk);
};

/// oko [c x c]: (O X_c + constant m')(O X_c + constant m')', m within the row space, as a product:
/// beside little noise its parts nearly cancel. ono [c x c]: nu O O', null rows left out.
void shift_coefficients(const SpectralParts& parts, const FixedFit& fit, const ShiftedOperator& o,
                        const Vector& f_white, double hk, const Matrix& oko, const Matrix& ono,
                        Evaluation& out);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_FIXED_FIT_HPP
