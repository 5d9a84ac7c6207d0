#ifndef HDLMM_SIMD_CHASE_KERNELS_HPP
#define HDLMM_SIMD_CHASE_KERNELS_HPP

#include "hdlmm/base/index.hpp"
#include "hdlmm/base/kernel_level.hpp"

namespace hdlmm {

/// One step of a sweep that chases the bulge down a band of width b.
///
/// The step owns b columns of the band, [D; B]: D [b x b] symmetric, known by its lower triangle,
/// and B [b x b] below it. It works within one inner cache, so it is written for speed there: each
/// part is read twice and written once, by vectors of the width of the machine.
struct ChaseStep {
  double* block;      ///< D(0, 0); row i of column j at block[i + j * stride], B from i = b
  Index stride;       ///< from column to column
  Index width;        ///< b, a multiple of kChaseMultiple
  double* reflector;  ///< [1 + b], in: tau and v of H = I - tau v v'; out: those of the next step
  double* scratch;    ///< [4 b]
  double* rotated;    ///< F' [k x b], the columns that H meets
  Index n_rotated;    ///< k, a multiple of kChaseMultiple
};

constexpr Index kChaseMultiple = 8;

/// H x = beta e_1 for x [n], H = I - tau v v', v_1 = 1; v replaces x. Returns beta. n is a multiple
/// of kChaseMultiple; the matrix must be of moderate scale.
double make_chase_reflector(double* x, Index n, double& tau);

using ChaseKernel = void (*)(const ChaseStep&);

/// D <- H D H, B <- H_next B H where H_next reduces the first column of B H to its first entry;
/// F' <- F' H. 12 b^2 + 4 b k flops.
ChaseKernel chase_kernel(KernelLevel level);

}  // namespace hdlmm

#endif  // HDLMM_SIMD_CHASE_KERNELS_HPP
