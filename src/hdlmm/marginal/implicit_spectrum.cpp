#include "hdlmm/marginal/implicit_spectrum.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"
#include "hdlmm/linalg/tridiagonal_spectrum.hpp"
#include "hdlmm/linalg/two_stage.hpp"

namespace hdlmm {

namespace {

/// Of the smaller side in the column case: beyond, projections by solves are not orthogonal.
constexpr double kLargestCondition = 1e7;

constexpr double kExactCondition = 1e3;  // up to which one projection is enough

/// Of V, for P y from a solve.
constexpr double kSolvableCondition = 1e6;

/// A solve has in V what counts as zero elsewhere: up to this share of nu that makes no difference.
constexpr double kNegligible = 1e-8;

Matrix columns_beside(const ConstMatrix& q, const ConstVector& y) {
  Matrix out(y.size(), q.cols() + 1);
  out.leftCols(q.cols()) = q;
  out.col(q.cols()) = y;
  return out;
}

/// A factor R [k x k] with R'R = F'(I - H) F, H the projection on the columns of X, from F'F and
/// normal = X'F alone. Nothing where the difference would cost more than four digits: H F is then
/// to be formed by rows.
std::optional<Matrix> outside_factor(const ConstMatrix& f, const Matrix& normal,
                                     const Matrix& coefficients) {
  constexpr double kLeast = 1e-4;
  const Matrix whole = transpose_product(f, f);
  Matrix factor = whole - transpose_product(normal, coefficients);
  if (!cholesky_in_place(factor, Context())) return std::nullopt;
  const Vector left = factor.diagonal().cwiseAbs2();
  if (!(left.array() > kLeast * whole.diagonal().array()).all()) return std::nullopt;
  return transpose_of_lower(factor);
}

/// What of F [n x k] lies outside the columns of X, by rows or by some coordinates of theirs.
std::optional<Matrix> outside_columns(const DesignOperator& x, const Reduction& reduction,
                                      const Matrix& f, const Context& context) {
  const SpectrumRange& range = reduction.spectrum;
  const bool is_exact = range.largest <= kExactCondition * range.smallest;
  std::optional<Matrix> coefficients = solve(reduction.gram, 1, 0, reduction.normal, context);
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
    coefficients = solve(reduction.gram, 1, 0, left, context);
    if (!coefficients) return std::nullopt;
    x.add_product(-*coefficients, out, context);
  }
  return out;
}

/// A T whose smallest eigenvalue is below this share of its largest is left to the spectrum: solves
/// with it lose digits, and what is zero needs eigenvalues to be seen.
constexpr double kRegularShare = 1e-5;

/// v of the reflector I - 2 v v' that takes the constant o to the last coordinate.
Vector mirror_of(const ConstVector& constant) {
  Vector v = constant.normalized();
  const Index last = v.size() - 1;
  v[last] += v[last] < 0 ? -1 : 1;
  return v.normalized();
}

void reflect(const Vector& mirror, MatrixView f) {
  if (mirror.size() == 0) return;
  add_outer(-2, mirror, transpose_times(f, mirror), f);
}

/// k x for a symmetric k of which the lower triangle is read.
Vector lower_times(const Matrix& k, const Vector& x) {
  Vector out = Vector::Zero(x.size());
  for (Index j = 0; j < x.size(); ++j) {
    const Index below = x.size() - j - 1;
    const auto column = k.col(j).tail(below);
    out[j] += k(j, j) * x[j] + column.dot(x.tail(below));
    out.tail(below) += x[j] * column;
  }
  return out;
}

/// K between two mirrors, its last row and column set to zero: the projection of K off o, of which
/// K o = 0 is never asked, as it is only as small as the rounding of the means. Only the lower
/// triangle is read and kept.
void reflect_off_constant(const Vector& mirror, Matrix& k) {
  const Index last = mirror.size() - 1;
  const Vector kv = lower_times(k, mirror);
  const Vector w = 2 * (kv - mirror.dot(kv) * mirror);
  for (Index j = 0; j < last; ++j) {
    k.col(j).segment(j, last - j) -= mirror[j] * w.segment(j, last - j);
    k.col(j).segment(j, last - j) -= w[j] * mirror.segment(j, last - j);
  }
  k.row(last).setZero();
  k.col(last).setZero();
}

/// T^-1 f of a T that is regular.
Vector solve_tridiagonal(const SpectralParts& parts, const ConstVector& f) {
  TridiagonalFactor factor;
  if (!factor.make(parts.d, parts.beside, 1, 0)) throw std::runtime_error("T is not regular");
  return factor.solve(f);
}

/// What set_mean_shift() takes besides m itself: coordinates of X m and the length of m within.
struct MeanAlong {
  Vector coordinates, unscaled;
  double within2 = 0;
};

/// In the coordinates in which K is tridiagonal; false where it is too near singular for that.
/// null: how many of the last coordinates lie in null(K), which reductions leave where they are as
/// their rows are zero: the constant that means were taken out along, or none. t.rotated: (Q, y)',
/// then (X m)' where there is one, then other responses.
bool set_tridiagonal_parts(const Tridiagonal& t, Index null, Index c, double y_norm,
                           const Rounding& rounding, SpectralParts& parts, MeanAlong& mean) {
  const Index r = t.diagonal.size() - null;
  if (r < 2) return false;
  // no diagonal entry is above the largest eigenvalue
  const double most = t.diagonal.head(r).maxCoeff();
  const double rounded = rounding.is_given() ? rounding.share : rounding.absolute / most;
  if (!(most > 0) || !(rounded < 1)) return false;
  const auto range = positive_range(t.diagonal.head(r), t.subdiagonal.head(r - 1),
                                    std::max(kRegularShare, rounded));
  if (!range) return false;
  parts.d = t.diagonal.head(r);
  parts.beside = t.subdiagonal.head(r - 1);
  parts.range = *range;
  const bool has_mean = null > 0;
  const Matrix turned = t.rotated.topRows(c + 1 + (has_mean ? 1 : 0)).transpose();
  parts.z = turned.block(0, 0, r, c);
  parts.y = turned.col(c).head(r);
  reduce_null_space(turned.block(r, 0, null, c + 1), y_norm, parts);
  if (!has_mean) return true;
  mean.coordinates = turned.col(c + 1).head(r);
  mean.unscaled = solve_tridiagonal(parts, mean.coordinates);
  mean.within2 = mean.coordinates.dot(mean.unscaled);
  return true;
}

/// The last columns of what was turned along, as other responses of the parts. y_norms [m].
RotatedResponses turned_responses(const Tridiagonal& t, const ConstVector& y_norms,
                                  const SpectralParts& parts) {
  const Index r = parts.rank(), m = y_norms.size();
  const Matrix turned = t.rotated.bottomRows(m).transpose();
  return reduce_responses(turned.topRows(r), turned.bottomRows(turned.rows() - r), parts.null_frame,
                          y_norms, parts);
}

/// Along eigenvectors. rotated: Q, y, then X m where there is one.
void set_spectral_parts(const RotatedSpectrum& spectrum, Index c, double y_norm,
                        Reduction& reduction, SpectralParts& parts, MeanAlong& mean) {
  const Vector& all = spectrum.values;
  const Matrix& turned = spectrum.rotated;
  const Index n = all.size(), null = count_zero_eigenvalues(all, reduction.zero_bound);
  const Index r = n - null;
  reduction.spectrum = {all[0], all[n - 1]};
  if (null > 0) reduction.dropped = all.head(null).cwiseAbs().maxCoeff();
  parts.d = all.tail(r);
  parts.z = turned.block(null, 0, r, c);
  parts.y = turned.col(c).tail(r);
  reduce_null_space(turned.block(0, 0, null, c + 1), y_norm, parts);
  if (turned.cols() == c + 1) return;
  mean.coordinates = turned.col(c + 1).tail(r).cwiseQuotient(parts.d.cwiseSqrt());
  mean.within2 = mean.coordinates.squaredNorm();
}

}  // namespace

