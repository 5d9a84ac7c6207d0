#include "hdlmm/inference/variational/terms_fixed_point.hpp"

#include <cmath>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// Sigma = U D U' with U unit lower triangular: U below the diagonal, log D on it, column by
/// column; log sigma_e^2 last. Any such vector stands for positive definite covariances.
Vector terms_state(const TermsVariational& model) {
  std::vector<double> out;
  for (const Matrix& sigma : model.covariances()) {
    const Matrix l = upper_root(sigma).transpose();
    for (const TriangleCell& cell : triangle_cells(l.rows())) {
      const double pivot = l(cell.col, cell.col);
      out.push_back(cell.row == cell.col ? 2 * std::log(pivot) : l(cell.row, cell.col) / pivot);
    }
  }
  out.push_back(-std::log(model.residual_precision()));
  return Eigen::Map<const Vector>(out.data(), static_cast<Index>(out.size()));
}

void set_terms_state(const Vector& state, TermsVariational& model) {
  std::vector<Matrix> precisions;
  Index at = 0;
  for (const TermShape& shape : model.model().shapes) {
    const Index r = shape.width;
    Matrix l = Matrix::Identity(r, r);
    Vector pivots(r);
    for (const TriangleCell& cell : triangle_cells(r)) {
      (cell.row == cell.col ? pivots[cell.row] : l(cell.row, cell.col)) = state[at++];
    }
    const Matrix sigma = congruent(l, pivots.array().exp().matrix().asDiagonal().toDenseMatrix());
    precisions.push_back(solve_positive(sigma, Matrix::Identity(r, r)));
  }
  model.set_precisions(precisions, std::exp(-state[at]));
}

}  // namespace

TermsTrace iterate_terms(const TermsSystem& system, const TermsFactorisation& factors,
                         TermsVariational& model, const FullOptions& options,
                         const Context& context) {
  TermsTrace result;
  TermsVariational safe = model;
  FixedPoint map;
  map.state = [&] { return terms_state(model); };
  map.update = [&](const Vector& state) {
    set_terms_state(state, model);
    const auto factor = system.factor(model.relative(), context);
    const TermsSpread spread =
        factors.is_joint() ? joint_spread(*factor, model) : factorised_spread(factors, model);
    return model.update(best_means(*factor, model), spread);
  };
  map.record = [&](double elbo) { result.points.push_back(model.point(elbo)); };
  map.keep = [&] { safe = model; };
  map.back = [&] { model = safe; };
  result.is_converged = iterate_squarem(map, options, context);
  return result;
}

}  // namespace hdlmm
