#ifndef HDLMM_INFERENCE_GIBBS_GIBBS_MODEL_HPP
#define HDLMM_INFERENCE_GIBBS_GIBBS_MODEL_HPP

#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/model/variance_prior.hpp"

namespace hdlmm {

/// The data along U and along the part of null(K) that the fixed effects reach, the basis of the
/// fixed effects turned to t = turn' delta. The basis is orthonormal: A'A + N'N = I.
struct GibbsModel {
  Index n = 0;
  double kappa = 1;
  VariancePrior prior;
  Vector d;                 ///< [r]
  Vector root;              ///< [r], d^1/2
  Vector y;                 ///< [r]
  Vector y_null;            ///< [rho]
  Matrix basis;             ///< [r x c], A
  Matrix null_basis;        ///< [rho x c], N
  double null_rest2 = 0;    ///< squared length of y where nothing reaches
  Matrix turn;              ///< [c x c], orthogonal; diagonalises the prior precision
  Vector precision;         ///< [c], of t a priori; zero: flat
  Matrix scaling;           ///< [c x c], S: S'A'D^-1 A S and S'N'N S are diagonal
  Vector scaled_gram;       ///< [c], the first of them
  Vector scaled_null;       ///< [c], the second
  Matrix scaled_precision;  ///< [c x c], S' diag(precision) S; empty when flat
  MeanShift mean;

  Index rank() const { return d.size(); }
  Index n_fixed() const { return basis.cols(); }
};

/// fixed_precision: [c x c] or empty (flat).
GibbsModel make_gibbs_model(const SpectralSystem& system, const VariancePrior& prior,
                            const ConstMatrix& fixed_precision);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_GIBBS_GIBBS_MODEL_HPP