ImplicitSpectrum reduce_rows(const DesignOperator& x, const ConstMatrix& q, const ConstVector& y,
                             const ConstVector& mean_columns, const ConstVector& constant,
                             Form form, const Context& context, const ConstMatrix& others) {
  const Index n = x.rows(), c = q.cols();
  const bool has_mean = mean_columns.size() > 0;
  const Index own = c + 1 + (has_mean ? 1 : 0);
  Matrix data = Matrix::Zero(n, own + others.cols());
  data.leftCols(c + 1) = columns_beside(q, y);
  if (others.cols() > 0) data.rightCols(others.cols()) = others;
  Matrix gram = has_mean ? x.row_gram_and_product(mean_columns, data.middleCols(c + 1, 1), context)
                         : x.row_gram(context);
  ImplicitSpectrum out;
  if (has_mean) {
    out.reduction.mirror = mirror_of(constant);
    reflect_off_constant(out.reduction.mirror, gram);
    reflect(out.reduction.mirror, data);
  }
  TwoStageReduction reduced = two_stage_reduction(std::move(gram), data, context);
  const Tridiagonal& t = reduced.tridiagonal;
  out.reduction.gram = std::move(reduced.gram);
  SpectralParts& parts = out.parts;
  parts.n = n;
  parts.null_scale.resize(0);
  MeanAlong mean;
  if (form == Form::tridiagonal &&
      set_tridiagonal_parts(t, has_mean ? 1 : 0, c, y.norm(), x.rounding(), parts, mean)) {
    out.reduction.spectrum = parts.range;
    if (others.cols() > 0) {
      out.responses = turned_responses(t, others.colwise().norm().transpose(), parts);
    }
  } else {
    const RotatedSpectrum spectrum = tridiagonal_spectrum(
        t.diagonal, t.subdiagonal, t.rotated.topRows(own), two_stage_context(context, n));
    out.reduction.zero_bound = zero_bound(spectrum.values, n, x.rounding());
    set_spectral_parts(spectrum, c, y.norm(), out.reduction, parts, mean);
  }
  parts.null_frame.resize(0, parts.null_in_fixed());
  parts.null_rest.resize(0);
  if (has_mean) {
    parts.mean.unscaled = std::move(mean.unscaled);
    set_mean_shift(std::move(mean.coordinates), mean.within2, mean_columns, constant, q, parts);
  }
  return out;
}

