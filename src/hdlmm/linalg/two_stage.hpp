#ifndef HDLMM_LINALG_TWO_STAGE_HPP
#define HDLMM_LINALG_TWO_STAGE_HPP

#include <optional>
#include <stdexcept>
#include <utility>

#include "hdlmm/linalg/band_cholesky.hpp"
#include "hdlmm/linalg/band_reduction.hpp"
#include "hdlmm/linalg/band_to_tridiagonal.hpp"
#include "hdlmm/linalg/tridiagonal_spectrum.hpp"

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

inline Context two_stage_context(Context host, Index n) {
  if (n < kWorthThreads) host.n_threads = 1;
  return host;
}

/// A symmetric matrix on its way to the spectrum: the tridiagonal matrix of the same eigenvalues.
///
/// k: [n x n], lower triangle read, storage reused; f: [n x k]. 4/3 n^3 flops in matrix products,
/// then O(n^2 (width + k)).
inline TwoStageReduction two_stage_reduction(Matrix&& k, const ConstMatrix& f, Index width,
                                             const Context& host) {
  if (k.rows() != k.cols() || k.rows() != f.rows()) {
    throw std::invalid_argument("shapes in two_stage_reduction");
  }
  const Context context = two_stage_context(host, f.rows());
  TwoStageReduction out;
  out.gram = reduce_to_band(std::move(k), width, context);
  Matrix banded = f;
  apply_transposed(out.gram, banded, context);
  out.tridiagonal = band_to_tridiagonal(out.gram.band, banded.transpose(), context);
  return out;
}

inline TwoStageReduction two_stage_reduction(Matrix&& k, const ConstMatrix& f,
                                             const Context& host) {
  return two_stage_reduction(std::move(k), f, two_stage_width(f.rows()), host);
}

/// Eigenvalues of a symmetric matrix and U' F, by way of a band and a tridiagonal matrix. Arguments
/// and flops as above; throws std::runtime_error when the iteration does not converge.
inline TwoStage two_stage_spectrum(Matrix&& k, const ConstMatrix& f, Index width,
                                   const Context& host) {
  TwoStageReduction reduced = two_stage_reduction(std::move(k), f, width, host);
  const Tridiagonal& t = reduced.tridiagonal;
  RotatedSpectrum spectrum =
      tridiagonal_spectrum(t.diagonal, t.subdiagonal, t.rotated, two_stage_context(host, f.rows()));
  return {std::move(reduced.gram), std::move(spectrum.values), std::move(spectrum.rotated)};
}

inline TwoStage two_stage_spectrum(Matrix&& k, const ConstMatrix& f, const Context& host) {
  return two_stage_spectrum(std::move(k), f, two_stage_width(f.rows()), host);
}

/// (alpha K + nu I)^-1 f [n x k] with one step of refinement; nothing when that matrix is not
/// positive definite to working precision. 4 n^2 k flops.
inline std::optional<Matrix> solve(const BandReduction& reduction, double alpha, double nu,
                                   const ConstMatrix& f, const Context& context) {
  const Matrix& band = reduction.band;
  BandCholesky factor;
  if (!factor.factor(band, alpha, nu)) return std::nullopt;
  Matrix banded = f;
  apply_transposed(reduction, banded, context);
  Matrix x = banded;
  factor.solve_in_place(x);
  Matrix residual = banded - multiply_band(band, alpha, nu, x);
  factor.solve_in_place(residual);
  x += residual;
  apply(reduction, x, context);
  return x;
}

}  // namespace hdlmm

#endif  // HDLMM_LINALG_TWO_STAGE_HPP
