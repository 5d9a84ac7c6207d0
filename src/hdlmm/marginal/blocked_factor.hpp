#ifndef HDLMM_MARGINAL_BLOCKED_FACTOR_HPP
#define HDLMM_MARGINAL_BLOCKED_FACTOR_HPP

#include <vector>

#include "hdlmm/marginal/blocked_system.hpp"

namespace hdlmm {

/// V of a BlockedSystem. With V_1 = I + X_e S X_e' of the eliminated term and the levels' D_j =
/// X_j'X_j,
///   K_j = S (I + D_j S)^-1,  B = X_rest'V_1^-1 X_rest,  M = L'B L + I,  G = L M^-1 L',
/// L block diagonal with the factors of the others: no inverse of S, so that zeros are no edge.
class BlockedFactor final : public TermsFactor {
 public:
  BlockedFactor(const BlockedSystem& system, const Covariances& at, const Context& context);

  double log_det() const override { return log_det_; }
  Matrix data_gram() const override;
  std::vector<Matrix> traces() const override;
  std::vector<Matrix> fixed_slopes() const override;
  ResponseMoments moments(const Vector& delta) const override;
  Vector projected(const Vector& delta) const override;
  std::vector<Vector> effects(const Vector& delta) const override;
  Matrix solve(const ConstMatrix& b) const override;
  Vector inverse_diagonal() const override;
  Matrix level_covariances(Index k) const override;
  Matrix fixed_response(Index k) const override;

 private:
  /// X'V^-1 b and S X'V^-1 b of b known by X'b.
  struct Solved {
    CoefficientRows adjoint, effects;
  };
  Solved solve_adjoint(const CoefficientRows& x) const;

  bool is_zero() const;  ///< whether the terms of the rest have no variance
  void eliminate_levels();
  void factorise_rest();
  /// x [s x m] <- L x or L'x, the coefficients of every level by its factor.
  void times_factor(Matrix& x, bool transposed) const;
  const Matrix& inverse() const;  ///< G
  Matrix level_trace() const;
  Matrix rest_trace(Index k) const;
  Matrix direct_trace(Index k) const;
  ConstMatrix part(const CoefficientRows& x, Index k) const;
  Matrix add_products(const CoefficientRows& beta) const;
  Vector sparse_inverse_diagonal() const;
  Vector dense_inverse_diagonal() const;
  const TermsModel& model() const { return system_.model(); }
  Index width() const { return system_.width(); }
  auto solver(Index j) const { return solver_.middleCols(j * width(), width()); }
  auto weight(Index j) const { return weight_.middleCols(j * width(), width()); }

  const BlockedSystem& system_;
  Covariances at_;
  Context context_;
  double log_det_ = 0;
  Matrix weight_;  ///< K_j, [r x r J]
  Matrix solver_;  ///< (I + D_j S)^-1, [r x r J]
  Matrix gram_;    ///< B, [s x s]
  Matrix root_;    ///< lower Cholesky factor of M
  Solved data_;
  mutable Matrix inverse_;
  mutable std::vector<Matrix> explained_;  ///< of every term sum_j (I - M^-1_jj)
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_BLOCKED_FACTOR_HPP
