#ifndef HDLMM_TESTS_REFERENCE_CHOLESKY_SYSTEM_HPP
#define HDLMM_TESTS_REFERENCE_CHOLESKY_SYSTEM_HPP

#include "hdlmm/base/context.hpp"
#include "hdlmm/marginal/marginal_system.hpp"

namespace hdlmm_test {

using hdlmm::Context;
using hdlmm::Detail;
using hdlmm::Evaluation;
using hdlmm::Index;
using hdlmm::MarginalSystem;
using hdlmm::Matrix;
using hdlmm::Share;
using hdlmm::Vector;

/// What a host that knows the spectrum tells a system that does not compute it.
struct SpectrumBounds {
  double min_eigenvalue = 0;
  double max_eigenvalue = 0;
  Index rank = 0;
};

/// The marginal model of one random term through one dense Cholesky factor a share: O(n^3) each.
/// No eigenvectors and no shared code with SpectralSystem: the independent check of it.
class CholeskySystem final : public MarginalSystem {
 public:
  /// k: [n x n] symmetric; q: [n x c] orthonormal; y: [n].
  CholeskySystem(Matrix k, Matrix q, Vector y, double kappa, const SpectrumBounds& bounds,
                 Context context = Context());

 private:
  /// Everything, whatever the detail: forming V^-1 costs more than all that is made of it.
  Evaluation do_evaluate(const Share& share, Detail) const override;

  /// Generalised least squares on Q into out; returns P.
  Matrix add_fixed_effects(const Matrix& factor, const Matrix& inverse, Evaluation& out) const;

  /// (L L')^-1 b.
  Matrix solve(const Matrix& factor, Matrix b) const;

  Matrix product(const Matrix& a, const Matrix& b) const;

  Matrix k_;
  Matrix q_;
  Vector y_;
  Context context_;
};

}  // namespace hdlmm_test

#endif  // HDLMM_TESTS_REFERENCE_CHOLESKY_SYSTEM_HPP
