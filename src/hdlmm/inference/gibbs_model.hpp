#ifndef HDLMM_INFERENCE_GIBBS_MODEL_HPP
#define HDLMM_INFERENCE_GIBBS_MODEL_HPP

#include <cmath>
#include <stdexcept>

#include "hdlmm/core/products.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/model/variance_prior.hpp"

namespace hdlmm {
namespace gibbs_detail {

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

/// QR, then one eigendecomposition: O(r c^2), once.
inline void diagonalise_recentring(GibbsModel& model) {
  const Index r = model.rank(), rho = model.y_null.size(), c = model.n_fixed();
  const double largest = r > 0 ? model.d.maxCoeff() : 1;
  Matrix rows(r + rho, c);
  rows.topRows(r) = (std::sqrt(largest) * model.root.cwiseInverse()).asDiagonal() * model.basis;
  rows.bottomRows(rho) = model.null_basis;
  const Eigen::HouseholderQR<Matrix> qr(rows);
  const Matrix thin = qr.householderQ() * Matrix::Identity(r + rho, c);
  const Matrix along = thin.topRows(r).transpose() * thin.topRows(r);
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(along);
  model.scaling =
      qr.matrixQR().topRows(c).template triangularView<Eigen::Upper>().solve(eigen.eigenvectors());
  const Matrix turned = thin * eigen.eigenvectors();
  model.scaled_gram = turned.topRows(r).colwise().squaredNorm().transpose() / largest;
  model.scaled_null = turned.bottomRows(rho).colwise().squaredNorm().transpose();
  if (model.precision.isZero(0)) return;
  model.scaled_precision = model.scaling.transpose() * model.precision.asDiagonal() * model.scaling;
}

/// fixed_precision: [c x c] or empty (flat).
inline GibbsModel make_gibbs_model(const SpectralSystem& system, const VariancePrior& prior,
                                   const ConstMatrix& fixed_precision) {
  const SpectralParts& parts = system.parts();
  const Index c = parts.n_fixed(), rho = parts.null_in_fixed();
  GibbsModel model;
  model.n = parts.n;
  model.kappa = system.kappa();
  model.prior = prior;
  model.d = parts.d;
  model.root = parts.d.cwiseSqrt();
  model.y = parts.y + times(parts.z.leftCols(rho), parts.null_shift);
  model.y_null = parts.null_scale.cwiseProduct(parts.null_shift);
  model.null_rest2 = parts.null_residual * parts.null_residual;
  model.mean = parts.mean;
  model.basis = parts.z;
  model.null_basis = Matrix::Zero(rho, c);
  model.null_basis.leftCols(rho) = parts.null_scale.asDiagonal();
  model.turn = parts.turn;
  model.precision = Vector::Zero(c);
  if (c == 0) return model;
  if (fixed_precision.size() > 0) {
    if (model.mean.is_present()) {
      throw std::invalid_argument("a prior of the fixed effects needs the uncentred design");
    }
    const Matrix turned = parts.turn.transpose() * fixed_precision * parts.turn;
    const Eigen::SelfAdjointEigenSolver<Matrix> eigen(turned);
    model.precision = eigen.eigenvalues().cwiseMax(0);
    model.basis = model.basis * eigen.eigenvectors();
    model.null_basis = model.null_basis * eigen.eigenvectors();
    model.turn = model.turn * eigen.eigenvectors();
  }
  diagonalise_recentring(model);
  return model;
}

}  // namespace gibbs_detail
}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_GIBBS_MODEL_HPP
