#include "support.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <gtest/gtest.h>

#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"

namespace hdlmm_test {

double Random::uniform() { return (static_cast<double>(engine_() >> 11) + 0.5) * 0x1p-53; }

double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(6.283185307179586 * uniform());
}

Index Random::below(Index n) { return static_cast<Index>(uniform() * static_cast<double>(n)); }

Vector Random::normals(Index n) {
  Vector out(n);
  for (Index i = 0; i < n; ++i) out[i] = normal();
  return out;
}

Matrix Random::normals(Index rows, Index cols) {
  Matrix out(rows, cols);
  for (Index j = 0; j < cols; ++j) out.col(j) = normals(rows);
  return out;
}

Vector Random::positives(Index n) {
  Vector out(n);
  for (Index i = 0; i < n; ++i) out[i] = 0.5 + 1.5 * uniform();
  return out;
}

double distance(const ConstMatrix& a, const ConstMatrix& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return std::numeric_limits<double>::infinity();
  if (a.size() == 0) return 0;
  if (!a.allFinite() || !b.allFinite()) return std::numeric_limits<double>::infinity();
  const double size = std::max(a.cwiseAbs().maxCoeff(), b.cwiseAbs().maxCoeff());
  return size > 0 ? (a - b).cwiseAbs().maxCoeff() / size : 0;
}

double distance(double a, double b) {
  return distance(Matrix::Constant(1, 1, a), Matrix::Constant(1, 1, b));
}

Matrix from_lower(const ConstMatrix& lower) {
  Matrix out = lower;
  for (Index j = 0; j < out.cols(); ++j) {
    for (Index i = 0; i < j; ++i) out(i, j) = out(j, i);
  }
  return out;
}

namespace {

Matrix full_basis(const ConstMatrix& z) {
  const Eigen::HouseholderQR<Matrix> qr(z);
  return qr.householderQ() * Matrix::Identity(z.rows(), z.rows());
}

}  // namespace

Matrix orthonormal_basis(const ConstMatrix& z) {
  if (z.cols() == 0) return Matrix(z.rows(), 0);
  return full_basis(z).leftCols(z.cols());
}

Matrix orthogonal_complement(const ConstMatrix& q) {
  if (q.cols() == 0) return Matrix::Identity(q.rows(), q.rows());
  return full_basis(q).rightCols(q.rows() - q.cols());
}

namespace {

Matrix random_of_rank(Random& random, Index n, Index p, Index rank) {
  if (rank >= std::min(n, p)) return random.normals(n, p);
  return random.normals(n, rank) * random.normals(rank, p);
}

/// Every unit at least once when there are rows enough.
std::vector<Index> random_units(Random& random, Index n, Index p) {
  std::vector<Index> unit(static_cast<std::size_t>(n));
  for (Index i = 0; i < n; ++i) unit[static_cast<std::size_t>(i)] = i < p ? i : random.below(p);
  for (Index i = n - 1; i > 0; --i) {
    std::swap(unit[static_cast<std::size_t>(i)],
              unit[static_cast<std::size_t>(random.below(i + 1))]);
  }
  return unit;
}

Matrix indicator(const std::vector<Index>& unit, Index p) {
  Matrix out = Matrix::Zero(static_cast<Index>(unit.size()), p);
  for (std::size_t i = 0; i < unit.size(); ++i) out(static_cast<Index>(i), unit[i]) = 1;
  return out;
}

/// Sets stored, x, s, op; returns the column means that the operator takes out, or nothing.
Vector build_design(const ModelSpec& spec, Random& random, Model& model) {
  const Index rank = spec.rank < 0 ? std::min(spec.n, spec.p) : spec.rank;
  const Vector scale = model.root.size() > 0 ? model.root : Vector(Vector::Ones(spec.n));
  model.s = Matrix::Identity(spec.p, spec.p);
  if (spec.design == DesignKind::grouped || spec.design == DesignKind::kernel) {
    const std::vector<Index> unit = random_units(random, spec.n, spec.p);
    model.x = scale.asDiagonal() * indicator(unit, spec.p);
    if (spec.design == DesignKind::grouped) {
      model.op = std::make_unique<hdlmm::GroupedOperator>(unit, spec.p, model.root);
    } else {
      const Matrix half = random_of_rank(random, spec.p, spec.p, rank);
      model.stored = half * half.transpose();
      model.s = 0.25 * model.stored;
      model.op = std::make_unique<hdlmm::KernelOperator>(model.stored.data(), spec.p, 0.25, unit,
                                                         model.root);
    }
    return Vector();
  }
  model.stored = random_of_rank(random, spec.n, spec.p, rank);
  Vector mean;
  if (spec.design == DesignKind::centred) {
    const Vector weight = scale.cwiseAbs2();
    model.stored.rowwise() += 2 * random.normals(spec.p).transpose();
    mean = model.stored.transpose() * weight / weight.sum();
  }
  model.x = scale.asDiagonal() * model.stored;
  hdlmm::StoredMatrix<double> cells;
  cells.cells = model.stored.data();
  cells.stride = cells.rows_fitted = spec.n;
  cells.cols = spec.p;
  hdlmm::CellTransform transform{mean, Vector(), Vector(), model.root};
  model.op = std::make_unique<hdlmm::DenseOperator<double>>(cells, transform);
  return mean;
}

Matrix build_fixed(const ModelSpec& spec, Random& random, const Model& model) {
  Matrix z = random.normals(spec.n, spec.c);
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(model.k);
  const Matrix null = eigen.eigenvectors().leftCols(spec.n - model.rank);
  switch (spec.fixed) {
    case FixedKind::generic:
      break;
    case FixedKind::constant:
      if (model.root.size() > 0) {
        z.col(0) = model.root;
      } else {
        z.col(0).setOnes();
      }
      break;
    case FixedKind::spans_null:
      z.leftCols(null.cols()) = null * random.normals(null.cols(), null.cols());
      break;
    case FixedKind::reaches_null:
      z.col(0) = null.col(0);
      break;
    case FixedKind::avoids_null:
      z = model.k * z;
      break;
    case FixedKind::spans_first_columns:
      z = model.x.leftCols(spec.c);
      break;
  }
  return orthonormal_basis(z);
}

Index numerical_rank(const Matrix& k) {
  const Vector d = Eigen::SelfAdjointEigenSolver<Matrix>(k, Eigen::EigenvaluesOnly).eigenvalues();
  return (d.array() > 1e-10 * d.cwiseAbs().maxCoeff()).count();  // generic ranks: no near zeros
}

}  // namespace

