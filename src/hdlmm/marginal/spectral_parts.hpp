#ifndef HDLMM_MARGINAL_SPECTRAL_PARTS_HPP
#define HDLMM_MARGINAL_SPECTRAL_PARTS_HPP

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "hdlmm/core/checks.hpp"
#include "hdlmm/core/context.hpp"
#include "hdlmm/core/products.hpp"
#include "hdlmm/linalg/tridiagonal_factor.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

/// Which side of the design was decomposed.
enum class Side {
  row,      ///< X S X' = U diag(d) U', vectors = U [n x r]
  column,   ///< X'X = W diag(d) W', vectors = W [p x r], U = X W diag(d)^-1/2
  diagonal  ///< X'X = diag(d) already: no vectors, U = X diag(d)^-1/2
};

/// Eigenvalues and vectors of K = X S X' that are not zero.
struct Spectrum {
  Side side = Side::row;
  Vector d;                 ///< [r], ascending, positive
  Matrix vectors;           ///< see Side
  double min_computed = 0;  ///< smallest computed eigenvalue
  double zero_bound = 0;    ///< see zero_bound(): K is no covariance if that lies below minus this
};

/// Eigenvalues below this share of the largest are rounding of the decomposition, and are taken as
/// exactly zero: the unbounded likelihood and the limit nu -> 0 depend on it (mathematics of
/// section 2).
inline double zero_eigenvalue_share(Index n) {
  return 32 * std::numeric_limits<double>::epsilon() * std::max<double>(64, n);
}

namespace spectral_detail {

/// Eigenvalues down to minus this share of the largest are taken for rounding by themselves.
constexpr double kPlausibleShare = 1e-6;
/// No judgement by digits takes more than this share of the largest eigenvalue for zero.
constexpr double kLargestShare = 1e-2;
/// Rounding has either sign: this many small eigenvalues of which none is negative are exact.
constexpr Index kTelling = 6;

}  // namespace spectral_detail

/// Eigenvalues of size up to this count as zero, whatever their sign. d: ascending, of a Gram
/// matrix of a design with n rows.
inline double zero_bound(const Vector& d, Index n, const Rounding& rounding) {
  if (d.size() == 0) return 0;
  const double largest = std::max(0.0, d[d.size() - 1]);
  const double strict = largest * zero_eigenvalue_share(std::max(n, d.size()));
  if (rounding.is_given()) return std::max(strict, rounding.share * largest);
  double bound = strict;
  const double stored = std::min(rounding.absolute, spectral_detail::kLargestShare * largest);
  if (stored > strict) {
    Index within = 0;
    while (within < d.size() && d[within] <= stored) ++within;
    const bool is_exact = within >= spectral_detail::kTelling && d[0] >= -strict;
    if (!is_exact) bound = stored;
  }
  // one that is negative shows how far off all of them are
  return -d[0] <= spectral_detail::kPlausibleShare * largest ? std::max(bound, -d[0]) : bound;
}

/// How many of the ascending eigenvalues are not above the bound.
inline Index count_zero_eigenvalues(const Vector& d, double bound) {
  Index count = 0;
  while (count < d.size() && !(d[count] > bound)) ++count;
  return count;
}

/// The side whose Gram matrix is decomposed where it is not diagonal.
inline Side smaller_side(const DesignOperator& x) {
  return x.rows() <= x.cols() || !x.has_identity_prior() ? Side::row : Side::column;
}

