// Models built once for all tests through the core; see support.hpp. The laws are in the others.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <Eigen/Dense>
#include <gtest/gtest.h>

#include "hdlmm/hdlmm.hpp"

#include "reference/cholesky_system.hpp"
#include "support.hpp"

namespace hdlmm_test {

/// Owns what the operator borrows.
struct Model::Core {
  Matrix stored;
  Vector column_means;  ///< taken out by the operator; empty: none
  std::unique_ptr<hdlmm::DesignOperator> op;
  hdlmm::Spectrum spectrum;
  std::unique_ptr<hdlmm::SpectralSystem> spectral;
  std::optional<hdlmm::ImplicitSpectrum> reduced;
  std::unique_ptr<hdlmm::SpectralSystem> implicit, diagonalised;
  std::unique_ptr<hdlmm::TridiagonalSystem> tridiagonal;
  std::unique_ptr<CholeskySystem> cholesky;

  hdlmm::SpectralFrame frame() const {
    return hdlmm::SpectralFrame(*op, spectrum.side, spectrum.d, spectrum.vectors);
  }
};

namespace {

Matrix random_of_rank(Random& random, Index n, Index p, Index rank) {
  if (rank >= std::min(n, p)) return random.normals(n, p);
  const Matrix right = random.normals(rank, p);  // in one expression, compilers choose the order
  return random.normals(n, rank) * right;
}

/// Every unit at least once when there are rows enough, in random order.
std::vector<Index> random_units(Random& random, Index n, Index p) {
  std::vector<Index> unit;
  for (Index i = 0; i < n; ++i) unit.push_back(i < p ? i : random.below(p));
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

}  // namespace

Model::Model(const ModelSpec& spec) : core_(std::make_unique<Core>()) {
  Random random(spec.seed);
  draw(spec, random);
  const Vector effects = random.normals(spec.p);
  y = random.normals(spec.n) + x * effects;
  decompose();
}

Model::Model(const ModelSpec& spec, const Vector& response) : core_(std::make_unique<Core>()) {
  Random random(spec.seed);
  draw(spec, random);
  y = response;
  decompose();
}

Model::~Model() = default;

void Model::draw(const ModelSpec& spec, Random& random) {
  if (spec.is_weighted) root = random.positives(spec.n);
  build_design(spec, random);
  k = x * s * x.transpose();
  kappa = k.trace() / static_cast<double>(spec.n);
  build_fixed(spec, random);
}

void Model::build_design(const ModelSpec& spec, Random& random) {
  const Index wanted = spec.rank < 0 ? std::min(spec.n, spec.p) : spec.rank;
  const Vector scale = root.size() > 0 ? root : Vector(Vector::Ones(spec.n));
  s = Matrix::Identity(spec.p, spec.p);
  if (spec.design == DesignKind::grouped || spec.design == DesignKind::kernel) {
    const std::vector<Index> unit = random_units(random, spec.n, spec.p);
    x = scale.asDiagonal() * indicator(unit, spec.p);
    if (spec.design == DesignKind::grouped) {
      core_->op = std::make_unique<hdlmm::GroupedOperator>(unit, spec.p, root);
      return;
    }
    const Matrix half = random_of_rank(random, spec.p, spec.p, wanted);
    core_->stored = half * half.transpose();
    s = 0.25 * core_->stored;
    core_->op =
        std::make_unique<hdlmm::KernelOperator>(core_->stored.data(), spec.p, 0.25, unit, root);
    return;
  }
  core_->stored = random_of_rank(random, spec.n, spec.p, wanted);
  if (spec.design == DesignKind::centred) {
    const Vector weight = scale.cwiseAbs2();
    core_->stored.rowwise() += 2 * random.normals(spec.p).transpose();
    core_->column_means = core_->stored.transpose() * weight / weight.sum();
  }
  x = scale.asDiagonal() * core_->stored;
  hdlmm::StoredMatrix<double> cells;
  cells.cells = core_->stored.data();
  cells.stride = cells.rows_fitted = spec.n;
  cells.cols = spec.p;
  const hdlmm::CellTransform transform{core_->column_means, Vector(), Vector(), root};
  core_->op = std::make_unique<hdlmm::DenseOperator<double>>(cells, transform);
}

void Model::build_fixed(const ModelSpec& spec, Random& random) {
  const Eigen::SelfAdjointEigenSolver<Matrix> eigen(k);
  const double largest = std::max(0.0, eigen.eigenvalues()[spec.n - 1]);
  rank = (eigen.eigenvalues().array() > 1e-10 * largest).count();  // generic: nothing in between
  const Matrix null = eigen.eigenvectors().leftCols(spec.n - rank);
  Matrix z = random.normals(spec.n, spec.c);
  switch (spec.fixed) {
    case FixedKind::generic:
      break;
    case FixedKind::constant:
      z.col(0) = root.size() > 0 ? root : Vector(Vector::Ones(spec.n));
      break;
    case FixedKind::spans_null:
      z.leftCols(null.cols()) = null * random.normals(null.cols(), null.cols());
      break;
    case FixedKind::contains_null:
      z.col(0) = null.col(0);
      break;
    case FixedKind::avoids_null:
      z = k * z;
      break;
    case FixedKind::spans_first_columns:
      z = x.leftCols(spec.c);
      break;
  }
  q = orthonormal_basis(z);
}

void Model::decompose() {
  core_->spectrum = hdlmm::decompose(*core_->op, hdlmm::Context());
  Vector constant;
  if (core_->column_means.size() > 0) {
    constant = root.size() > 0 ? root : Vector(Vector::Ones(y.size()));
  }
  core_->spectral = std::make_unique<hdlmm::SpectralSystem>(
      hdlmm::rotate_data(core_->frame(), core_->spectrum.d, q, y, core_->column_means, constant),
      kappa);
  const SpectrumBounds bounds{1, 2, rank};
  core_->cholesky = std::make_unique<CholeskySystem>(k, q, y, kappa, bounds);
  const auto reduce_to = [&](hdlmm::Form form) {
    return hdlmm::reduce(*core_->op, q, y, core_->column_means, constant, form, hdlmm::Context());
  };
  core_->reduced = reduce_to(hdlmm::Form::diagonal);
  if (!core_->reduced) return;
  core_->implicit = std::make_unique<hdlmm::SpectralSystem>(core_->reduced->parts, kappa);
  const hdlmm::SpectralParts parts = reduce_to(hdlmm::Form::tridiagonal)->parts;
  if (!parts.is_tridiagonal()) return;
  core_->tridiagonal = std::make_unique<hdlmm::TridiagonalSystem>(parts, kappa);
  core_->diagonalised =
      std::make_unique<hdlmm::SpectralSystem>(hdlmm::diagonalised(parts, hdlmm::Context()), kappa);
}

const hdlmm::MarginalSystem& Model::spectral() const { return *core_->spectral; }
const hdlmm::MarginalSystem& Model::cholesky() const { return *core_->cholesky; }

const hdlmm::MarginalSystem* Model::implicit() const { return core_->implicit.get(); }
const hdlmm::MarginalSystem* Model::tridiagonal() const { return core_->tridiagonal.get(); }
const hdlmm::MarginalSystem& Model::diagonalised() const { return *core_->diagonalised; }

Vector Model::implicit_projected_response(const Share& share) const {
  const Vector delta = implicit()->evaluate(share).delta;
  Vector rest = y - q * delta;
  if (core_->column_means.size() > 0) {
    const Vector o = root.size() > 0 ? root : Vector(Vector::Ones(y.size()));
    rest -= o * (o.dot(rest) / o.squaredNorm());
  }
  const auto solved = hdlmm::solve_response(*core_->op, core_->reduced->reduction, delta, rest,
                                            share.h / kappa, share.nu, hdlmm::Context());
  if (!solved) return Vector();
  if (solved->along.size() > 0) {
    Matrix along = Matrix::Zero(core_->op->cols(), 1);
    core_->op->add_adjoint_product(solved->projected, along);
    EXPECT_LT(distance(along, solved->along), 1e-9);
  }
  return solved->projected;
}

const hdlmm::SpectralSystem& Model::spectral_system() const { return *core_->spectral; }
hdlmm::SpectralFrame Model::frame() const { return core_->frame(); }

Vector Model::core_projected_response(const Share& share) const {
  const hdlmm::SpectralSystem& system = *core_->spectral;
  return hdlmm::projected_response(core_->frame(), system.parts(), system.whiten(share));
}

Vector Model::core_projection_diagonal(const Share& share) const {
  const hdlmm::SpectralSystem& system = *core_->spectral;
  return hdlmm::projection_diagonal(core_->frame(), system.parts(), system.whiten(share));
}

Vector Model::core_coefficient_variances(const Share& share) const {
  const hdlmm::SpectralSystem& system = *core_->spectral;
  return hdlmm::coefficient_variances(core_->frame(), system, system.whiten(share),
                                      hdlmm::Context());
}

Vector Model::core_latent_variances(const Share& share, const Matrix& points,
                                    const Matrix& z) const {
  const hdlmm::SpectralSystem& system = *core_->spectral;
  const Matrix prior = points * s * points.transpose();
  const hdlmm::PredictionRows rows{core_->frame().rotate(x * s * points.transpose()),
                                   prior.diagonal(), z};
  return hdlmm::latent_variances(system, system.whiten(share), rows);
}

Vector Model::core_restricted_eigenvalues() const {
  return hdlmm::restricted_eigenvalues(core_->spectral->parts(), hdlmm::Context());
}

std::unique_ptr<hdlmm::MarginalSystem> Model::core_with_response(const Vector& response) const {
  const Vector along = core_->frame().rotate(response);
  const Vector rest = response - core_->frame().unrotate(along);
  const double length = core_->spectral->null_dimension() > 0 ? rest.norm() : 0;
  return std::make_unique<hdlmm::SpectralSystem>(core_->spectral->with_response(along, length));
}

std::unique_ptr<hdlmm::MarginalSystem> diagonal_system(const Vector& d, const Vector& y,
                                                       Index null_dimension, double null_residual) {
  hdlmm::SpectralParts parts;
  parts.n = d.size() + null_dimension;
  parts.d = d;
  parts.y = y;
  parts.z = Matrix(d.size(), 0);
  parts.turn = Matrix(0, 0);
  parts.null_residual = null_residual;
  return std::make_unique<hdlmm::SpectralSystem>(std::move(parts), 1);
}

}  // namespace hdlmm_test
