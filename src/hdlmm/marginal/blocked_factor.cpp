#include "hdlmm/marginal/blocked_factor.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/marginal/blocked_rows.hpp"

namespace hdlmm {

BlockedFactor::BlockedFactor(const BlockedSystem& system, const Covariances& at,
                             const Context& context)
    : system_(system), at_(at), context_(context), levels_(system, at, context) {
  Matrix gram = copy_lower(system.gram(), context);
  levels_.reduce_gram(gram, context);
  rest_ = RestFactor(std::move(gram), system.order().rest_terms(), at, context);
  data_ = solve_adjoint(system_.data());
}

BlockedFactor::Solved BlockedFactor::solve_adjoint(Matrix x) const {
  const Index s = system_.rest();
  levels_.reduce(x);
  Solved out{Matrix(x.rows(), x.cols()), Matrix(x.rows(), x.cols())};
  const Matrix left = x.bottomRows(s), effects = rest_.times_inverse(left, context_);
  out.effects.bottomRows(s) = effects;
  out.adjoint.bottomRows(s) = left - rest_.times_gram(effects, context_);
  levels_.extend(x, out.effects, out.adjoint);
  return out;
}

void BlockedFactor::invert() const {
  rest_.invert(context_);
  levels_.invert(rest_, context_);
}

Matrix BlockedFactor::data_gram() const {
  Matrix out = system_.data_gram();
  subtract_transpose_product(system_.data(), data_.effects, out);
  return symmetric_part(out);
}

std::vector<Matrix> BlockedFactor::traces() const {
  invert();
  std::vector<Matrix> out;
  for (Index k = 0; k < model().size(); ++k) {
    out.push_back(levels_.trace(k));
    if (rest_.has(k)) out.back() += rest_.trace(k, context_);
  }
  return out;
}

std::vector<Matrix> BlockedFactor::fixed_slopes() const {
  const Index c = model().q.cols();
  std::vector<Matrix> out;
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    const Matrix h = system_.part(data_.adjoint, k).leftCols(c);
    for (const TriangleCell& cell : triangle_cells(shape.width)) {
      Matrix turned = Matrix::Zero(shape.cols(), c);
      add_cell(shape, cell, h, turned);
      out.push_back(transpose_product(h, turned));
    }
  }
  return out;
}

ResponseMoments BlockedFactor::moments(const Vector& delta) const {
  const Index c = delta.size();
  const Vector u = times(data_.adjoint, response_turn(delta));
  Matrix w = Matrix::Zero(u.size(), at_.parameters());
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    const Matrix own = system_.part(u, k);
    Index i = at_.first(k);
    for (const TriangleCell& cell : triangle_cells(shape.width)) {
      Matrix turned = Matrix::Zero(shape.cols(), 1);
      add_cell(shape, cell, own, turned);
      system_.set_part(turned, k, w.col(i++));
    }
  }
  const Solved solved = solve_adjoint(system_.times_gram(w, context_));
  ResponseMoments out;
  out.gram = transpose_product(w, solved.adjoint);
  out.along_fixed = transpose_product(data_.adjoint.leftCols(c), w);
  out.along_response = transpose_times(w, u);
  return out;
}

std::vector<Vector> BlockedFactor::effects(const Vector& delta) const {
  const Vector all = times(data_.effects, response_turn(delta));
  std::vector<Vector> out;
  for (Index k = 0; k < model().size(); ++k) out.push_back(system_.part(all, k).col(0));
  return out;
}

Matrix BlockedFactor::add_products(const Matrix& beta) const {
  Matrix out = Matrix::Zero(model().rows(), beta.cols());
  for (Index k = 0; k < model().size(); ++k) {
    model().design(k).add_product(system_.part(beta, k), out, context_);
  }
  return out;
}

Vector BlockedFactor::projected(const Vector& delta) const {
  Vector out = model().y - times(model().q, delta);
  const std::vector<Vector> beta = effects(delta);
  for (Index k = 0; k < model().size(); ++k) {
    Matrix along = Matrix::Zero(model().rows(), 1);
    model().design(k).add_product(beta[static_cast<std::size_t>(k)], along, context_);
    out -= along.col(0);
  }
  return out;
}

Matrix BlockedFactor::solve(const ConstMatrix& b) const {
  return b - add_products(solve_adjoint(system_.adjoint(b, context_)).effects);
}

Vector BlockedFactor::inverse_diagonal() const {
  invert();
  if (model().has_row_cells())
    return 1 - fitted_row_variances(system_, levels_, rest_, context_).array();
  // all columns are in the rest
  Vector out = Vector::Ones(model().rows());
  for (Index k = 0; k < model().size(); ++k) {
    for (Index first = 0; first < model().shape(k).cols(); first += kColumnBlock) {
      context_.poll();
      const Index size = std::min(kColumnBlock, model().shape(k).cols() - first);
      Matrix x(model().rows(), size);
      model().design(k).covariance_columns(first, x);
      const Index at = system_.order().place(k, 0) + first;
      out -= x.cwiseProduct(add_products(rest_.inverse_columns(at, size))).rowwise().sum();
    }
  }
  return out;
}

Vector BlockedFactor::row_variances(const std::vector<RowCells>& rows) const {
  rest_.invert(context_);
  return new_row_variances(system_, levels_, rest_, system_.in_order(rows), context_);
}

Matrix BlockedFactor::level_covariances(Index k) const {
  const Index r = model().shape(k).width;
  invert();
  Matrix out(r, model().shape(k).cols());
  for (Index j = 0; j < model().shape(k).levels; ++j) {
    const Index first = system_.order().place(k, j), at = first - eliminated();
    if (at < 0) {
      out.middleCols(j * r, r) =
          levels_.covariance(system_.order().levels()[system_.order().level_of(first)]);
      continue;
    }
    for (Index b = 0; b < r; ++b) {
      for (Index a = 0; a < r; ++a) out(a, j * r + b) = rest_.inverse(at + a, at + b);
    }
  }
  return out;
}

Matrix BlockedFactor::fixed_response(Index k) const {
  return system_.part(data_.effects, k).leftCols(model().q.cols());
}

}  // namespace hdlmm