/// Gram matrix on the smaller side, then its eigendecomposition.
/// O(n p min(n, p)) + about 9 min(n, p)^3 flops; peak memory two square matrices of that side.
inline Spectrum decompose(const DesignOperator& x, const Context& context) {
  Spectrum spectrum;
  const Index n = x.rows(), p = x.cols();
  if (x.has_diagonal_column_gram()) {
    spectrum.side = Side::diagonal;
    spectrum.d = x.column_norms2();
    spectrum.min_computed = p > 0 ? spectrum.d.minCoeff() : 0;
    return spectrum;
  }
  spectrum.side = smaller_side(x);
  Matrix gram = spectrum.side == Side::row ? x.row_gram(context) : x.column_gram(context);
  context.progress("eigendecomposition", 0);
  const Vector all = gram.rows() > 0 ? context.eigensolver(gram, true) : Vector();
  context.progress("eigendecomposition", 1);
  if (all.size() == 0) return spectrum;
  spectrum.min_computed = all[0];
  spectrum.zero_bound = zero_bound(all, n, x.rounding());
  const Index first = count_zero_eigenvalues(all, spectrum.zero_bound);
  const Index r = all.size() - first;
  spectrum.d = all.tail(r);
  if (first == 0) {
    spectrum.vectors = std::move(gram);
  } else {
    spectrum.vectors = gram.rightCols(r);
  }
  return spectrum;
}

/// Turns vectors of rows into coordinates along the eigenvectors U [n x r] of K, and back.
/// Holds references only. Throws InvalidInput.
class SpectralFrame {
 public:
  /// The context is for products with many columns, which are interrupted between blocks of them.
  SpectralFrame(const DesignOperator& x, Side side, const ConstVector& d,
                const ConstMatrix& vectors, const Context& context = Context())
      : x_(x), side_(side), d_(d), vectors_(vectors), context_(context) {
    const bool is_diagonal = side == Side::diagonal;
    check_input(is_diagonal ? d.size() == x.cols() : vectors.cols() == d.size(),
                "a spectrum: number of eigenvalues");
    check_input(is_diagonal || vectors.rows() == (side == Side::row ? x.rows() : x.cols()),
                "a spectrum: rows of the eigenvectors");
  }

  Index rank() const { return d_.size(); }
  const DesignOperator& design() const { return x_; }
  Side side() const { return side_; }
  bool is_diagonal() const { return side_ == Side::diagonal; }

  /// U' f, [r x k].
  Matrix rotate(const ConstMatrix& f) const {
    check_input(f.rows() == x_.rows(), "vectors of rows: their length");
    if (side_ == Side::row) return polled_product(vectors_.transpose(), f, context_);
    Matrix xtf = Matrix::Zero(x_.cols(), f.cols());
    x_.add_adjoint_product(f, xtf, context_);
    const Vector scale = d_.cwiseSqrt().cwiseInverse();
    if (side_ == Side::diagonal) return scale.asDiagonal() * xtf;
    return scale.asDiagonal() * polled_product(vectors_.transpose(), xtf, context_);
  }

  /// U g, [n x k].
  Matrix unrotate(const ConstMatrix& g) const {
    check_input(g.rows() == rank(), "coordinates along eigenvectors: their number");
    if (side_ == Side::row) return polled_product(vectors_, g, context_);
    const Matrix scaled = d_.cwiseSqrt().cwiseInverse().asDiagonal() * g;
    Matrix out = Matrix::Zero(x_.rows(), g.cols());
    if (side_ == Side::diagonal) {
      x_.add_product(scaled, out, context_);
    } else {
      x_.add_product(polled_product(vectors_, scaled, context_), out, context_);
    }
    return out;
  }

  /// S X'U g [p] for g [r].
  Vector pull(const ConstVector& g, const Context& context = Context()) const {
    check_input(g.size() == rank(), "coordinates along eigenvectors: their number");
    if (side_ == Side::row) {
      Matrix out = Matrix::Zero(x_.cols(), 1);
      x_.add_covariance_product(times(vectors_, g), out, context);
      return out;
    }
    const Vector scaled = d_.cwiseSqrt().cwiseProduct(g);
    return side_ == Side::diagonal ? scaled : times(vectors_, scaled);
  }

