#ifndef HDLMM_SIMD_PACK_KERNELS_HPP
#define HDLMM_SIMD_PACK_KERNELS_HPP

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

/// A run of cells that stand for (cell - shift) * scale: read so on the way, a pass over a copy of
/// them is saved.
template <typename T>
struct ScaledRun {
  const T* cells;
  double shift;
  double scale;

  double operator[](Index l) const { return (static_cast<double>(cells[l]) - shift) * scale; }
};

/// Copies into strips as a MicroKernel of the same level reads them, whole strips only. Runs are
/// pointers to doubles or ScaledRuns of them. What lies `ahead` of each run, in doubles, is asked
/// for from memory meanwhile: it is packed next.
template <typename Run>
struct RunKernels {
  /// out[s * strip_step + l * width + i] = runs[l][s * width + i], s < strips, l < n_runs.
  void (*across)(const Run* runs, Index n_runs, Index strips, Index ahead, double* out,
                 Index strip_step);
  /// out[l * width + i] = runs[i][l], l < depth, of `width` runs.
  void (*along)(const Run* runs, Index depth, Index ahead, double* out);
};

struct PackKernels {
  RunKernels<const double*> plain;
  RunKernels<ScaledRun<double>> scaled;
};

/// The copies for the kernel of a level, or of the highest level below it that this processor runs.
PackKernels pack_kernels(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_PACK_KERNELS_HPP
