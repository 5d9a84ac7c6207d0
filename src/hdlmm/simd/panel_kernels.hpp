#ifndef HDLMM_SIMD_PANEL_KERNELS_HPP
#define HDLMM_SIMD_PANEL_KERNELS_HPP

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

/// Adjacent columns of a matrix: column c begins at cells + c * stride.
template <typename Cell>
struct Columns {
  Cell* cells;
  Index stride;
  Index count;

  Columns from(Index c) const { return {cells + c * stride, stride, count - c}; }
  Columns below(Index row) const { return {cells + row, stride, count}; }
};

/// Products of a few long columns, n rows each, where packing would cost more than it gains: every
/// vector that is loaded serves a tile of results.
struct PanelKernels {
  /// out(i, j) += (column i of a)'(column j of b). 2 n flops a result.
  void (*inner)(Index n, const Columns<const double>& a, const Columns<const double>& b,
                const Columns<double>& out);
  /// Column j of x -= factors[j] v.
  void (*subtract)(Index n, const double* v, const double* factors, const Columns<double>& x);
};

PanelKernels panel_kernels(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_PANEL_KERNELS_HPP
