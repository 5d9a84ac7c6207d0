#ifndef HDLMM_MARGINAL_REST_FACTOR_HPP
#define HDLMM_MARGINAL_REST_FACTOR_HPP

#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/model/covariances.hpp"

namespace hdlmm {

/// Terms whose columns stand side by side, X [n x s], beside what has been eliminated: with
/// B = X'V_1^-1 X,  M = L'B L + I and G = L M^-1 L', L block diagonal with the factors of the
/// terms.
class RestFactor {
 public:
  RestFactor() = default;

  /// gram: B, both triangles; first: of each term, where its columns begin, negative for a term
  /// that is not here. Throws std::runtime_error where M is not positive definite.
  RestFactor(Matrix gram, std::vector<Index> first, const Covariances& at, const Context& context);

  const Matrix& gram() const { return gram_; }
  double log_det() const { return log_det_; }  ///< log|M|

  /// G x, [s x m].
  Matrix times_inverse(const Matrix& x, const Context& context) const;

  /// G, [s x s], made once.
  const Matrix& inverse(const Context& context) const;

  /// sum_j X_j'V^-1 X_j of a term, [r x r].
  Matrix trace(Index k, const Context& context) const;

  bool has(Index k) const { return first_[static_cast<std::size_t>(k)] >= 0; }

 private:
  Index terms() const { return static_cast<Index>(shapes_.size()); }
  const TermShape& shape(Index k) const { return shapes_[static_cast<std::size_t>(k)]; }
  const Matrix& factor(Index k) const { return factors_[static_cast<std::size_t>(k)]; }
  Index first(Index k) const { return first_[static_cast<std::size_t>(k)]; }

  bool is_zero() const;
  /// x [s x m] <- L x or L'x, the coefficients of every level by its factor.
  void times_factor(Matrix& x, bool transposed) const;
  Matrix direct_trace(Index k, const Context& context) const;

  Matrix gram_;
  std::vector<Index> first_;
  std::vector<TermShape> shapes_;
  std::vector<Matrix> factors_;
  Matrix root_;  ///< lower Cholesky factor of M
  double log_det_ = 0;
  mutable Matrix inverse_;
  mutable std::vector<Matrix> explained_;  ///< of every term sum_j (I - M^-1_jj)
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_REST_FACTOR_HPP
