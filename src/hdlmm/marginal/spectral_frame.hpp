#ifndef HDLMM_MARGINAL_SPECTRAL_FRAME_HPP
#define HDLMM_MARGINAL_SPECTRAL_FRAME_HPP

#include "hdlmm/marginal/decompose.hpp"

namespace hdlmm {

/// Turns vectors of rows into coordinates along the eigenvectors U [n x r] of K, and back.
/// Holds references only. Throws InvalidInput.
class SpectralFrame {
 public:
  /// The context is for products with many columns, which are interrupted between blocks of them.
  SpectralFrame(const DesignOperator& x, Side side, const ConstVector& d,
                const ConstMatrix& vectors, const Context& context = Context());

  Index rank() const { return d_.size(); }
  const DesignOperator& design() const { return x_; }
  Side side() const { return side_; }
  bool is_diagonal() const { return side_ == Side::diagonal; }

  /// U' f, [r x k].
  Matrix rotate(const ConstMatrix& f) const;

  /// U g, [n x k].
  Matrix unrotate(const ConstMatrix& g) const;

  /// S X'U g [p] for g [r].
  Vector pull(const ConstVector& g, const Context& context = Context()) const;

  /// sum_k U_ik^2 weight_k for every row i, [n].
  Vector row_quadratic(const ConstVector& weight) const;

  /// U' times columns first .. first + k - 1 of X S, [r x k]: free of passes over X when the
  /// column side was decomposed.
  Matrix rotated_covariance_columns(Index first, Index count) const;

 private:
  const DesignOperator& x_;
  Side side_;
  ConstVector d_;
  ConstMatrix vectors_;
  Context context_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_SPECTRAL_FRAME_HPP
