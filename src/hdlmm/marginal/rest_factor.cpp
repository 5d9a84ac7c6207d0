#include "hdlmm/marginal/rest_factor.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/sum_log.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// Traces by way of M^-1 lose the digits of 1 / (theta^2 x'x): above this they lose few.
constexpr double kDivides = 1e-2;

}  // namespace

RestFactor::RestFactor(Matrix gram, std::vector<Index> first, const Covariances& at,
                       const Context& context)
    : gram_(std::move(gram)), first_(std::move(first)), shapes_(at.shapes()) {
  for (Index k = 0; k < at.size(); ++k) factors_.push_back(at.factor(k));
  if (is_zero()) {
    root_ = Matrix::Identity(gram_.rows(), gram_.rows());
    return;
  }
  root_ = gram_;
  times_factor(root_, true);
  root_.transposeInPlace();
  times_factor(root_, true);
  root_.diagonal().array() += 1;
  if (!cholesky_in_place(root_, context)) {
    throw std::runtime_error("the covariance of the response is not positive definite");
  }
  log_det_ = 2 * sum_log(root_.diagonal());
}

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

bool RestFactor::is_zero() const {
  for (Index k = 0; k < terms(); ++k) {
    if (has(k) && !factor(k).isZero(0)) return false;
  }
  return true;
}

Matrix RestFactor::times_inverse(const Matrix& x, const Context& context) const {
  Matrix out = x;
  times_factor(out, true);
  if (!is_zero()) {
    solve_lower(root_, out, context);
    solve_lower_transposed(root_, out, context);
  }
  times_factor(out, false);
  return out;
}

const Matrix& RestFactor::inverse(const Context& context) const {
  if (inverse_.size() > 0 || root_.size() == 0) return inverse_;
  inverse_ = inverse_of_root(root_, context);
  for (Index k = 0; k < terms(); ++k) {
    const TermShape& own = shape(k);
    Matrix sum = Matrix::Zero(own.width, own.width);
    for (Index j = 0; has(k) && j < own.levels; ++j) {
      const Index at = first(k) + j * own.width;
      sum += Matrix::Identity(own.width, own.width) - inverse_.block(at, at, own.width, own.width);
    }
    explained_.push_back(std::move(sum));
  }
  times_factor(inverse_, false);
  inverse_.transposeInPlace();
  times_factor(inverse_, false);
  return inverse_;
}

/// Of a term of the rest: L^-T sum_j (I - M^-1_jj) L^-1 where L is away from singular, and
/// sum_j of B_jj - B_j. G B_.j elsewhere.
Matrix RestFactor::trace(Index k, const Context& context) const {
  const TermShape& own = shape(k);
  const double size = gram_.diagonal().segment(first(k), own.cols()).mean();
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
  const Index r = own.width, at = first(k);
  Matrix half = gram_.middleCols(at, own.cols());
  times_factor(half, true);
  solve_lower(root_, half, context);
  Matrix out = Matrix::Zero(r, r);
  for (Index j = 0; j < own.levels; ++j) {
    out += gram_.block(at + j * r, at + j * r, r, r);
    const auto level = half.middleCols(j * r, r);
    subtract_transpose_product(level, level, out);
  }
  return out;
}

}  // namespace hdlmm
