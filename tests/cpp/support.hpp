#ifndef HDLMM_TESTS_SUPPORT_HPP
#define HDLMM_TESTS_SUPPORT_HPP

// What the tests share. It includes no header that instantiates a system: test-support.cpp does it
// once for all of them, which keeps the build short.

#include <cstdint>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "hdlmm/base/context.hpp"
#include "hdlmm/base/types.hpp"
#include "hdlmm/marginal/marginal_system.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {
class SpectralFrame;
class SpectralSystem;
}  // namespace hdlmm

namespace hdlmm_test {

using hdlmm::ConstMatrix;
using hdlmm::Index;
using hdlmm::Matrix;
using hdlmm::Share;
using hdlmm::Vector;

/// Numbers that are the same with every standard library: only the engine is the library's.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  double uniform();
  double normal();
  /// A whole number from 0 to n - 1.
  Index below(Index n);
  Vector normals(Index n);
  Matrix normals(Index rows, Index cols);
  /// Between 0.5 and 2.
  Vector positives(Index n);

 private:
  std::mt19937_64 engine_;
};

/// Largest difference relative to the largest cell of both; infinite for shapes that differ and for
/// cells that are not finite.
double distance(const ConstMatrix& a, const ConstMatrix& b);
double distance(double a, double b);

/// Both triangles from the lower one.
Matrix from_lower(const ConstMatrix& lower);

/// Orthonormal basis of the columns of z [n x c], and of what is orthogonal to them [n x (n - c)].
Matrix orthonormal_basis(const ConstMatrix& z);
Matrix orthogonal_complement(const ConstMatrix& q);

enum class DesignKind {
  dense,
  centred,  ///< the operator takes the (weighted) column means out; the model keeps them
  grouped,
  kernel
};

enum class FixedKind {
  generic,              ///< nothing in common with the design
  constant,             ///< the first column is constant (root weights)
  spans_null,           ///< null(K) is within the span
  contains_null,        ///< one column is a null vector of K, the others are generic
  avoids_null,          ///< every column is within the span of K
  spans_first_columns,  ///< the first columns of X itself
};

/// What to build a mixed model from. rank < 0 means min(n, p).
struct ModelSpec {
  std::string name;
  DesignKind design = DesignKind::dense;
  FixedKind fixed = FixedKind::generic;
  Index n = 0, p = 0, c = 0;
  Index rank = -1;
  bool is_weighted = false;
  std::uint64_t seed = 1;
};

/// How GoogleTest names a model in a failure.
inline std::ostream& operator<<(std::ostream& out, const ModelSpec& spec) {
  return out << spec.name;
}

/// Every kind of model whose columns are used as they are, with and without weights.
std::vector<ModelSpec> uncentred_specs(std::uint64_t seed);

/// One model, in plain dense matrices and through the core.
class Model {
 public:
  explicit Model(const ModelSpec& spec);
  /// The same model with a response of one's own.
  Model(const ModelSpec& spec, const Vector& response);
  ~Model();

  Vector root;       ///< [n], root weights, or empty
  Matrix x;          ///< [n x p], rows weighted
  Matrix s;          ///< [p x p], prior correlation
  Matrix k;          ///< [n x n], X S X'
  Matrix q;          ///< [n x c]
  Vector y;          ///< [n]
  double kappa = 1;  ///< tr(K) / n
  Index rank = 0;    ///< of K

  const hdlmm::MarginalSystem& spectral() const;
  const hdlmm::MarginalSystem& cholesky() const;
  /// The spectral system made without eigenvectors, or null where it cannot be.
  const hdlmm::MarginalSystem* implicit() const;
  /// The system without eigenvalues, or null where K is too near singular for it.
  const hdlmm::MarginalSystem* tridiagonal() const;
  /// The spectral system that is made of its parts.
  const hdlmm::MarginalSystem& diagonalised() const;
  /// P y from the band, empty where V is too near singular. Only where implicit().
  Vector implicit_projected_response(const Share& share) const;
  const hdlmm::SpectralSystem& spectral_system() const;
  hdlmm::SpectralFrame frame() const;

  // Dense formulae.
  Matrix covariance(const Share& share) const;
  /// P = A (A'VA)^-1 A' with A orthogonal to Q: valid wherever A'VA is regular, nu = 0 included.
  Matrix projection(const Share& share) const;
  /// log|A'VA|.
  double log_det_restricted(const Share& share) const;
  /// Generalised least squares on Q as an operator on y, [c x n].
  Matrix fixed_operator(const Share& share) const;

  // The same for nu > 0 under a normal prior of the coefficients of Q with mean zero and precision
  // [c x c] per unit tau^2; zero for a flat prior.
  Matrix posterior_covariance(const Share& share, const Matrix& precision) const;
  Matrix posterior_projection(const Share& share, const Matrix& precision) const;
  /// Var(z'omega + x'beta | y) / tau^2, [m x m]. points: [m x p], z: [m x c].
  Matrix latent_covariance(const Share& share, const Matrix& precision, const Matrix& points,
                           const Matrix& z) const;

  // The same from the core.
  Vector core_projected_response(const Share& share) const;
  Vector core_projection_diagonal(const Share& share) const;
  Vector core_coefficient_variances(const Share& share) const;
  /// points: [m x p] and their coordinates along Q [m x c].
  Vector core_latent_variances(const Share& share, const Matrix& points, const Matrix& z) const;
  Vector core_restricted_eigenvalues() const;
  /// The system of another response that has nothing in the reach of the fixed effects in null(K).
  std::unique_ptr<hdlmm::MarginalSystem> core_with_response(const Vector& response) const;

 private:
  struct Core;
  void build_design(const ModelSpec& spec, Random& random);
  void build_fixed(const ModelSpec& spec, Random& random);
  void draw(const ModelSpec& spec, Random& random);
  void decompose();

  std::unique_ptr<Core> core_;
};

/// The specs, then the same with weights, each with a seed of its own from `seed` on.
std::vector<ModelSpec> weighted_too(std::vector<ModelSpec> specs, std::uint64_t seed);

/// A context with this level of kernels and number of threads.
hdlmm::Context context_with(hdlmm::KernelLevel level, int n_threads);

/// What a test at this level is called.
std::string level_name(hdlmm::KernelLevel level);

/// Rank of a, from the eigenvalues of a a', for cells of about one and ranks that are clear.
Index clear_rank(const Matrix& a);

/// Gaussian log-density of y [n] with mean 0 and the given covariance.
double log_density(const Vector& y, const Matrix& covariance);

/// A system without fixed effects whose K is diag(d), d ascending and positive, and as many null
/// directions more as `null_dimension`, in which y has length null_residual. kappa = 1.
std::unique_ptr<hdlmm::MarginalSystem> diagonal_system(const Vector& d, const Vector& y,
                                                       Index null_dimension, double null_residual);

}  // namespace hdlmm_test

#endif  // HDLMM_TESTS_SUPPORT_HPP
