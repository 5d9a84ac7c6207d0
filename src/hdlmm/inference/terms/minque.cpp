#include "hdlmm/inference/terms/minque.hpp"

#include <algorithm>
#include <cstddef>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/inference/terms/term_units.hpp"

namespace hdlmm {

namespace {

constexpr double kLargestStart = 1e4;  ///< in units of what explains as much as the noise

}  // namespace

Matrix matrix_of(const SymmetricEigen& eigen) {
  const Matrix half = eigen.vectors * eigen.values.cwiseMax(0).cwiseSqrt().asDiagonal();
  return product_transpose(half, half);
}

std::vector<Matrix> starting_covariances(const TermsObjective& objective, const Context& context) {
  const TermsModel& model = objective.system().model();
  const Matrix& b = objective.system().null_information();
  const Index m = b.rows() - 1;
  const TermUnits units(b, model.shapes);
  const Covariances zero(model.shapes, Vector::Zero(m));
  const auto factor = objective.system().factor(zero, context);
  // of the residual: under a normal prior of the fixed effects y is counted from their mean
  const Vector delta = transpose_times(model.q, model.y);
  const ResponseMoments moments = factor->moments(delta);
  const double rest = (model.y - times(model.q, delta)).squaredNorm();
  Vector response(m + 1);
  response << moments.along_response, rest;
  const Vector unit = b.diagonal().cwiseSqrt().cwiseInverse();
  const Matrix scaled_b = unit.asDiagonal() * b * unit.asDiagonal();
  const Vector found =
      solve_positive(scaled_b, response.cwiseProduct(unit)).col(0).cwiseProduct(unit);
  const double residual = std::max(found[m], 0.01 * rest / b(m, m));
  std::vector<Matrix> out;
  Index at = 0;
  for (std::size_t k = 0; k < model.shapes.size(); ++k) {
    const Index width = model.shapes[k].width, count = model.shapes[k].parameters();
    const Matrix s = symmetric_of(found.segment(at, count), width) / residual;
    const Index term = static_cast<Index>(k);
    SymmetricEigen eigen = symmetric_eigen(units.to_units(term, s));
    eigen.values = eigen.values.cwiseMax(kSmallestStart).cwiseMin(kLargestStart);
    out.push_back(units.from_units(term, matrix_of(eigen)));
    at += count;
  }
  return out;
}

Vector aliased_parameters(const Matrix& null_information) {
  constexpr double kSingular = 1e-10;
  Vector size = null_information.diagonal();
  const Index m = size.size() - 1;
  for (Index i = 0; i <= m; ++i) {
    // nothing of the term is left beside the fixed effects
    if (!(size[i] > 0)) return Vector::Unit(m + 1, i);
  }
  const Vector unit = size.cwiseSqrt().cwiseInverse();
  const SymmetricEigen eigen =
      symmetric_eigen(unit.asDiagonal() * null_information * unit.asDiagonal());
  if (eigen.values[0] > kSingular) return {};
  return eigen.vectors.col(0).cwiseAbs();
}

namespace {

/// The first term of which the fixed effects leave nothing but rounding of one coefficient: tr(P K)
/// beside tr(K), K = X X' of that coefficient alone; -1 where there is none. Sizes of information
/// would not tell, as some systems have them to the rounding of tr(K)^2.
Index spanned_term(const TermsSystem& system) {
  constexpr double kRounding = 1e-12;
  const TermsModel& model = system.model();
  const Index residual = model.parameters();
  Index at = 0;
  for (Index k = 0; k < model.size(); ++k) {
    const DesignOperator& design = model.design(k);
    const Vector norms2 = design.column_norms2().cwiseProduct(design.prior_variances());
    const Index width = model.shape(k).width;
    for (Index a = 0; a < width; ++a) {
      double whole = 0;
      for (Index j = a; j < norms2.size(); j += width) whole += norms2[j];
      if (!(system.null_information()(at, residual) > kRounding * whole)) return k;
      at += width - a;  // the next on the diagonal, column by column
    }
  }
  return -1;
}

}  // namespace

Vector aliased_terms(const TermsSystem& system, const Context& context) {
  const TermsModel& model = system.model();
  const Matrix& information = system.null_information(context);
  const Index spanned = spanned_term(system);
  if (spanned >= 0) return Vector::Unit(model.size() + 1, spanned);
  const Vector shares = aliased_parameters(information);
  if (shares.size() == 0) return {};
  Vector out(model.size() + 1);
  Index at = 0;
  for (Index k = 0; k < model.size(); ++k) {
    out[k] = shares.segment(at, model.shape(k).parameters()).maxCoeff();
    at += model.shape(k).parameters();
  }
  out[model.size()] = shares[at];
  return out;
}

}  // namespace hdlmm
