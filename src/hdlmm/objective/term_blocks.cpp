#include "hdlmm/objective/term_blocks.hpp"

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

namespace {

/// A variance of a coefficient that explains less than this share of the noise is none.
constexpr double kNoVariance = 1e-7;
constexpr double kSingularCorrelation = 1e-12;

Matrix inverse_of_spd(const Matrix& a) {
  return solve_positive(a, Matrix::Identity(a.rows(), a.cols()));
}

/// X_j'X_j of every level [r x r J].
Matrix level_grams(const DesignOperator& design, const TermShape& shape) {
  const Index r = shape.width;
  if (r == 1) return design.column_norms2().transpose();
  const RowCells cells = design.row_cells();
  Matrix out = Matrix::Zero(r, shape.cols());
  for (Index i = 0; i < design.rows(); ++i) {
    const auto first = static_cast<std::size_t>(cells.start[static_cast<std::size_t>(i)]);
    const auto last = static_cast<std::size_t>(cells.start[static_cast<std::size_t>(i) + 1]);
    for (std::size_t a = first; a < last; ++a) {
      for (std::size_t b = first; b < last; ++b) {
        out(cells.column[b] % r, cells.column[a]) += cells.value[a] * cells.value[b];
      }
    }
  }
  return out;
}

/// T^-1 of an upper triangular T.
Matrix inverse_turn(const Matrix& turn) {
  Matrix out = Matrix::Identity(turn.rows(), turn.cols());
  solve_upper(turn, out);
  return out;
}

/// -sum_j tr(E_i W_j E_k W_j) over the cells of S, slopes: W_j [r x r J].
Matrix determinant_curvature(const Matrix& slopes, Index width) {
  const Index levels = slopes.cols() / width;
  return -pair_traces(width, width, [&](Index q, Index p, Index s, Index t) {
    double sum = 0;
    for (Index j = 0; j < levels; ++j) {
      sum += slopes(q, j * width + s) * slopes(p, j * width + t);
    }
    return sum;
  });
}

/// S^-1 on the coefficients that have a variance, zero elsewhere.
struct OwnPrecision {
  std::vector<bool> has_variance;
  Matrix precision;
  double log_det_covariance = 0;
};

/// least: variances that are none, [r].
OwnPrecision own_precision(const Matrix& s, const Vector& least) {
  const Index r = s.rows();
  OwnPrecision out;
  std::vector<Index> kept;
  for (Index a = 0; a < r; ++a) {
    out.has_variance.push_back(s(a, a) > least[a]);
    if (out.has_variance.back()) kept.push_back(a);
  }
  const Index m = static_cast<Index>(kept.size());
  Matrix choice = Matrix::Zero(r, m);
  for (Index a = 0; a < m; ++a) choice(kept[static_cast<std::size_t>(a)], a) = 1;
  const Matrix own = sandwich(choice, s);
  const Vector back = own.diagonal().cwiseSqrt().cwiseInverse();
  const Matrix correlation = back.asDiagonal() * own * back.asDiagonal();
  if (m > 0 && !(symmetric_eigen(correlation).values[0] > kSingularCorrelation)) {
    throw std::runtime_error("factors over coefficients: a singular covariance matrix");
  }
  const Matrix inverse = back.asDiagonal() * inverse_of_spd(correlation) * back.asDiagonal();
  out.precision = congruent(choice, inverse);
  if (m > 0) out.log_det_covariance = log_determinant(correlation) - 2 * back.array().log().sum();
  return out;
}

/// Second derivatives by the cells of S of sum_j sum_a log(G_jaa + Q_aa) + J log|S|; weight and
/// weight2: sum_j (G_jaa + Q_aa)^-1 and of its square, [r].
Matrix coefficient_curvature(const Matrix& q, double count, const Vector& weight,
                             const Vector& weight2) {
  const Index r = q.rows();
  std::vector<Matrix> cells, moved;  // E and Q E Q
  for (const TriangleCell& cell : triangle_cells(r)) {
    cells.push_back(cell_matrix(r, cell));
    moved.push_back(sandwich(q, cells.back()));
  }
  Matrix out(static_cast<Index>(cells.size()), static_cast<Index>(cells.size()));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    for (std::size_t k = 0; k < cells.size(); ++k) {
      const Vector both = product(product(moved[i], cells[k]), q).diagonal();
      const Vector single = moved[i].diagonal().cwiseProduct(moved[k].diagonal());
      out(static_cast<Index>(i), static_cast<Index>(k)) =
          2 * weight.dot(both) - weight2.dot(single) -
          count * moved[i].cwiseProduct(cells[k]).sum();
    }
  }
  return symmetric_part(out);
}

}  // namespace