std::unique_ptr<Model> build_model(const ModelSpec& spec) {
  Random random(spec.seed);
  auto model = std::make_unique<Model>();
  if (spec.is_weighted) model->root = random.positives(spec.n);
  const Vector mean = build_design(spec, random, *model);
  model->k = model->x * model->s * model->x.transpose();
  model->rank = numerical_rank(model->k);
  model->q = build_fixed(spec, random, *model);
  model->y = random.normals(spec.n) + model->x * random.normals(spec.p);
  model->kappa = model->k.trace() / static_cast<double>(spec.n);

  const hdlmm::Context context;
  model->spectrum = hdlmm::decompose(*model->op, context);
  const hdlmm::SpectralFrame frame(*model->op, model->spectrum.side, model->spectrum.d,
                                   model->spectrum.vectors);
  Vector constant;
  if (mean.size() > 0) {
    constant = model->root.size() > 0 ? model->root : Vector(Vector::Ones(spec.n));
  }
  model->spectral = std::make_unique<hdlmm::SpectralSystem>(
      hdlmm::rotate_data(frame, model->spectrum.d, model->q, model->y, mean, constant),
      model->kappa);
  const hdlmm::SpectrumBounds bounds{1, 2, model->rank};
  model->cholesky = std::make_unique<hdlmm::CholeskySystem>(model->k, model->q, model->y,
                                                            model->kappa, bounds);
  return model;
}

namespace {

Matrix dense_covariance(const Model& model, const Share& share) {
  Matrix v = share.h / model.kappa * model.k;
  v.diagonal().array() += share.nu;
  return v;
}

}  // namespace

Matrix dense_projection(const Model& model, const Share& share) {
  const Matrix a = orthogonal_complement(model.q);
  const Matrix v = a.transpose() * dense_covariance(model, share) * a;
  return a * v.ldlt().solve(a.transpose());
}

Matrix dense_fixed_operator(const Model& model, const Share& share) {
  return model.q.transpose() -
         model.q.transpose() * dense_covariance(model, share) * dense_projection(model, share);
}

TEST(Support, TheBasisAndItsComplementMakeAnOrthogonalMatrix) {
  Random random(1);
  const Matrix z = random.normals(7, 3);
  const Matrix q = orthonormal_basis(z), a = orthogonal_complement(q);
  Matrix both(7, 7);
  both << q, a;
  // rounding of a 7 x 7 product
  EXPECT_LT(distance(both.transpose() * both, Matrix::Identity(7, 7)), 1e-14);
  EXPECT_LT(distance(q * (q.transpose() * z), z), 1e-14);
}

TEST(Support, DistanceSeesShapesAndMissingNumbers) {
  EXPECT_EQ(distance(2.0, 1.0), 0.5);
  EXPECT_EQ(distance(0.0, 0.0), 0);
  EXPECT_TRUE(std::isinf(distance(Matrix::Zero(2, 1), Matrix::Zero(1, 2))));
  EXPECT_TRUE(std::isinf(distance(1.0, std::nan(""))));
}

}  // namespace hdlmm_test
