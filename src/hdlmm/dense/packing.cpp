#include "hdlmm/dense/packing.hpp"

#include <algorithm>

namespace hdlmm {

void copy_across(const MicroKernel& kernel, const double* const* runs, Index n_runs, Index strips,
                 Index ahead, double* out, Index strip_step) {
  kernel.pack.plain.across(runs, n_runs, strips, ahead, out, strip_step);
}

void copy_across(const MicroKernel& kernel, const ScaledRun<double>* runs, Index n_runs,
                 Index strips, Index ahead, double* out, Index strip_step) {
  kernel.pack.scaled.across(runs, n_runs, strips, ahead, out, strip_step);
}

void copy_along(const MicroKernel& kernel, const double* const* runs, Index depth, Index ahead,
                double* out) {
  kernel.pack.plain.along(runs, depth, ahead, out);
}

void copy_along(const MicroKernel& kernel, const ScaledRun<double>* runs, Index depth, Index ahead,
                double* out) {
  kernel.pack.scaled.along(runs, depth, ahead, out);
}

Factor Factor::from(Index vector, Index depth) const {
  return {cells + vector * vector_step + depth * depth_step, size - vector, vector_step,
          depth_step};
}

void pack_strips(const Factor& factor, const MicroKernel& kernel, Index strips, Index depth,
                 double* out, Index strip_step) {
  const double* runs[kMaxStrip];
  const Index width = kernel.width, present = std::min(factor.size, strips * width);
  if (factor.vector_step == 1) {
    for (Index l = 0; l < depth; l += kRuns) {
      const Index n_runs = std::min(kRuns, depth - l);
      for (Index i = 0; i < n_runs; ++i) runs[i] = factor.cells + (l + i) * factor.depth_step;
      pack_across(kernel, runs, n_runs, present, strips, out + l * width, strip_step,
                  kRuns * factor.depth_step);
    }
    return;
  }
  for (Index s = 0; s < strips; ++s) {
    const Index count = std::max<Index>(0, std::min(width, present - s * width));
    for (Index i = 0; i < count; ++i) {
      runs[i] = factor.cells + (s * width + i) * factor.vector_step;
    }
    pack_along(kernel, runs, count, depth, out + s * strip_step, width * factor.vector_step);
  }
}

}  // namespace hdlmm
