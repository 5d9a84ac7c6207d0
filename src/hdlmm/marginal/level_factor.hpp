#ifndef HDLMM_MARGINAL_LEVEL_FACTOR_HPP
#define HDLMM_MARGINAL_LEVEL_FACTOR_HPP

#include <vector>

#include "hdlmm/marginal/blocked_system.hpp"
#include "hdlmm/marginal/rest_factor.hpp"

namespace hdlmm {

/// Levels of a BlockedSystem eliminated one after the other. Of level j, V_j being the covariance
/// with the terms' levels before it,
///   D_j = X_j'V_j^-1 X_j,  C_j = X_j'V_j^-1 X behind it,  K_j = S (I + D_j S)^-1,
/// and behind it X'V_j^-1 X loses C_j'K_j C_j: there is no inverse of S, so that zeros are no edge.
/// With G the covariance of coefficients behind it, which are of levels and of the rest,
///   G_j. = -K_j C_j G,  G_jj = K_j + K_j C_j G C_j'K_j
/// on the pattern of the order (Takahashi, Fagan & Chin 1973).
class LevelFactor {
 public:
  LevelFactor(const BlockedSystem& system, const Covariances& at, const Context& context);

  double log_det() const { return log_det_; }

  /// gram: X_rest'X_rest, which becomes X_rest'V^-1 X_rest: the lower triangles.
  void reduce_gram(Matrix& gram, const Context& context) const;

  /// x: X'b [q x m], which becomes X_j'V_j^-1 b, and of the rest X'V^-1 b with all levels in V.
  void reduce(MatrixView x) const;

  /// effects: of the rest S X'V^-1 b, of the levels undefined; they become what they are by
  /// reduced, that of reduce(). adjoint: X_j'V^-1 b of the levels.
  void extend(const Matrix& reduced, MatrixView effects, MatrixView adjoint) const;

  /// Makes G of the levels. rest: of which G is known.
  void invert(const RestFactor& rest, const Context& context) const;

  /// sum_j X_j'V^-1 X_j of a term. Needs G.
  Matrix trace(Index k) const;
  /// K_j; G_jj.
  MatrixMap weight(const EliminatedLevel& own) const { return square(weight_, own); }
  MatrixMap covariance(const EliminatedLevel& own) const { return square(covariance_, own); }
  MatrixMap cross(const EliminatedLevel& own) const;

  /// G of two columns that meet in a level before them, a <= b. Needs G.
  double inverse(Index a, Index b, const RestFactor& rest) const;

  /// C_j G, [r x meets]. Needs G.
  Matrix times_inverse(const EliminatedLevel& own, const RestFactor& rest) const;

 private:
  using Cells = std::vector<double>;

  static MatrixMap square(const Cells& cells, const EliminatedLevel& own);
  const EliminationOrder& order() const { return system_.order(); }
  const Cells& crosses() const { return crosses_.empty() ? system_.crosses() : crosses_; }

  void eliminate(const Context& context);
  void settle(const EliminatedLevel& own);
  void subtract_from_level(const EliminatedLevel& own, Index at, const EliminatedLevel& other,
                           const std::vector<Index>& where, double* weighted);
  void subtract_from_rest(const EliminatedLevel& own, Index first, Index end, Matrix& gram) const;

  void gather_column(const EliminatedLevel& own, Index at, const RestFactor& rest,
                     double* out) const;
  void invert_chained(const EliminatedLevel& own, const RestFactor& rest) const;
  void spread(const EliminatedLevel& own, const RestFactor& rest, Cells& scratch) const;
  void set_covariance(const EliminatedLevel& own) const;

  const BlockedSystem& system_;
  Covariances at_;
  double log_det_ = 0;
  Index width_ = 1;                    ///< largest
  Cells squares_, crosses_;            ///< D_j; C_j where they are not those of the system
  Cells weight_, solver_;              ///< K_j, (I + D_j S)^-1
  mutable Cells spread_, covariance_;  ///< C_j G C_j', G_jj
  mutable Cells inverse_;              ///< G_j. of levels that are met
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_LEVEL_FACTOR_HPP