TermBlocks::TermBlocks(Matrix grams, Index levels, Matrix turn)
    : grams_(std::move(grams)), levels_(levels), turn_(std::move(turn)) {}

TermBlocks TermBlocks::by_level(const DesignOperator& design, const TermShape& shape,
                                const Matrix& turn) {
  TermBlocks out(level_grams(design, shape), shape.levels, turn);
  const Index r = shape.width;
  if (r == 1) return out;
  out.roots_.resize(r, out.grams_.cols());
  for (Index j = 0; j < shape.levels; ++j) {
    out.roots_.middleCols(j * r, r) = semidefinite_root(out.gram(j));
  }
  return out;
}

TermBlocks TermBlocks::by_coefficient(const DesignOperator& design, const TermShape& shape,
                                      const Matrix& turn) {
  if (shape.width == 1) return by_level(design, shape, turn);
  TermBlocks out(level_grams(design, shape), shape.levels, turn);
  const Matrix back = inverse_turn(turn);
  for (Index j = 0; j < shape.levels; ++j) {
    out.grams_.middleCols(j * shape.width, shape.width) = sandwich(back, Matrix(out.gram(j)));
  }
  out.is_by_coefficient_ = true;
  out.rows_ = static_cast<double>(design.rows());
  return out;
}

TermBlocks TermBlocks::by_eigenvalue(const ConstVector& eigenvalues, Index columns) {
  return TermBlocks(eigenvalues.transpose(), columns, Matrix::Identity(1, 1));
}

BlockDeterminant TermBlocks::determinant(const Matrix& s, bool derivatives) const {
  if (width() == 1) return scalar_determinant(s(0, 0));
  return is_by_coefficient_ ? coefficient_determinant(s, derivatives)
                            : level_determinant(s, derivatives);
}

BlockDeterminant TermBlocks::scalar_determinant(double s) const {
  BlockDeterminant out{0, Matrix::Zero(1, 1), Matrix::Zero(1, 1)};
  for (Index j = 0; j < grams_.cols(); ++j) {
    const double d = grams_(0, j), slope = d / (1 + s * d);
    out.value += std::log1p(s * d);
    out.slope(0, 0) += slope;
    out.curvature(0, 0) -= slope * slope;
  }
  return out;
}

BlockDeterminant TermBlocks::level_determinant(const Matrix& s, bool derivatives) const {
  const Index r = width();
  BlockDeterminant out{0, Matrix::Zero(r, r), {}};
  Matrix slopes(r, derivatives ? grams_.cols() : 0);
  for (Index j = 0; j < levels_; ++j) {
    const Matrix f = roots_.middleCols(j * r, r);
    const Matrix root = upper_root(Matrix::Identity(r, r) + sandwich(f, s));
    out.value += 2 * root.diagonal().array().log().sum();
    if (!derivatives) continue;
    Matrix half = f.transpose();
    solve_upper_transposed(root, half);
    const Matrix slope = transpose_product(half, half);
    out.slope += slope;
    slopes.middleCols(j * r, r) = slope;
  }
  if (derivatives) out.curvature = determinant_curvature(slopes, r);
  return out;
}

// sum_j sum_a log(G_jaa + Q_aa) + J log|S|, Q = S^-1, on the coefficients of X that have a
// variance.
BlockDeterminant TermBlocks::coefficient_determinant(const Matrix& s, bool derivatives) const {
  const Index r = width();
  const double count = static_cast<double>(levels_);
  const Matrix squares = this->squares();
  const Matrix outer = congruent(turn_, s);
  const OwnPrecision own = own_precision(outer, least_variances());
  BlockDeterminant out{count * own.log_det_covariance, count * own.precision, {}};
  Vector weight = Vector::Zero(r), weight2 = Vector::Zero(r);
  for (Index a = 0; a < r; ++a) {
    if (!own.has_variance[static_cast<std::size_t>(a)]) {  // as if it were apart
      const Vector size = squares.row(a).transpose();
      out.value += (outer(a, a) * size).array().log1p().sum();
      out.slope(a, a) = size.cwiseQuotient(Vector(1 + outer(a, a) * size.array())).sum();
      continue;
    }
    const Vector sum = squares.row(a).transpose().array() + own.precision(a, a);
    out.value += sum.array().log().sum();
    weight[a] = sum.cwiseInverse().sum();
    weight2[a] = sum.cwiseInverse().squaredNorm();
    add_outer(-weight[a], own.precision.col(a), own.precision.col(a), out.slope);
  }
  if (!derivatives) return out;
  out.slope = sandwich(turn_, out.slope);
  out.curvature =
      sandwich(congruence_map(turn_), coefficient_curvature(own.precision, count, weight, weight2));
  return out;
}

