#ifndef HDLMM_INFERENCE_TERMS_VARIANCE_COORDINATES_HPP
#define HDLMM_INFERENCE_TERMS_VARIANCE_COORDINATES_HPP

#include <vector>

#include "hdlmm/inference/terms/term_units.hpp"

namespace hdlmm {

/// All variances as free numbers x [m + 1]: of every term the lower triangle of L with
/// S = D L L'D' in the units of TermUnits, column by column, its diagonal as 2 log L_ii, and
/// log sigma_e^2 last.
class VarianceCoordinates {
 public:
  /// null_information: that of a TermsSystem.
  VarianceCoordinates(const Matrix& null_information, std::vector<TermShape> shapes);

  Index size() const { return parameters_ + 1; }
  Index parameters() const { return parameters_; }
  const std::vector<TermShape>& shapes() const { return shapes_; }

  /// S_k of all terms, per unit sigma_e^2.
  std::vector<Matrix> relative(const ConstVector& x) const;

  /// x of given S_k, none of them singular.
  Vector coordinates(const std::vector<Matrix>& relative, double log_sigma2) const;

  /// log |d (vech Sigma_1, .., vech Sigma_K, sigma_e^2) / dx|, Sigma = sigma_e^2 S, up to a
  /// constant.
  double log_volume(const ConstVector& x) const;

  /// How far, as a factor on the scale of logarithms, sigma_e^2 and the squares of cells of L are
  /// from 1; below the diagonal, where a cell may be zero, from above alone.
  double reach(const ConstVector& x) const;

  /// The same numbers for Sigma_k in the place of S_k, and back.
  Vector absolute(const ConstVector& x) const;
  Vector from_absolute(const ConstVector& absolute) const;

  /// log |d (vech Sigma_1, .., vech Sigma_K, sigma_e^2) / d absolute|, up to a constant.
  double log_absolute_volume(const ConstVector& absolute) const;

  /// D L of a term, of absolute numbers for Sigma_k.
  Matrix factor(const ConstVector& x, Index k) const;

  const TermUnits& units() const { return units_; }

  /// S_k as numbers in which a likelihood is smooth and flat where it says nothing, [m]: of
  /// S + s I in the units, s the deviation of an estimate where S is zero, the logarithms of the
  /// pivots and the regressions of later coefficients on earlier ones.
  Vector features(const ConstVector& x) const;

 private:
  /// L of a term.
  Matrix inner_factor(const ConstVector& x, Index k) const;
  Vector shifted(const ConstVector& x, double log_scale) const;
  double log_inner_volume(const ConstVector& x) const;
  const TermShape& shape(Index k) const { return shapes_[static_cast<std::size_t>(k)]; }
  Index terms() const { return static_cast<Index>(shapes_.size()); }

  std::vector<TermShape> shapes_;
  TermUnits units_;
  Index parameters_ = 0;
  std::vector<Index> first_;   ///< where the numbers of each term begin
  std::vector<Vector> floor_;  ///< s of every coefficient of a level
};

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_VARIANCE_COORDINATES_HPP
