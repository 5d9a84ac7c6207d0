#include "hdlmm/inference/terms/conditional_moves.hpp"

#include <cmath>
#include <cstddef>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// One slice along every number of x.
template <typename LogDensity>
void slice_all(std::vector<SliceSampler>& slices, const LogDensity& log_density, Vector& x,
               Random& random) {
  for (Index i = 0; i < x.size(); ++i) {
    const auto along = [&](double at) {
      x[i] = at;
      return log_density(x);
    };
    const double next = slices[static_cast<std::size_t>(i)].step(x[i], along, random);
    x[i] = next;
  }
}

/// Coefficients of a term, a level a column.
Eigen::Map<const Matrix> by_level(const Vector& beta, Index width) {
  return Eigen::Map<const Matrix>(beta.data(), width, beta.size() / width);
}

/// X (I (x) D e_row) u_col of every cell of L: what a unit of the cell adds to the response.
Matrix cell_products(const TermsModel& model, const TermUnits& units,
                     const std::vector<Matrix>& deviates, const Context& context) {
  Matrix out = Matrix::Zero(model.rows(), model.parameters());
  Index i = 0;
  for (Index k = 0; k < model.size(); ++k) {
    const Matrix& u = deviates[static_cast<std::size_t>(k)];
    for (const auto [row, col] : triangle_cells(model.shape(k).width)) {
      const Matrix beta = product(units.root(k).col(row), u.row(col));
      model.design(k).add_product(Eigen::Map<const Vector>(beta.data(), beta.size()), out.col(i++),
                                  context);
    }
  }
  return out;
}

/// Cells of all L, and sigma_e^2 left alone.
Vector cells_of(const std::vector<TermShape>& shapes, const Vector& absolute) {
  Vector out = absolute.head(absolute.size() - 1);
  Index i = 0;
  for (const TermShape& shape : shapes) {
    for (const auto [row, col] : triangle_cells(shape.width)) {
      if (row == col) out[i] = std::exp(0.5 * out[i]);
      ++i;
    }
  }
  return out;
}

}  // namespace

ConditionalMoves::ConditionalMoves(const VariancePosterior& posterior)
    : posterior_(posterior),
      centred_(static_cast<std::size_t>(posterior.coordinates().size())),
      scaled_(centred_) {}

void ConditionalMoves::freeze() {
  for (SliceSampler& slice : centred_) slice.freeze();
  for (SliceSampler& slice : scaled_) slice.freeze();
}

Vector ConditionalMoves::step(const Vector& x, const EffectDraw& effects, Random& random,
                              const Context& context) {
  const VarianceCoordinates& coordinates = posterior_.coordinates();
  const Vector absolute = step_given_effects(coordinates.absolute(x), effects, random);
  std::vector<Matrix> deviates;
  for (Index k = 0; k < posterior_.system().model().size(); ++k) {
    const Matrix factor = coordinates.factor(absolute, k);
    deviates.push_back(by_level(effects.beta[static_cast<std::size_t>(k)], factor.rows()));
    solve_lower(factor, deviates.back(), context);
  }
  return coordinates.from_absolute(
      step_given_deviates(absolute, effects, deviates, random, context));
}

/// sum_k log N(beta_k; 0, I (x) Sigma_k) + log N(residual; 0, sigma_e^2 I).
Vector ConditionalMoves::step_given_effects(Vector absolute, const EffectDraw& effects,
                                            Random& random) {
  const VarianceCoordinates& coordinates = posterior_.coordinates();
  const double n = static_cast<double>(effects.residual.size());
  const double squares = effects.residual.squaredNorm();
  // of B_k B_k' itself the smallest direction is rounding where effects are all but collinear, and
  // may be of the wrong sign
  std::vector<Matrix> roots;
  for (std::size_t k = 0; k < effects.beta.size(); ++k) {
    const auto own = by_level(effects.beta[k], coordinates.shapes()[k].width);
    roots.push_back(triangle_of_qr(own.transpose()).transpose());
  }
  const auto log_density = [&](const Vector& at) {
    double out = posterior_.log_absolute_prior(at);
    if (!std::isfinite(out)) return out;
    const double log_sigma2 = at[coordinates.parameters()];
    out -= 0.5 * (n * log_sigma2 + squares * std::exp(-log_sigma2));
    for (std::size_t k = 0; k < roots.size(); ++k) {
      const Matrix factor = coordinates.factor(at, static_cast<Index>(k));
      Matrix whitened = roots[k];
      solve_lower(factor, whitened, Context());
      out -= 0.5 * whitened.squaredNorm();
      out -= static_cast<double>(coordinates.shapes()[k].levels) *
             factor.diagonal().array().abs().log().sum();
    }
    return out;
  };
  slice_all(centred_, log_density, absolute, random);
  return absolute;
}

/// y ~ N(Q delta + B l, sigma_e^2 I), l the cells of all L: quadratic in l once delta is
/// integrated out, by the triangle of [B y] less its part along Q.
Vector ConditionalMoves::step_given_deviates(Vector absolute, const EffectDraw& effects,
                                             const std::vector<Matrix>& deviates, Random& random,
                                             const Context& context) {
  const VarianceCoordinates& coordinates = posterior_.coordinates();
  const TermsModel& model = posterior_.system().model();
  const Index m = coordinates.parameters();
  Matrix data(model.rows(), m + 1);
  data.leftCols(m) = -cell_products(model, coordinates.units(), deviates, context);
  const bool is_flat = posterior_.marginal().is_flat();
  data.col(m) = model.y;
  if (is_flat) {
    subtract_product(model.q, transpose_product(model.q, data), data);
  } else {
    data.col(m) -= times(model.q, effects.delta);
  }
  const Matrix root = triangle_of_qr(data);  // y - B l may be far smaller than y
  const double n = static_cast<double>(model.rows() - (is_flat ? model.q.cols() : 0));
  Vector weights(m + 1);
  weights[m] = 1;
  const auto log_density = [&](const Vector& at) {
    const double prior = posterior_.log_absolute_prior(at);
    if (!std::isfinite(prior)) return prior;
    weights.head(m) = cells_of(coordinates.shapes(), at);
    const double log_sigma2 = at[m];
    return prior -
           0.5 * (n * log_sigma2 + times(root, weights).squaredNorm() * std::exp(-log_sigma2));
  };
  slice_all(scaled_, log_density, absolute, random);
  return absolute;
}

}  // namespace hdlmm