Matrix TermBlocks::settled(const Matrix& s) const {
  Matrix outer = congruent(turn_, s);
  if (!is_by_coefficient_) return outer;
  const Vector least = least_variances();
  for (Index a = 0; a < width(); ++a) {
    if (outer(a, a) > least[a]) continue;
    outer.row(a).setZero();
    outer.col(a).setZero();
  }
  return outer;
}

BlockMoments TermBlocks::moments(const Matrix& precision, double noise_precision) const {
  const Index r = width();
  if (r == 1) return scalar_moments(precision(0, 0), noise_precision);
  const Matrix own = is_by_coefficient_ ? precision : sandwich(turn_, precision);
  BlockMoments out{Matrix::Zero(r, r), 0, 0};
  for (Index j = 0; j < levels_; ++j) {
    Matrix a = noise_precision * gram(j) + own;
    if (is_by_coefficient_) a = a.diagonal().asDiagonal().toDenseMatrix();
    const Matrix covariance = inverse_of_spd(a);
    out.second += covariance;
    out.fit += covariance.cwiseProduct(gram(j)).sum();
    out.log_det -= log_determinant(a);
  }
  if (is_by_coefficient_) return out;
  out.second = congruent(turn_, out.second);
  out.log_det += 2 * static_cast<double>(levels_) * turn_.diagonal().cwiseAbs().array().log().sum();
  return out;
}

BlockMoments TermBlocks::scalar_moments(double precision, double noise_precision) const {
  const double rest = static_cast<double>(levels_ - grams_.cols());
  BlockMoments out{Matrix::Constant(1, 1, rest / precision), 0, -rest * std::log(precision)};
  for (Index j = 0; j < grams_.cols(); ++j) {
    const double d = grams_(0, j), sum = noise_precision * d + precision;
    out.second(0, 0) += 1 / sum;
    out.fit += d / sum;
    out.log_det -= std::log(sum);
  }
  return out;
}

// (G + S^-1)^-1 = L (I + L'G L)^-1 L' for S = L L', which may be singular.
Matrix TermBlocks::level_covariances(const Matrix& s) const {
  const Index r = width();
  if (is_by_coefficient_) return coefficient_variances(s);
  const Matrix l = semidefinite_root(s);
  Matrix out(r, levels_ * r);
  for (Index j = 0; j < levels_; ++j) {
    Matrix half = product(turn_, l).transpose();
    solve_upper_transposed(upper_root(Matrix::Identity(r, r) + sandwich(l, Matrix(gram(j)))), half);
    out.middleCols(j * r, r) = transpose_product(half, half);
  }
  return out;
}

Matrix TermBlocks::coefficient_variances(const Matrix& s) const {
  const Index r = width();
  const OwnPrecision own = own_precision(congruent(turn_, s), least_variances());
  Matrix out = Matrix::Zero(r, levels_ * r);
  for (Index j = 0; j < levels_; ++j) {
    for (Index a = 0; a < r; ++a) {
      if (!own.has_variance[static_cast<std::size_t>(a)]) continue;
      out(a, j * r + a) = 1 / (gram(j)(a, a) + own.precision(a, a));
    }
  }
  return out;
}

Matrix TermBlocks::squares() const {
  Matrix out(width(), levels_);
  for (Index j = 0; j < levels_; ++j) out.col(j) = gram(j).diagonal();
  return out;
}

Vector TermBlocks::least_variances() const {
  return kNoVariance * rows_ * squares().rowwise().sum().cwiseInverse();
}

}  // namespace hdlmm