  /// sum_k U_ik^2 weight_k for every row i, [n].
  Vector row_quadratic(const ConstVector& weight) const {
    if (side_ == Side::row) return vectors_.cwiseAbs2() * weight;
    const Index n = x_.rows();
    if (side_ == Side::diagonal) {  // one nonzero a row, so the square of the sum is the sum
      Matrix ones = Matrix::Zero(n, 1), sums = Matrix::Zero(n, 1);
      x_.add_product(Matrix::Ones(x_.cols(), 1), ones, context_);
      x_.add_product(weight.cwiseQuotient(d_), sums, context_);
      return ones.cwiseProduct(sums);
    }
    Vector total = Vector::Zero(n);
    for (Index first = 0; first < rank(); first += kColumnBlock) {
      const Index size = std::min(kColumnBlock, rank() - first);
      Matrix pick = Matrix::Zero(rank(), size);
      pick.middleRows(first, size).setIdentity();
      total.noalias() += unrotate(pick).cwiseAbs2() * weight.segment(first, size);
    }
    return total;
  }

  /// U' times columns first .. first + k - 1 of X S, [r x k]: free of passes over X when the
  /// column side was decomposed.
  Matrix rotated_covariance_columns(Index first, Index count) const {
    if (side_ == Side::row) {
      Matrix columns(x_.rows(), count);
      x_.covariance_columns(first, columns);
      return polled_product(vectors_.transpose(), columns, context_);
    }
    const Vector root = d_.cwiseSqrt();
    if (side_ == Side::column) {
      return root.asDiagonal() * vectors_.middleRows(first, count).transpose();
    }
    Matrix out = Matrix::Zero(d_.size(), count);
    for (Index k = 0; k < count; ++k) out(first + k, k) = root[first + k];
    return out;
  }

 private:
  const DesignOperator& x_;
  Side side_;
  ConstVector d_;
  ConstMatrix vectors_;
  Context context_;
};

/// Column means of the design that were taken out before the decomposition, seen from inside:
/// the user's K is (X + o m')(X + o m')' with o the constant row vector (root weights).
struct MeanShift {
  /// [r], m along the right singular vectors of X, or X m in tridiagonal coordinates; empty: no
  /// shift.
  Vector coordinates;
  Vector unscaled;            ///< [r], T^-1 X m in tridiagonal coordinates, or empty
  double norm2 = 0;           ///< m'm
  double rest2 = 0;           ///< squared length of m outside of the row space of X
  double constant_norm2 = 0;  ///< o'o
  Vector constant;            ///< [c], o = Q constant
  bool is_present() const { return coordinates.size() > 0; }
};

/// y and Q in spectral coordinates, with null(K) reduced to what can matter.
///
/// The basis of the fixed effects is turned by `turn` so that its first rho columns reach null(K),
/// where they are null_frame * diag(null_scale), and the others do not. y is shifted by
/// null_shift along those columns, which leaves it with nothing in null_frame.
///
/// Or the same one step before: in coordinates in which K is tridiagonal, `d` its diagonal and
/// `beside` what stands beside it.
struct SpectralParts {
  Index n = 0;
  Vector d;                  ///< [r], eigenvalues, or the diagonal of the tridiagonal K
  Vector beside;             ///< [r - 1], its subdiagonal, or empty
  SpectrumRange range;       ///< of the tridiagonal K
  Matrix z;                  ///< [r x c], U' Q turn
  Vector y;                  ///< [r], U' y, shifted
  Matrix turn;               ///< [c x c], orthogonal
  Vector null_scale;         ///< [rho]
  Vector null_shift;         ///< [rho]
  Matrix null_frame;         ///< [n x rho], orthonormal, in null(K)
  Vector null_rest;          ///< [n], the part of y in null(K) beyond null_frame; empty when zero
  double null_residual = 0;  ///< its length
  /// [c x c] or without rows: tau Lambda^1/2 in the turned basis for a normal prior of the
  /// coefficients of Q with mean zero and precision Lambda, tau^2 the total variance.
  Matrix prior_rows;
  MeanShift mean;

