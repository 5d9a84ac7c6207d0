#ifndef HDLMM_OBJECTIVE_TERMS_COORDINATES_HPP
#define HDLMM_OBJECTIVE_TERMS_COORDINATES_HPP

#include <vector>

#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

// A system has X_k (I (x) T_k) in the place of X_k, so that its coefficients are T_k^-1 beta_kj and
// its covariances T_k^-1 S_k T_k^-T. Whoever made the model speaks of X_k itself.

/// Covariances inside from those of the coefficients of X_k, and back.
Covariances inside(const TermsModel& model, const std::vector<Matrix>& relative);
std::vector<Matrix> turned_inside(const TermsModel& model, const std::vector<Matrix>& relative);
std::vector<Matrix> outside(const TermsModel& model, const Covariances& at);

/// Half vectors of all S_k for the coefficients of X_k, a point a column [m x N].
Matrix outside_halves(const TermsModel& model, const ConstMatrix& halves);

/// Gradient, information, slopes and effects for the coefficients of X_k.
TermsEvaluation outside(const TermsModel& model, TermsEvaluation e);

/// T'M T: <M, S> for the coefficients of X_k is <T'M T, T^-1 S T^-T> inside.
std::vector<Matrix> moments_inside(const TermsModel& model, const std::vector<Matrix>& moments);

/// Effects of every term, level by level.
std::vector<Vector> outside(const TermsModel& model, std::vector<Vector> effects);

/// Covariances of every level for the coefficients of X_k, [r x r J].
Matrix outside(const TermsModel& model, Index k, const Matrix& levels);

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERMS_COORDINATES_HPP
