#ifndef HDLMM_LINALG_BAND_CHOLESKY_HPP
#define HDLMM_LINALG_BAND_CHOLESKY_HPP

#include <algorithm>

#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// (alpha B + nu I) f [n x k], band: [(width + 1) x n], lower band storage. 4 n b k flops.
Matrix multiply_band(const ConstMatrix& band, double alpha, double nu, const ConstMatrix& f);

/// Cholesky factor of alpha B + nu I for a symmetric band B, as a block bidiagonal matrix.
///
/// With blocks of the width of the band the matrix is block tridiagonal, and so every step is
/// dense: L_jj = chol(D_j), M_j = E_j L_jj^-T, D_{j+1} -= M_j M_j'. 7/3 n b^2 flops.
class BandCholesky {
 public:
  /// band: [(width + 1) x n], lower band storage. False when not positive definite.
  bool factor(const ConstMatrix& band, double alpha, double nu);

  /// f [n x k] <- (alpha B + nu I)^-1 f. 6 n b k flops.
  void solve_in_place(Eigen::Ref<Matrix> f) const;

  double log_determinant() const;

 private:
  Index size_at(Index j) const { return std::min(block_, n_ - j); }
  Index size_below(Index j) const { return std::max<Index>(0, std::min(block_, n_ - j - block_)); }
  Eigen::Block<const Matrix> diagonal(Index j) const;
  Eigen::Block<const Matrix> below(Index j) const;
  Eigen::Block<MatrixView> rows_below(MatrixView& f, Index j) const;

  bool factor_block(Index j);

  /// The same where blocks are numbers.
  bool factor_tridiagonal();

  void solve_tridiagonal(Eigen::Ref<Matrix> f) const;

  Index n_ = 0, block_ = 1;
  Matrix diagonal_;  ///< [b x n], L_jj
  Matrix below_;     ///< [b x n], M_j
};

}  // namespace hdlmm

#endif  // HDLMM_LINALG_BAND_CHOLESKY_HPP