  Index rank() const { return d.size(); }
  Index n_fixed() const { return z.cols(); }
  Index null_dimension() const { return n - d.size(); }
  Index null_in_fixed() const { return null_scale.size(); }
  bool has_prior() const { return prior_rows.rows() > 0; }
  bool is_tridiagonal() const { return beside.size() > 0; }
  double smallest() const {
    if (is_tridiagonal()) return range.smallest;
    return d.size() > 0 ? d.minCoeff() : 0;
  }
  double largest() const {
    if (is_tridiagonal()) return range.largest;
    return d.size() > 0 ? d.maxCoeff() : 0;
  }
};

/// Throws InvalidInput where the pieces do not fit each other. O(1).
inline void check_shapes(const SpectralParts& parts) {
  const Index r = parts.rank(), c = parts.n_fixed(), rho = parts.null_in_fixed(), n = parts.n;
  check_input(r <= n && parts.z.rows() == r && parts.y.size() == r, "a system: rank");
  check_input(parts.d.allFinite(), "a system: eigenvalues are not finite");
  check_input(!parts.is_tridiagonal() || parts.beside.size() == r - 1, "a system: subdiagonal");
  check_input(parts.turn.rows() == c && parts.turn.cols() == c, "a system: fixed effects");
  check_input(rho <= std::min(c, n - r) && parts.null_shift.size() == rho, "a system: null space");
  const Index framed = parts.null_frame.rows();
  check_input(parts.null_frame.cols() == rho && (framed == 0 || framed == n),
              "a system: frame of the null space");
  check_optional_length(parts.null_rest.size(), n, "a system: rest in the null space");
  check_input(!parts.has_prior() || (parts.prior_rows.rows() == c && parts.prior_rows.cols() == c),
              "a system: prior of the fixed effects");
  const MeanShift& mean = parts.mean;
  if (!mean.is_present()) return;
  check_input(mean.coordinates.size() == r && mean.constant.size() == c, "a system: column means");
  check_input(mean.unscaled.size() == (parts.is_tridiagonal() ? r : 0), "a system: column means");
}

namespace spectral_detail {

/// Angles below this are rounding: null(K) and span(Q) are then orthogonal.
constexpr double kAngleTolerance = 1e-7;
constexpr double kResidualTolerance = 1e-10;

/// a = u diag(values) v', a [k x c], u and v square.
struct SingularValues {
  Matrix u, v;
  Vector values;  ///< descending
};

/// By Jacobi's method, or by halving (Gu & Eisenstat 1995, SIAM J. Matrix Anal. Appl. 16) where
/// that would take c^3 too often.
inline SingularValues singular_values(const Matrix& a) {
  constexpr Index kMany = 64;
  constexpr unsigned kFull = Eigen::ComputeFullU | Eigen::ComputeFullV;
  const auto take = [](const auto& svd) {
    return SingularValues{svd.matrixU(), svd.matrixV(), svd.singularValues()};
  };
  if (a.cols() < kMany || !a.allFinite()) return take(Eigen::JacobiSVD<Matrix>(a, kFull));
  return take(Eigen::BDCSVD<Matrix>(a, kFull));
}

/// null_part: Q and y in null(K), [rows x (c + 1)], by rows of data or by coordinates of null(K);
/// null_frame and null_rest are made of the same rows.
inline void reduce_null_space(const Matrix& null_part, double y_norm, SpectralParts& parts) {
  const Index n = null_part.rows(), c = parts.z.cols();
  const Vector y_null = null_part.col(c);
  Matrix frame(n, 0);
  parts.turn = Matrix::Identity(c, c);
  if (c > 0 && n > 0) {
    const Eigen::HouseholderQR<Matrix> qr(null_part.leftCols(c));
    const Index k = std::min(n, c);
    const Matrix upper = qr.matrixQR().topRows(k).template triangularView<Eigen::Upper>();
    const SingularValues svd = singular_values(upper);
    Index rho = 0;
    const Index bound = std::min(k, parts.null_dimension());
    while (rho < bound && svd.values[rho] > kAngleTolerance) ++rho;
    parts.turn = svd.v;
    parts.null_scale = svd.values.head(rho);
    const Matrix thin = qr.householderQ() * Matrix::Identity(n, k);
    frame = thin * svd.u.leftCols(rho);
    parts.z = parts.z * parts.turn;
  }
  const Index rho = parts.null_scale.size();
  const Vector reached = transpose_times(frame, y_null);
  parts.null_shift = reached.cwiseQuotient(parts.null_scale);
  parts.y -= times(parts.z.leftCols(rho), parts.null_shift);
  Vector rest = y_null - times(frame, reached);
  rest -= times(frame, transpose_times(frame, rest));
  const double length = rest.norm();
  if (parts.null_dimension() > rho && length > kResidualTolerance * y_norm) {
    parts.null_residual = length;
    parts.null_rest = rest;
  }
  parts.null_frame = frame;
}

/// coordinates: see MeanShift; within2: squared length of the column means m [p] in the row space
/// of X; constant: o [n].
inline void set_mean_shift(Vector coordinates, double within2, const ConstVector& mean_columns,
                           const ConstVector& constant, const ConstMatrix& q,
                           SpectralParts& parts) {
  MeanShift& mean = parts.mean;
  mean.coordinates = std::move(coordinates);
  mean.norm2 = mean_columns.squaredNorm();
  mean.rest2 = mean.norm2 - within2;
  const bool is_full = parts.rank() >= mean_columns.size();
  if (is_full || mean.rest2 < 1e-12 * mean.norm2) mean.rest2 = 0;
  mean.constant_norm2 = constant.squaredNorm();
  mean.constant = q.transpose() * constant;
}

}  // namespace spectral_detail

