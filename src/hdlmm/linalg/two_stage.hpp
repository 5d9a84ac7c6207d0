#ifndef HDLMM_LINALG_TWO_STAGE_HPP
#define HDLMM_LINALG_TWO_STAGE_HPP

#include <optional>

#include "hdlmm/linalg/band_reduction.hpp"
#include "hdlmm/linalg/band_to_tridiagonal.hpp"

namespace hdlmm {

/// K = Q1 B Q1' = Q T Q' with a band B and a tridiagonal T, and data in the basis Q.
struct TwoStageReduction {
  BandReduction gram;       ///< Q1 and B
  Tridiagonal tridiagonal;  ///< rotated: [k x n], F' Q
};

/// All that a model of one random term needs of K = U D U', without U.
struct TwoStage {
  BandReduction gram;  ///< K = Q1 B Q1'
  Vector d;            ///< [n], eigenvalues, ascending
  Matrix rotated;      ///< [n x k], U' F
};

constexpr Index kWorthThreads = 512;  ///< below, threads that wait for each other cost more

/// Width of the band between the stages: the first one gains from a wide band, the second one
/// costs 6 n^2 times the width. Seconds of one processor for all stages at n = 2000: 0.41
/// (32), 0.43 (48), 0.44 (64); at n = 5000: 5.6 (48), 5.1 (64), 5.3 (96).
///
/// Small matrices have one stage alone, to a tridiagonal matrix at once: 2.5 ms for all of it
/// against 4.6 at n = 300, 9.9 against 15 at n = 511; at n = 800 two stages on two threads are as
/// fast.
inline Index two_stage_width(Index n) { return n < kWorthThreads ? 1 : n < 2500 ? 32 : 64; }

Context two_stage_context(Context host, Index n);

/// A symmetric matrix on its way to the spectrum: the tridiagonal matrix of the same eigenvalues.
///
/// k: [n x n], lower triangle read, storage reused; f: [n x k]. 4/3 n^3 flops in matrix products,
/// then O(n^2 (width + k)).
TwoStageReduction two_stage_reduction(Matrix&& k, const ConstMatrix& f, Index width,
                                      const Context& host);

TwoStageReduction two_stage_reduction(Matrix&& k, const ConstMatrix& f, const Context& host);

/// Eigenvalues of a symmetric matrix and U' F, by way of a band and a tridiagonal matrix. Arguments
/// and flops as above; throws std::runtime_error when the iteration does not converge.
TwoStage two_stage_spectrum(Matrix&& k, const ConstMatrix& f, Index width, const Context& host);

TwoStage two_stage_spectrum(Matrix&& k, const ConstMatrix& f, const Context& host);

/// (alpha K + nu I)^-1 f [n x k] with one step of refinement; nothing when that matrix is not
/// positive definite to working precision. 4 n^2 k flops.
std::optional<Matrix> solve(const BandReduction& reduction, double alpha, double nu,
                            const ConstMatrix& f, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_LINALG_TWO_STAGE_HPP
