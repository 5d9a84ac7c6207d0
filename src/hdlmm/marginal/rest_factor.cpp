#include "hdlmm/marginal/rest_factor.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/sum_log.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// Traces by way of M^-1 lose the digits of 1 / (theta^2 x'x): above this they lose few.
constexpr double kDivides = 1e-2;

}  // namespace

RestFactor::RestFactor(Matrix gram, std::vector<RestTerm> terms, const Covariances& at,
                       const Context& context)
    : both_(std::move(gram)), diagonal_(both_.diagonal()), terms_(std::move(terms)) {
  for (Index k = 0; k < at.size(); ++k) factors_.push_back(at.factor(k));
  mirror_lower(both_, context);
  if (is_zero()) return;
  turn_lower(true, context);
  both_.diagonal().array() += 1;
  if (!cholesky_in_place(both_, context)) {
    throw std::runtime_error("the covariance of the response is not positive definite");
  }
  log_det_ = 2 * sum_log(both_.diagonal());
}

/// x [s x m] <- L x or L'x, the coefficients of every level by its factor.
void RestFactor::times_factor(Matrix& x, bool transposed) const {
  for (Index k = 0; k < terms(); ++k) {
    if (!has(k)) continue;
    const Matrix& own_factor = factor(k);
    const TermShape& own = shape(k);
    auto rows = x.middleRows(first(k), own.cols());
    if (own.width == 1) {
      rows *= own_factor(0, 0);
      continue;
    }
    for (Index j = 0; j < own.levels; ++j) {
      const Matrix level = rows.middleRows(j * own.width, own.width);
      rows.middleRows(j * own.width, own.width) =
          transposed ? transpose_product(own_factor, level) : product(own_factor, level);
    }
  }
}

/// The lower triangle A becomes that of L'A L, or of L A L'.
void RestFactor::turn_lower(bool transposed, const Context& context) const {
  const Index s = both_.rows();
  Vector scale = Vector::Ones(s);
  for (Index k = 0; k < terms(); ++k) {
    if (has(k) && shape(k).width == 1) {
      scale.segment(first(k), shape(k).cols()).setConstant(factor(k)(0, 0));
    }
  }
  for (Index j = 0; j < s; ++j) {
    if (j % kColumnBlock == 0) context.poll();
    both_.col(j).tail(s - j) =
        scale[j] * both_.col(j).tail(s - j).cwiseProduct(scale.tail(s - j)).eval();
  }
  for (Index k = 0; k < terms(); ++k) {
    const Index r = shape(k).width;
    if (!has(k) || r == 1) continue;
    const Matrix turn = transposed ? factor(k) : Matrix(factor(k).transpose());
    for (Index at = first(k); at < first(k) + shape(k).cols(); at += r) {
      if ((at - first(k)) % kColumnBlock < r) context.poll();
      const Matrix left = both_.block(at, 0, r, at);
      both_.block(at, 0, r, at) = transpose_product(turn, left);
      const Index below = s - at - r;
      const Matrix under = both_.block(at + r, at, below, r);
      both_.block(at + r, at, below, r) = product(under, turn);
      Matrix own = both_.block(at, at, r, r);
      mirror_lower(own);
      own = sandwich(turn, own);
      both_.block(at, at, r, r).triangularView<Eigen::Lower>() = own;
    }
  }
}

bool RestFactor::is_zero() const {
  for (Index k = 0; k < terms(); ++k) {
    if (has(k) && !factor(k).isZero(0)) return false;
  }
  return true;
}

Matrix RestFactor::times_gram(const Matrix& x, const Context& context) const {
  Matrix out = diagonal_.asDiagonal() * x;
  for (Index j = 0; j < x.rows(); ++j) {
    if (j % kColumnBlock == 0) context.poll();
    for (Index b = 0; b < x.cols(); ++b) {
      out(j, b) += both_.col(j).head(j).dot(x.col(b).head(j));
      out.col(b).head(j) += x(j, b) * both_.col(j).head(j);
    }
  }
  return out;
}

Matrix RestFactor::times_inverse(const Matrix& x, const Context& context) const {
  if (is_zero()) return Matrix::Zero(x.rows(), x.cols());
  if (is_inverted_) return lower_symmetric_product(both_, x, context);
  Matrix out = x;
  times_factor(out, true);
  solve_lower(both_, out, context);
  solve_lower_transposed(both_, out, context);
  times_factor(out, false);
  return out;
}

void RestFactor::invert(const Context& context) const {
  if (is_inverted_) return;
  is_inverted_ = true;
  explained_.assign(terms_.size(), Matrix());
  if (is_zero()) {
    for (Index j = 0; j < both_.cols(); ++j) {
      if (j % kColumnBlock == 0) context.poll();
      both_.col(j).tail(both_.rows() - j).setZero();
    }
    return;
  }
  inverse_of_root_in_place(both_, context);
  for (Index k = 0; k < terms(); ++k) {
    const Index r = shape(k).width;
    Matrix sum = Matrix::Zero(r, r);
    for (Index j = 0; has(k) && j < shape(k).levels; ++j) {
      const Index at = first(k) + j * r;
      sum += Matrix::Identity(r, r) - both_.block(at, at, r, r);
    }
    mirror_lower(sum);
    explained_[static_cast<std::size_t>(k)] = std::move(sum);
  }
  turn_lower(false, context);
}

Matrix RestFactor::inverse_columns(Index first, Index count) const {
  Matrix out(both_.rows(), count);
  for (Index j = 0; j < count; ++j) {
    const Index at = first + j;
    out.col(j).tail(out.rows() - at) = both_.col(at).tail(out.rows() - at);
    out.col(j).head(at) = both_.row(at).head(at).transpose();
  }
  return out;
}

Matrix RestFactor::gram_columns(Index first, Index count) const {
  Matrix out(both_.rows(), count);
  for (Index j = 0; j < count; ++j) {
    const Index at = first + j, below = out.rows() - at - 1;
    out.col(j).head(at) = both_.col(at).head(at);
    out(at, j) = diagonal_[at];
    out.col(j).tail(below) = both_.row(at).tail(below).transpose();
  }
  return out;
}

/// Of a term of the rest: L^-T sum_j (I - M^-1_jj) L^-1 where L is away from singular, and
/// sum_j of B_jj - B_j. G B_.j elsewhere.
Matrix RestFactor::trace(Index k, const Context& context) const {
  const TermShape& own = shape(k);
  const double size = diagonal_.segment(first(k), own.cols()).mean();
  const double smallest = factor(k).diagonal().cwiseAbs().minCoeff();
  if (!(smallest * smallest * size > kDivides)) return direct_trace(k, context);
  Matrix rest = explained_[static_cast<std::size_t>(k)];
  solve_lower_transposed(factor(k), rest, Context());
  rest.transposeInPlace();
  solve_lower_transposed(factor(k), rest, Context());
  return symmetric_part(rest);
}

Matrix RestFactor::direct_trace(Index k, const Context& context) const {
  const TermShape& own = shape(k);
  const Index r = own.width;
  Matrix out = Matrix::Zero(r, r);
  const Index step = std::max(Index{1}, kColumnBlock / r) * r;
  for (Index at = 0; at < own.cols(); at += step) {
    const Matrix gram = gram_columns(first(k) + at, std::min(step, own.cols() - at));
    const Matrix solved = times_inverse(gram, context);
    for (Index j = 0; j < gram.cols(); j += r) {
      out += gram.block(first(k) + at + j, j, r, r);
      subtract_transpose_product(gram.middleCols(j, r), solved.middleCols(j, r), out);
    }
  }
  return symmetric_part(out);
}

}  // namespace hdlmm
