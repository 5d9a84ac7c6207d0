#ifndef HDLMM_TESTS_SUPPORT_HPP
#define HDLMM_TESTS_SUPPORT_HPP

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hdlmm/core/types.hpp"
#include "hdlmm/marginal/cholesky_system.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm_test {

using hdlmm::ConstMatrix;
using hdlmm::ConstVector;
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

enum class DesignKind { dense, centred, grouped, kernel };
enum class FixedKind {
  generic,           ///< nothing in common with the design
  constant,          ///< the first column is constant (root weights)
  spans_null,        ///< null(K) is within the span
  reaches_null,      ///< one column is a null vector of K, the others are generic
  avoids_null,       ///< every column is within the span of K
  spans_first_columns  ///< the first columns of X itself
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

/// One model in plain dense matrices and through the core. Kept in place: the operator borrows.
struct Model {
  Matrix stored;   ///< what the operator reads: cells of X, or the kernel
  Vector root;     ///< [n], root weights, or empty
  Matrix x;        ///< [n x p], as the model has it: weighted, centred only when it is told so
  Matrix s;        ///< [p x p], prior correlation
  Matrix k;        ///< [n x n], X S X'
  Matrix q;        ///< [n x c]
  Vector y;        ///< [n]
  double kappa = 1;
  Index rank = 0;                            ///< of K
  std::unique_ptr<hdlmm::DesignOperator> op; ///< centred when the spec says so
  hdlmm::Spectrum spectrum;
  std::unique_ptr<hdlmm::SpectralSystem> spectral;
  std::unique_ptr<hdlmm::CholeskySystem> cholesky;

  hdlmm::SpectralFrame frame() const {
    return hdlmm::SpectralFrame(*op, spectrum.side, spectral->parts().d, spectrum.vectors);
  }
};

std::unique_ptr<Model> build_model(const ModelSpec& spec);

/// P = A (A'VA)^-1 A' with A orthogonal to Q: valid wherever A'VA is regular, nu = 0 included.
Matrix dense_projection(const Model& model, const Share& share);
/// Q'V^-1-weighted least squares as an operator [c x n] on y, by the same route.
Matrix dense_fixed_operator(const Model& model, const Share& share);

}  // namespace hdlmm_test

#endif  // HDLMM_TESTS_SUPPORT_HPP
