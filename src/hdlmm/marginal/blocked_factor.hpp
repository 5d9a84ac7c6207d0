#ifndef HDLMM_MARGINAL_BLOCKED_FACTOR_HPP
#define HDLMM_MARGINAL_BLOCKED_FACTOR_HPP

#include <vector>

#include "hdlmm/marginal/level_factor.hpp"

namespace hdlmm {

/// V of a BlockedSystem: its levels as LevelFactor has them, and the rest as RestFactor.
class BlockedFactor final : public TermsFactor {
 public:
  BlockedFactor(const BlockedSystem& system, const Covariances& at, const Context& context);

  double log_det() const override { return levels_.log_det() + rest_.log_det(); }
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
  /// X'V^-1 b and S X'V^-1 b of b known by X'b, [q x m].
  struct Solved {
    Matrix adjoint, effects;
  };
  Solved solve_adjoint(Matrix x) const;

  void invert() const;
  Matrix add_products(const Matrix& beta) const;
  const TermsModel& model() const { return system_.model(); }
  Index eliminated() const { return system_.order().eliminated(); }

  const BlockedSystem& system_;
  Covariances at_;
  Context context_;
  LevelFactor levels_;
  RestFactor rest_;
  Solved data_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_BLOCKED_FACTOR_HPP
