#ifndef HDLMM_MARGINAL_TRIDIAGONAL_SYSTEM_HPP
#define HDLMM_MARGINAL_TRIDIAGONAL_SYSTEM_HPP

#include "hdlmm/marginal/fixed_fit.hpp"

namespace hdlmm {

/// The marginal model of one random term in coordinates in which K is tridiagonal: S = (h / kappa)
/// T + nu I is factored at each share, O(r c^2), and eigenvalues are never made.
///
/// T must be regular, as positive_range() sees to: solves lose as many digits as its condition has.
class TridiagonalSystem final : public SystemOfParts {
 public:
  /// Parts that is_tridiagonal(), without a prior of the coefficients.
  TridiagonalSystem(SpectralParts parts, double kappa);

  std::unique_ptr<SystemOfParts> for_response(Vector y, double null_residual) const override;

 private:
  /// One share: y and Q whitened by L^-1, S = L L'.
  struct Whitened : FixedFit {
    double hk = 0;
    TridiagonalFactor factor;
  };

  Whitened whiten(const Share& share) const;

  Evaluation do_evaluate(const Share& share, Detail detail) const override;

  ResponseForms do_response_forms(const Share& share, const ConstMatrix& y,
                                  const Vector& null_quadratics) const override;

  void add_marginal(const Whitened& w, double log_s, Evaluation& out) const;

  /// qkq [c x c]: q'K q whitened; q_back, q_kept [r x c]: L^-T q and L^-1 T L^-T q.
  void add_restricted_traces(const Whitened& w, const ConstMatrix& q_back,
                             const ConstMatrix& q_kept, const ConstMatrix& qkq,
                             Evaluation& out) const;

  void add_coefficients(const Whitened& w, const ConstMatrix& q_back, const ConstMatrix& qkq,
                        Evaluation& out) const;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_TRIDIAGONAL_SYSTEM_HPP