SpectralParts diagonalised(SpectralParts parts, const Context& context) {
  if (!parts.is_tridiagonal()) return parts;
  const Index r = parts.rank(), c = parts.n_fixed();
  const bool has_mean = parts.mean.is_present();
  Matrix data(r, c + 1 + (has_mean ? 1 : 0));
  data.leftCols(c) = parts.z;
  data.col(c) = parts.y;
  if (has_mean) data.col(c + 1) = parts.mean.coordinates;
  RotatedSpectrum spectrum =
      tridiagonal_spectrum(parts.d, parts.beside, data.transpose(), two_stage_context(context, r));
  parts.d = std::move(spectrum.values);
  parts.z = spectrum.rotated.leftCols(c);
  parts.y = spectrum.rotated.col(c);
  if (has_mean) {
    parts.mean.coordinates = spectrum.rotated.col(c + 1).cwiseQuotient(parts.d.cwiseSqrt());
  }
  parts.beside.resize(0);
  parts.mean.unscaled.resize(0);
  parts.range = {};
  return parts;
}

std::optional<ImplicitSpectrum> reduce_columns(const DesignOperator& x, const ConstMatrix& q,
                                               const ConstVector& y,
                                               const ConstVector& mean_columns,
                                               const ConstVector& constant,
                                               const Context& context) {
  const Index n = x.rows(), p = x.cols(), c = q.cols();
  const bool has_mean = mean_columns.size() > 0;
  const Matrix beside = columns_beside(q, y);
  Matrix data = Matrix::Zero(p, c + 1 + (has_mean ? 1 : 0));
  Matrix gram = x.column_gram_and_adjoint(beside, data.leftCols(c + 1), context);
  if (has_mean) data.rightCols(1) = mean_columns;
  ImplicitSpectrum out;
  TwoStage two_stage = two_stage_spectrum(std::move(gram), data, context);
  const Vector& d = two_stage.d;
  out.reduction.side = Side::column;
  out.reduction.gram = std::move(two_stage.gram);
  out.reduction.spectrum = {d[0], d[p - 1]};
  out.reduction.normal = data.leftCols(c + 1);
  if (!(d[p - 1] <= kLargestCondition * d[0])) return std::nullopt;

  SpectralParts& parts = out.parts;
  parts.n = n;
  parts.d = d;
  const Matrix turned = d.cwiseSqrt().cwiseInverse().asDiagonal() * two_stage.rotated;
  parts.z = turned.leftCols(c);
  parts.y = turned.col(c);
  const std::optional<Matrix> null_part = outside_columns(x, out.reduction, beside, context);
  if (!null_part) return std::nullopt;
  reduce_null_space(*null_part, y.norm(), parts);
  parts.null_frame.resize(0, parts.null_in_fixed());
  parts.null_rest.resize(0);
  if (has_mean) {
    const Vector along = two_stage.rotated.col(c + 1);
    set_mean_shift(along, along.squaredNorm(), mean_columns, constant, q, parts);
  }
  return out;
}

