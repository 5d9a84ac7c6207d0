#ifndef HDLMM_MARGINAL_IMPLICIT_SPECTRUM_HPP
#define HDLMM_MARGINAL_IMPLICIT_SPECTRUM_HPP

#include <algorithm>
#include <optional>
#include <utility>

#include "hdlmm/linalg/two_stage.hpp"
#include "hdlmm/marginal/spectral_parts.hpp"

namespace hdlmm {

/// What is left of a decomposition without vectors for a while: solves with the band.
struct Reduction {
  Side side = Side::row;
  TwoStage two_stage;
  Matrix normal;  ///< [p x (c + 1)], X'Q and X'y, for the column side only
};

/// The spectrum of K and the data in its coordinates without an eigenvector ever being formed.
///
/// The smaller side is reduced to a band and then to eigenvalues, and the data are turned along
/// (two_stage.hpp): 4/3 m^3 flops instead of about 9 m^3. What it cannot do is to turn anything
/// else later; P y comes from a solve with the band.
struct ImplicitSpectrum {
  Reduction reduction;
  SpectralParts parts;  ///< without null_frame and null_rest, which live in rows of data
  double min_computed = 0;
};

/// P y [n], and X'P y [p] where it comes for nothing; empty otherwise.
struct SolvedResponse {
  Vector projected;
  Vector along;
};

namespace implicit_detail {

/// Of the smaller side in the column case: beyond, projections by solves are not orthogonal.
constexpr double kLargestCondition = 1e7;
constexpr double kExactCondition = 1e3;  // up to which one projection is enough
/// Of V, for P y from a solve.
constexpr double kSolvableCondition = 1e6;

inline Matrix beside(const ConstMatrix& q, const ConstVector& y) {
  Matrix out(y.size(), q.cols() + 1);
  out << q, y;
  return out;
}

/// A factor R [k x k] with R'R = F'(I - H) F, H the projection on the columns of X, from F'F and
/// normal = X'F alone. Nothing where the difference would cost more than four digits: H F is then
/// to be formed by rows.
inline std::optional<Matrix> outside_factor(const ConstMatrix& f, const Matrix& normal,
                                            const Matrix& coefficients) {
  constexpr double kLeast = 1e-4;
  const Matrix whole = f.transpose() * f;
  const Eigen::LLT<Matrix> factor(whole - normal.transpose() * coefficients);
  if (factor.info() != Eigen::Success) return std::nullopt;
  const Vector left = factor.matrixLLT().diagonal().cwiseAbs2();
  if (!(left.array() > kLeast * whole.diagonal().array()).all()) return std::nullopt;
  return Matrix(factor.matrixU());
}

/// What of F [n x k] lies outside the columns of X, by rows or by some coordinates of theirs.
inline std::optional<Matrix> outside_columns(const DesignOperator& x, const Reduction& reduction,
                                             const Matrix& f, const Context& context) {
  const TwoStage& two_stage = reduction.two_stage;
  const Vector& d = two_stage.d;
  const bool is_exact = d[d.size() - 1] <= kExactCondition * d[0];
  std::optional<Matrix> coefficients = solve(two_stage, 1, 0, reduction.normal, context);
  if (!coefficients) return std::nullopt;
  if (is_exact) {
    const std::optional<Matrix> factor = outside_factor(f, reduction.normal, *coefficients);
    if (factor) return factor;
  }
  Matrix out = f;
  x.add_product(-*coefficients, out, context);
  for (int pass = 1; pass < (is_exact ? 1 : 3); ++pass) {
    Matrix left = Matrix::Zero(x.cols(), f.cols());
    x.add_adjoint_product(out, left, context);
    coefficients = solve(two_stage, 1, 0, left, context);
    if (!coefficients) return std::nullopt;
    x.add_product(-*coefficients, out, context);
  }
  return out;
}

}  // namespace implicit_detail

/// From the rows' side: K [n x n] whole, all n coordinates of Q and y at once.
inline ImplicitSpectrum reduce_rows(const DesignOperator& x, const ConstMatrix& q,
                                    const ConstVector& y, const ConstVector& mean_columns,
                                    const ConstVector& constant, const Context& context) {
  const Index n = x.rows(), c = q.cols();
  const bool has_mean = mean_columns.size() > 0;
  Matrix data = Matrix::Zero(n, c + 1 + (has_mean ? 1 : 0));
  data.leftCols(c + 1) = implicit_detail::beside(q, y);
  Matrix gram = has_mean ? x.row_gram_and_product(mean_columns, data.rightCols(1), context)
                         : x.row_gram(context);
  ImplicitSpectrum out;
  out.reduction.two_stage = two_stage_spectrum(std::move(gram), data, context);
  const Vector& all = out.reduction.two_stage.d;
  const Matrix& turned = out.reduction.two_stage.rotated;
  out.min_computed = all[0];
  const Index null = count_zero_eigenvalues(all, n), r = n - null;
  SpectralParts& parts = out.parts;
  parts.n = n;
  parts.d = all.tail(r);
  parts.z = turned.block(null, 0, r, c);
  parts.y = turned.col(c).tail(r);
  spectral_detail::reduce_null_space(turned.block(0, 0, null, c + 1), y.norm(), parts);
  parts.null_frame.resize(0, parts.null_in_fixed());
  parts.null_rest.resize(0);
  if (has_mean) {
    const Vector along = turned.col(c + 1).tail(r).cwiseQuotient(parts.d.cwiseSqrt());
    spectral_detail::set_mean_shift(along, mean_columns, constant, q, parts);
  }
  return out;
}

/// From the columns' side: X'X [p x p], p < n; what lies outside the span of X by projection.
/// Nothing where X'X is too ill-conditioned for that.
inline std::optional<ImplicitSpectrum> reduce_columns(const DesignOperator& x, const ConstMatrix& q,
                                                      const ConstVector& y,
                                                      const ConstVector& mean_columns,
                                                      const ConstVector& constant,
                                                      const Context& context) {
  const Index n = x.rows(), p = x.cols(), c = q.cols();
  const bool has_mean = mean_columns.size() > 0;
  const Matrix beside = implicit_detail::beside(q, y);
  Matrix data = Matrix::Zero(p, c + 1 + (has_mean ? 1 : 0));
  Matrix gram = x.column_gram_and_adjoint(beside, data.leftCols(c + 1), context);
  if (has_mean) data.rightCols(1) = mean_columns;
  ImplicitSpectrum out;
  out.reduction = {Side::column, two_stage_spectrum(std::move(gram), data, context),
                   data.leftCols(c + 1)};
  const TwoStage& two_stage = out.reduction.two_stage;
  const Vector& d = two_stage.d;
  out.min_computed = d[0];
  if (!(d[p - 1] <= implicit_detail::kLargestCondition * d[0])) return std::nullopt;

  SpectralParts& parts = out.parts;
  parts.n = n;
  parts.d = d;
  const Matrix turned = d.cwiseSqrt().cwiseInverse().asDiagonal() * two_stage.rotated;
  parts.z = turned.leftCols(c);
  parts.y = turned.col(c);
  const std::optional<Matrix> null_part =
      implicit_detail::outside_columns(x, out.reduction, beside, context);
  if (!null_part) return std::nullopt;
  spectral_detail::reduce_null_space(*null_part, y.norm(), parts);
  parts.null_frame.resize(0, parts.null_in_fixed());
  parts.null_rest.resize(0);
  if (has_mean) {
    const Vector along = two_stage.rotated.col(c + 1);
    spectral_detail::set_mean_shift(along, mean_columns, constant, q, parts);
  }
  return out;
}

/// The side that decompose() would take, or nothing where it needs eigenvectors.
inline std::optional<ImplicitSpectrum> reduce(const DesignOperator& x, const ConstMatrix& q,
                                              const ConstVector& y, const ConstVector& mean_columns,
                                              const ConstVector& constant, const Context& context) {
  if (x.has_diagonal_column_gram()) return std::nullopt;
  if (smaller_side(x) == Side::row) {
    return reduce_rows(x, q, y, mean_columns, constant, context);
  }
  return reduce_columns(x, q, y, mean_columns, constant, context);
}

/// P y = V^-1 (y - Q delta) for V = hk K + nu I, delta [c] the coefficients there and rest [n] =
/// y - Q delta; nothing where V is too near singular. Of a design whose means were taken out, delta
/// is not known along the constant o: rest must then be orthogonal to o, as P y is.
inline std::optional<SolvedResponse> solve_response(const DesignOperator& x,
                                                    const Reduction& reduction,
                                                    const ConstVector& delta,
                                                    const ConstVector& rest, double hk, double nu,
                                                    const Context& context) {
  const TwoStage& two_stage = reduction.two_stage;
  const Index c = delta.size();
  const double largest = two_stage.d.size() > 0 ? hk * two_stage.d[two_stage.d.size() - 1] : 0;
  if (!(largest + nu <= implicit_detail::kSolvableCondition * nu)) return std::nullopt;
  if (reduction.side == Side::row) {
    const std::optional<Matrix> solved = solve(two_stage, hk, nu, rest, context);
    if (!solved) return std::nullopt;
    return SolvedResponse{*solved, Vector()};
  }
  // (nu I + hk X'X)^-1 X'(y - Q delta) is X'P y itself
  const Vector pulled = reduction.normal.col(c) - times(reduction.normal.leftCols(c), delta);
  const std::optional<Matrix> along = solve(two_stage, hk, nu, pulled, context);
  if (!along) return std::nullopt;
  Matrix out = rest;
  x.add_product(-hk * *along, out, context);
  return SolvedResponse{out / nu, *along};
}

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_IMPLICIT_SPECTRUM_HPP
