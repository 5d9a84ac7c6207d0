#ifndef HDLMM_MARGINAL_SPECTRAL_SYSTEM_HPP
#define HDLMM_MARGINAL_SPECTRAL_SYSTEM_HPP

#include <memory>
#include <utility>

#include "hdlmm/marginal/fixed_fit.hpp"

namespace hdlmm {

/// y and Q multiplied by V^-1/2 at one share, in spectral coordinates, and their QR factors.
struct WhitenedData : FixedFit {
  Share share;
  Vector s;          ///< [r], eigenvalues of V along U
  Vector inverse;    ///< [r], of s
  Vector explained;  ///< [r], (h / kappa) d / s: share of each direction that K explains
  Vector noise;      ///< [r], nu / s = 1 - explained
};

/// The marginal model of one random term after one spectral decomposition: O(r c^2) a share.
class SpectralSystem final : public SystemOfParts {
 public:
  SpectralSystem(SpectralParts parts, double kappa) : SystemOfParts(std::move(parts), kappa) {}

  /// The same model for another response: y along U [r], nothing in the reach of the fixed effects
  /// within null(K), and a rest of the given length there. For simulation and the bootstrap.
  SpectralSystem with_response(Vector y, double null_residual) const;

  std::unique_ptr<SystemOfParts> for_response(Vector y, double null_residual) const override;

  /// The same model under a normal prior of the coefficients; see SpectralParts::prior_rows.
  SpectralSystem with_prior_rows(Matrix rows) const;

  WhitenedData whiten(const Share& share) const;

 private:
  Evaluation do_evaluate(const Share& share, Detail detail) const override;

  ResponseForms do_response_forms(const Share& share, const ConstMatrix& y,
                                  const Vector& null_quadratics) const override;

  /// Traces of V^-1, and the determinant of the user's V where column means were taken out.
  void add_marginal(const WhitenedData& w, const Vector& k, double log_s, Evaluation& out) const;

  /// Traces of P; qkq [c x c] becomes q'diag(k)q.
  void add_restricted_traces(const WhitenedData& w, const Vector& k, Matrix& qkq,
                             Evaluation& out) const;

  void add_coefficients(const WhitenedData& w, const Vector& k, const Matrix& qkq,
                        Evaluation& out) const;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_SPECTRAL_SYSTEM_HPP