/// Throws InvalidInput where the data are not of the rows and columns of the design.
inline void check_data(const DesignOperator& x, const ConstMatrix& q, const ConstVector& y,
                       const ConstVector& mean_columns, const ConstVector& constant) {
  check_input(q.rows() == x.rows() && y.size() == x.rows(), "data: rows of the design");
  check_optional_length(mean_columns.size(), x.cols(), "data: column means");
  check_input(mean_columns.size() == 0 || constant.size() == x.rows(),
              "data: the constant that columns were centred along");
}

/// Rotate y and Q. With mean_columns [p] (the column means taken out of X) and constant [n] (root
/// weights, in the span of Q) the user's uncentred K is kept track of; both may be empty.
/// O(n r c), plus a pass over X when the column side was decomposed.
inline SpectralParts rotate_data(const SpectralFrame& frame, const ConstVector& d,
                                 const ConstMatrix& q, const ConstVector& y,
                                 const ConstVector& mean_columns, const ConstVector& constant) {
  check_data(frame.design(), q, y, mean_columns, constant);
  SpectralParts parts;
  const Index n = y.size(), c = q.cols();
  parts.n = n;
  parts.d = d;
  parts.null_scale.resize(0);
  Matrix null_part(n, c + 1);
  null_part << q, y;
  Matrix rotated = frame.rotate(null_part);
  if (parts.null_dimension() > 0) {
    null_part -= frame.unrotate(rotated);
    for (int pass = 0; pass < 2; ++pass) {  // U is orthonormal only to rounding: project again
      const Matrix correction = frame.rotate(null_part);
      rotated += correction;
      null_part -= frame.unrotate(correction);
    }
  } else {
    null_part.setZero();
  }
  parts.z = rotated.leftCols(c);
  parts.y = rotated.col(c);
  spectral_detail::reduce_null_space(null_part, y.norm(), parts);
  if (mean_columns.size() > 0) {
    Matrix f = Matrix::Zero(n, 1);
    frame.design().add_product(mean_columns, f);
    const Vector along = frame.rotate(f).cwiseQuotient(d.cwiseSqrt());
    spectral_detail::set_mean_shift(along, along.squaredNorm(), mean_columns, constant, q, parts);
  }
  return parts;
}

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_SPECTRAL_PARTS_HPP
