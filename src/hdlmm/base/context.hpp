#ifndef HDLMM_BASE_CONTEXT_HPP
#define HDLMM_BASE_CONTEXT_HPP

#include <functional>
#include <string>

#include "hdlmm/base/kernel_level.hpp"
#include "hdlmm/base/types.hpp"

namespace hdlmm {

/// What the core asks of its host. Every member works as it is made.
struct Context {
  Context();
  Context(const Context& other);
  Context(Context&& other) noexcept;
  Context& operator=(const Context& other);
  Context& operator=(Context&& other) noexcept;
  ~Context();

  int n_threads = 1;

  /// Instructions of the dense kernels; a level that the processor lacks means the best it has.
  KernelLevel kernels;

  /// Called between blocks of work, always on the calling thread; throws to interrupt.
  std::function<void()> poll;

  /// Called with the name of the stage and the fraction of it that is done.
  std::function<void(const std::string& stage, double fraction)> progress;

  /// Symmetric eigendecomposition. `a` [n x n], lower triangle read; on return its columns are the
  /// eigenvectors when `vectors`, and are undefined otherwise. Returns ascending eigenvalues [n].
  /// Empty: solve_symmetric() takes the core's own.
  std::function<Vector(Matrix& a, bool vectors)> eigensolver;
};

}  // namespace hdlmm

#endif  // HDLMM_BASE_CONTEXT_HPP
