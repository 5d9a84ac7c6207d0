#ifndef HDLMM_OBJECTIVE_TERM_BLOCKS_HPP
#define HDLMM_OBJECTIVE_TERM_BLOCKS_HPP

#include "hdlmm/model/covariances.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// sum_B log|I + S^1/2 G_B S^1/2| of one term as a function of S [r x r]: slope is its gradient,
/// d value = tr(slope dS), curvature its second derivative by the cells of S.
struct BlockDeterminant {
  double value = 0;
  Matrix slope;
  Matrix curvature;
};

/// q(beta_k) of one term at E[Sigma^-1] and E[1 / sigma_e^2]: covariances C_B.
struct BlockMoments {
  Matrix second;       ///< sum over levels of the covariances of their coefficients, [r x r]
  double fit = 0;      ///< sum_B tr(G_B C_B)
  double log_det = 0;  ///< sum_B log|C_B|
};

/// The blocks B between which q(beta_k) of one term factorises, by G_B = X_B'X_B: levels, single
/// coefficients, or any blocks of the columns of a term of one variance by their eigenvalues.
///
/// The designs of a system have X (I (x) T) in the place of X; factors over single coefficients
/// are of those of X.
class TermBlocks {
 public:
  /// One block a level; of r = 1 single columns.
  static TermBlocks by_level(const DesignOperator& design, const TermShape& shape,
                             const Matrix& turn);

  /// One block a coefficient of X.
  static TermBlocks by_coefficient(const DesignOperator& design, const TermShape& shape,
                                   const Matrix& turn);

  /// r = 1. eigenvalues: those of all X_B'X_B; the rest of the `columns` are zero.
  static TermBlocks by_eigenvalue(const ConstVector& eigenvalues, Index columns);

  Index width() const { return turn_.rows(); }
  Index levels() const { return levels_; }
  bool is_by_coefficient() const { return is_by_coefficient_; }

  /// G_j of level j, of X T, or of X where q factorises over coefficients; [r x r].
  auto gram(Index j) const { return grams_.middleCols(j * width(), width()); }

  /// s: S of the coefficients of X T, as are slope and curvature. Throws std::runtime_error where
  /// factors over coefficients meet a singular S whose null space is not of coefficients: the
  /// value is infinite there.
  BlockDeterminant determinant(const Matrix& s, bool derivatives) const;

  /// S of the coefficients of X, where factors are over these with variances that are none, see
  /// determinant(), made zero.
  Matrix settled(const Matrix& s) const;

  /// precision [r x r], of the coefficients of X.
  BlockMoments moments(const Matrix& precision, double noise_precision) const;

  /// Covariances of the coefficients of X under q per unit sigma_e^2 by level, [r x r J]; s as in
  /// determinant(). Not by eigenvalues.
  Matrix level_covariances(const Matrix& s) const;

 private:
  TermBlocks(Matrix grams, Index levels, Matrix turn);

  BlockDeterminant scalar_determinant(double s) const;
  BlockDeterminant level_determinant(const Matrix& s, bool derivatives) const;
  BlockDeterminant coefficient_determinant(const Matrix& s, bool derivatives) const;
  Matrix coefficient_variances(const Matrix& s) const;
  Matrix squares() const;          ///< diagonals of all G_j, [r x J]
  Vector least_variances() const;  ///< below, a variance of the coefficients of X is none, [r]
  BlockMoments scalar_moments(double precision, double noise_precision) const;

  Matrix grams_;  ///< [r x r m]
  Matrix roots_;  ///< F with F F' = G, r > 1 by level
  Index levels_ = 0;
  Matrix turn_;
  bool is_by_coefficient_ = false;
  double rows_ = 0;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERM_BLOCKS_HPP
