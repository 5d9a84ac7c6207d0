#ifndef HDLMM_INFERENCE_TERMS_TERM_UNITS_HPP
#define HDLMM_INFERENCE_TERMS_TERM_UNITS_HPP

#include <vector>

#include "hdlmm/model/covariances.hpp"

namespace hdlmm {

/// Units of coefficients in which a search does not know the units or the origin of their columns:
/// S = D S~ D' with D'(sum_j X_j'P_0 X_j) D = (n - c) I, so that coefficients of variance one are
/// uncorrelated in the data and each explains as much as the noise.
class TermUnits {
 public:
  TermUnits() = default;
  /// null_information: that of a TermsSystem.
  TermUnits(const Matrix& null_information, std::vector<TermShape> shapes);

  /// Other units of term k, S = M D S~ D'M' with a lower triangular D: the first coefficient of
  /// those that M makes S of is one of S~ but for its unit, and with is_pair the second one too.
  void reorder(Index k, const Matrix& map, const Matrix& inverse_map, bool is_pair);

  Index size() const { return static_cast<Index>(shapes_.size()); }
  const std::vector<TermShape>& shapes() const { return shapes_; }
  Index width(Index k) const { return shapes_[static_cast<std::size_t>(k)].width; }

  const Matrix& root(Index k) const { return root_[static_cast<std::size_t>(k)]; }  ///< D
  const Matrix& inverse(Index k) const { return inverse_[static_cast<std::size_t>(k)]; }
  Matrix from_units(Index k, const Matrix& s) const;
  Matrix to_units(Index k, const Matrix& s) const;
  /// D'G D, of a gradient in S.
  Matrix gradient(Index k, const Matrix& g) const;

  Covariances from_units(const Covariances& inner) const;
  Covariances to_units(const Covariances& outer) const;

  /// Turns the units so that every S~ is diagonal, the largest variance first: factors of matrices
  /// that are nearly singular otherwise lie in curved valleys. Returns the same point. Term `but`
  /// stays as it is.
  Covariances turn(const Covariances& inner, Index but = -1);
  std::vector<Matrix> gradients(const std::vector<Matrix>& g) const;
  /// A quadratic form in the half vectors of all S_k, and in what comes after them, as one in those
  /// of S~.
  Matrix information(const Matrix& outer) const;

 private:
  std::vector<TermShape> shapes_;
  std::vector<Matrix> root_, inverse_;  ///< D and D^-1, or M D and its inverse
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERM_UNITS_HPP
