#ifndef HDLMM_MARGINAL_REST_FACTOR_HPP
#define HDLMM_MARGINAL_REST_FACTOR_HPP

#include <algorithm>
#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/model/covariances.hpp"

namespace hdlmm {

/// Columns of a term that stand there with those of others, from `first` on: all levels of the
/// term, some, or none.
struct RestTerm {
  Index first = 0;
  TermShape shape;
};

/// Terms whose columns stand side by side, X [n x s], beside what has been eliminated: with
/// B = X'V_1^-1 X,  M = L'B L + I and G = L M^-1 L', L block diagonal with the factors of the
/// terms. One s x s matrix holds it all: B above the diagonal, the root of M below it and, from
/// when it is first asked for, G.
class RestFactor {
 public:
  RestFactor() = default;

  /// gram: B, of which the lower triangle is read. Throws std::runtime_error where M is not
  /// positive definite.
  RestFactor(Matrix gram, std::vector<RestTerm> terms, const Covariances& at,
             const Context& context);

  double log_det() const { return log_det_; }  ///< log|M|

  /// B x and G x, [s x m].
  Matrix times_gram(const Matrix& x, const Context& context) const;
  Matrix times_inverse(const Matrix& x, const Context& context) const;

  /// Makes G, of which the cells are then known.
  void invert(const Context& context) const;
  double inverse(Index i, Index j) const { return both_(std::max(i, j), std::min(i, j)); }
  /// Column j of G, to be read from its diagonal down.
  const double* inverse_below(Index j) const { return both_.col(j).data(); }
  /// Columns of G, [s x count].
  Matrix inverse_columns(Index first, Index count) const;

  /// sum_j X_j'V^-1 X_j of the levels of a term that are here, [r x r]. Needs G.
  Matrix trace(Index k, const Context& context) const;

  bool has(Index k) const { return shape(k).levels > 0; }

 private:
  Index terms() const { return static_cast<Index>(terms_.size()); }
  const TermShape& shape(Index k) const { return terms_[static_cast<std::size_t>(k)].shape; }
  const Matrix& factor(Index k) const { return factors_[static_cast<std::size_t>(k)]; }
  Index first(Index k) const { return terms_[static_cast<std::size_t>(k)].first; }

  bool is_zero() const;
  void times_factor(Matrix& x, bool transposed) const;
  void turn_lower(bool transposed, const Context& context) const;
  Matrix gram_columns(Index first, Index count) const;
  Matrix direct_trace(Index k, const Context& context) const;

  mutable Matrix both_;
  Vector diagonal_;  ///< of B
  std::vector<RestTerm> terms_;
  std::vector<Matrix> factors_;
  double log_det_ = 0;
  mutable bool is_inverted_ = false;
  mutable std::vector<Matrix> explained_;  ///< of every term sum_j (I - M^-1_jj)
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_REST_FACTOR_HPP
