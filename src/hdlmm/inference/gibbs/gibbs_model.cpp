#include "hdlmm/inference/gibbs/gibbs_model.hpp"

#include <cmath>
#include <stdexcept>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// QR, then one eigendecomposition: O(r c^2), once.
void diagonalise_recentring(GibbsModel& model) {
  const Index r = model.rank(), rho = model.y_null.size(), c = model.n_fixed();
  const double largest = r > 0 ? model.d.maxCoeff() : 1;
  Matrix rows(r + rho, c);
  rows.topRows(r) = (std::sqrt(largest) * model.root.cwiseInverse()).asDiagonal() * model.basis;
  rows.bottomRows(rho) = model.null_basis;
  const ThinQr qr = thin_qr(rows);
  const Matrix& thin = qr.q;
  const Matrix along = transpose_product(thin.topRows(r), thin.topRows(r));
  const SymmetricEigen eigen = symmetric_eigen(along);
  model.scaling = eigen.vectors;
  solve_upper(qr.r, model.scaling);
  const Matrix turned = product(thin, eigen.vectors);
  model.scaled_gram = turned.topRows(r).colwise().squaredNorm().transpose() / largest;
  model.scaled_null = turned.bottomRows(rho).colwise().squaredNorm().transpose();
  if (model.precision.isZero(0)) return;
  model.scaled_precision = weighted_gram(model.scaling, model.precision);
}

}  // namespace

GibbsModel make_gibbs_model(const SpectralSystem& system, const VariancePrior& prior,
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
    const Matrix turned = sandwich(parts.turn, fixed_precision);
    const SymmetricEigen eigen = symmetric_eigen(turned);
    model.precision = eigen.values.cwiseMax(0);
    model.basis = product(model.basis, eigen.vectors);
    model.null_basis = product(model.null_basis, eigen.vectors);
    model.turn = product(model.turn, eigen.vectors);
  }
  diagonalise_recentring(model);
  return model;
}

}  // namespace hdlmm
