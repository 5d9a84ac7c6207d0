#include "hdlmm/linalg/two_stage.hpp"

#include <stdexcept>
#include <utility>

#include "hdlmm/linalg/band_cholesky.hpp"
#include "hdlmm/linalg/tridiagonal_spectrum.hpp"

namespace hdlmm {

Context two_stage_context(Context host, Index n) {
  if (n < kWorthThreads) host.n_threads = 1;
  return host;
}

TwoStageReduction two_stage_reduction(Matrix&& k, const ConstMatrix& f, Index width,
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

TwoStageReduction two_stage_reduction(Matrix&& k, const ConstMatrix& f, const Context& host) {
  return two_stage_reduction(std::move(k), f, two_stage_width(f.rows()), host);
}

TwoStage two_stage_spectrum(Matrix&& k, const ConstMatrix& f, Index width, const Context& host) {
  TwoStageReduction reduced = two_stage_reduction(std::move(k), f, width, host);
  const Tridiagonal& t = reduced.tridiagonal;
  RotatedSpectrum spectrum =
      tridiagonal_spectrum(t.diagonal, t.subdiagonal, t.rotated, two_stage_context(host, f.rows()));
  return {std::move(reduced.gram), std::move(spectrum.values), std::move(spectrum.rotated)};
}

TwoStage two_stage_spectrum(Matrix&& k, const ConstMatrix& f, const Context& host) {
  return two_stage_spectrum(std::move(k), f, two_stage_width(f.rows()), host);
}

std::optional<Matrix> solve(const BandReduction& reduction, double alpha, double nu,
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
