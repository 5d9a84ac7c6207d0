#ifndef HDLMM_CORE_CONTEXT_HPP
#define HDLMM_CORE_CONTEXT_HPP

#include <functional>
#include <stdexcept>
#include <string>

#include "hdlmm/core/kernel_level.hpp"
#include "hdlmm/core/types.hpp"

namespace hdlmm {

/// What the core asks of its host. Every member has a working default.
struct Context {
  int n_threads = 1;

  /// Instructions of the dense kernels; a level that the processor lacks means the best it has.
  KernelLevel kernels = best_kernel_level();

  /// Called between blocks of work, always on the calling thread; throws to interrupt.
  std::function<void()> poll = [] {};

  /// Called with the name of the stage and the fraction of it that is done.
  std::function<void(const std::string& stage, double fraction)> progress = [](const std::string&,
                                                                               double) {};

  /// Symmetric eigendecomposition. `a` [n x n], lower triangle read; on return its columns are the
  /// eigenvectors when `vectors`, and are undefined otherwise. Returns ascending eigenvalues [n].
  std::function<Vector(Matrix& a, bool vectors)> eigensolver = [](Matrix& a, bool vectors) {
    Eigen::SelfAdjointEigenSolver<Matrix> solver(
        a, vectors ? Eigen::ComputeEigenvectors : Eigen::EigenvaluesOnly);
    if (solver.info() != Eigen::Success) {
      throw std::runtime_error("the symmetric eigensolver did not converge");
    }
    if (vectors) a = solver.eigenvectors();
    return Vector(solver.eigenvalues());
  };
};

}  // namespace hdlmm

#endif  // HDLMM_CORE_CONTEXT_HPP
