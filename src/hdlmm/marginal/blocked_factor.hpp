#ifndef HDLMM_MARGINAL_BLOCKED_FACTOR_HPP
#define HDLMM_MARGINAL_BLOCKED_FACTOR_HPP

#include <vector>

#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/rest_factor.hpp"

namespace hdlmm {

/// V of a BlockedSystem. With V_1 = I + X_e S X_e' of the eliminated term and the levels' D_j =
/// X_j'X_j,
///   K_j = S (I + D_j S)^-1,
/// and the rest as RestFactor has it: there is no inverse of S, so that zeros are no edge.
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
  Vector row_variances(const std::vector<RowCells>& rows) const override;

 private:
  /// X'V^-1 b and S X'V^-1 b of b known by X'b.
  struct Solved {
    CoefficientRows adjoint, effects;
  };
  Solved solve_adjoint(const CoefficientRows& x) const;

  /// gram: X_rest'X_rest, of which the levels take their part.
  void eliminate_levels(Matrix& gram);
  void subtract_level(Index j, Index first, Index end, Matrix& gram) const;
  Matrix level_trace() const;
  void add_level_trace(Index j, Matrix& out) const;
  ConstMatrix part(const CoefficientRows& x, Index k) const;
  Matrix add_products(const CoefficientRows& beta) const;
  Vector cell_variances(const RowCells& own, const RowCells& rest) const;
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
  RestFactor rest_;
  Solved data_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_BLOCKED_FACTOR_HPP