std::optional<ImplicitSpectrum> reduce(const DesignOperator& x, const ConstMatrix& q,
                                       const ConstVector& y, const ConstVector& mean_columns,
                                       const ConstVector& constant, Form form,
                                       const Context& context, const ConstMatrix& others) {
  check_data(x, q, y, mean_columns, constant);
  check_input(others.cols() == 0 || others.rows() == x.rows(), "responses: rows");
  if (x.has_diagonal_column_gram()) return std::nullopt;
  if (smaller_side(x) == Side::row) {
    return reduce_rows(x, q, y, mean_columns, constant, form, context, others);
  }
  if (others.cols() > 0) return std::nullopt;
  return reduce_columns(x, q, y, mean_columns, constant, context);
}

std::optional<SolvedResponse> solve_response(const DesignOperator& x, const Reduction& reduction,
                                             const ConstVector& delta, const ConstVector& rest,
                                             double hk, double nu, const Context& context) {
  const Index c = delta.size();
  check_input(rest.size() == x.rows(), "data: rows of the design");
  check_input(reduction.side == Side::row || reduction.normal.cols() == c + 1,
              "data: coefficients of the fixed effects");
  const double largest = hk * reduction.spectrum.largest;
  if (!(largest + nu <= kSolvableCondition * nu)) return std::nullopt;
  if (hk * reduction.dropped > kNegligible * nu) return std::nullopt;
  if (reduction.side == Side::row) {
    Matrix mirrored = rest;
    reflect(reduction.mirror, mirrored);
    std::optional<Matrix> solved = solve(reduction.gram, hk, nu, mirrored, context);
    if (!solved) return std::nullopt;
    reflect(reduction.mirror, *solved);
    return SolvedResponse{*solved, Vector()};
  }
  // (nu I + hk X'X)^-1 X'(y - Q delta) is X'P y itself
  const Vector pulled = reduction.normal.col(c) - times(reduction.normal.leftCols(c), delta);
  const std::optional<Matrix> along = solve(reduction.gram, hk, nu, pulled, context);
  if (!along) return std::nullopt;
  Matrix out = rest;
  x.add_product(-hk * *along, out, context);
  return SolvedResponse{out / nu, *along};
}

}  // namespace hdlmm
