#ifndef HDLMM_LINALG_HOUSEHOLDER_HPP
#define HDLMM_LINALG_HOUSEHOLDER_HPP

#include "hdlmm/base/context.hpp"
#include "hdlmm/simd/panel_kernels.hpp"

namespace hdlmm {

/// Columns of a matrix as kernels take them.
inline Columns<double> as_columns(MatrixView a) { return {a.data(), a.outerStride(), a.cols()}; }
Columns<const double> as_columns(const ConstMatrix& a);

/// a'b, [cols of a x cols of b], for long and narrow matrices.
Matrix inner_products(const ConstMatrix& a, const ConstMatrix& b, const PanelKernels& kernels);

/// The same by pieces of the rows, which threads share.
Matrix inner_products(const ConstMatrix& a, const ConstMatrix& b, const Context& context);

/// H x = beta e_1 for x [n], H = I - tau v v'; x becomes v without its leading one. Returns beta.
/// The matrix must be of moderate scale.
double reflect(Index n, double* x, double& tau, const PanelKernels& kernels);

/// QR of a panel by halves (Elmroth & Gustavson 2000, IBM J. Res. Dev. 44). a: [m x w], w <= m;
/// v: [m x w], t: [w x w] zero below its diagonal.
void factor_panel(MatrixView a, MatrixView v, MatrixView t, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_HOUSEHOLDER_HPP
