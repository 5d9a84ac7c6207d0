#ifndef HDLMM_INFERENCE_CONTRAST_PARTS_HPP
#define HDLMM_INFERENCE_CONTRAST_PARTS_HPP

#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

#include "hdlmm/linalg/two_stage.hpp"
#include "hdlmm/marginal/spectral_system.hpp"

namespace hdlmm {

/// The restricted model in error contrasts A'y, with A [n x (n - c)] such that A'Q = 0, A'A = I
/// and A'K A is diagonal: A'y ~ N(0, sigma_b^2 A'K A + sigma_e^2 I), a system without fixed
/// effects. Its likelihood is the restricted one of the whole system, its P y the same vector.
struct ContrastParts {
  SpectralSystem system;    ///< k = r + rho - c eigenvalues, those of A'K A that are not zero
  double fixed_trace = 0;   ///< tr(Q'K Q) / kappa
  Matrix crossing;          ///< [k x c], A'K Q / kappa along those k; empty when not asked for
  Vector crossing_squares;  ///< [k], squared lengths of its rows
};

/// What contrasts cost and save, by counts, so that a choice is the same on every machine and with
/// any number of threads. Unit: 0.11 ns on the machine of the fit, which is good to 30 % for r from
/// 300 to 3000, c from 1 to 100 and one or two threads.
struct ContrastPrice {
  double step = 0;   ///< what leverages of Q cost more than contrasts at each share
  double setup = 0;  ///< infinite where there is nothing to save, or too much memory to take
};

inline ContrastPrice price_contrasts(const SpectralParts& parts) {
  constexpr Index kLargest = 8192;  // half a gigabyte
  const Index m = parts.rank() + parts.null_in_fixed();
  const double r = static_cast<double>(parts.rank()), c = static_cast<double>(parts.n_fixed());
  const double rows = static_cast<double>(m);
  ContrastPrice out{r * c * (c + 45), rows * rows * (rows / 4 + 320 + 3 * c)};
  if (parts.n_fixed() == 0 || m > kLargest) out.setup = std::numeric_limits<double>::infinity();
  return out;
}

namespace contrast_detail {

/// K, Q and y in the coordinates [U | null_frame], [m = r + rho], where all of them is that the
/// fixed effects can reach.
struct Coordinates {
  Vector d;  ///< [m], diagonal of K
  Matrix q;  ///< [m x c], orthonormal to rounding
  Vector y;  ///< [m]
};

inline Coordinates coordinates_of(const SpectralParts& parts) {
  const Index r = parts.rank(), rho = parts.null_in_fixed(), c = parts.n_fixed();
  Coordinates out{Vector::Zero(r + rho), Matrix::Zero(r + rho, c), Vector::Zero(r + rho)};
  out.d.head(r) = parts.d;
  out.y.head(r) = parts.y;
  out.q.topRows(r) = parts.z;
  out.q.block(r, 0, rho, rho) = parts.null_scale.asDiagonal();
  out.q = thin_factors(std::move(out.q)).q;  // angles up to kAngleTolerance were taken for right
  return out;
}

/// M K M for M = I - Q Q', lower triangle: 2 m^2 c flops.
inline Matrix project_both_sides(const Coordinates& at, const Matrix& kq, const Context& context) {
  const Index m = at.d.size();
  const Matrix half = kq - 0.5 * at.q * (at.q.transpose() * kq);
  Matrix out = Matrix::Zero(m, m);
  out.diagonal() = at.d;
  add_lower_product(-1, at.q, half, out, context);
  add_lower_product(-1, half, at.q, out, context);
  return out;
}

/// M y and, `with_crossing`, M K Q / kappa.
inline Matrix project_data(const Coordinates& at, const Matrix& kq, double kappa,
                           bool with_crossing) {
  const Index c = at.q.cols();
  Matrix out(at.y.size(), with_crossing ? 1 + c : 1);
  out.col(0) = at.y;
  if (with_crossing) out.rightCols(c) = kq / kappa;
  for (int pass = 0; pass < 2; ++pass) out -= at.q * (at.q.transpose() * out);
  return out;
}

/// two_stage_spectrum(), or nothing when its iteration does not converge. What poll() throws goes
/// on to the caller.
inline std::optional<TwoStage> try_spectrum(Matrix&& k, const Matrix& f, const Context& context) {
  bool is_interrupted = false;
  Context guarded = context;
  guarded.poll = [&] {
    is_interrupted = true;
    context.poll();
    is_interrupted = false;
  };
  try {
    return two_stage_spectrum(std::move(k), f, guarded);
  } catch (const std::runtime_error&) {
    if (is_interrupted) throw;
    return std::nullopt;
  }
}

}  // namespace contrast_detail

/// Contrasts of a system without prior rows. Nothing where a contrast that K does not leave alone
/// has an eigenvalue that cannot be told from zero, or where the eigenvalues are not found.
///
/// c of the m eigenvalues of M K M, M = I - Q Q', belong to Q and are zero; no other one is, for
/// what of null(K) is left to contrasts is orthogonal to null_frame. 4/3 m^3 flops, one [m x m].
inline std::optional<ContrastParts> find_contrasts(const SpectralSystem& whole, bool with_crossing,
                                                   const Context& context) {
  const SpectralParts& parts = whole.parts();
  const Index c = parts.n_fixed();
  const contrast_detail::Coordinates at = contrast_detail::coordinates_of(parts);
  const Index m = at.d.size(), k = m - c;
  const Matrix kq = at.d.asDiagonal() * at.q;
  const Matrix data = contrast_detail::project_data(at, kq, whole.kappa(), with_crossing);
  const std::optional<TwoStage> found = contrast_detail::try_spectrum(
      contrast_detail::project_both_sides(at, kq, context), data, context);
  if (!found) return std::nullopt;
  const double zero = whole.max_eigenvalue() * zero_eigenvalue_share(m);
  if (k > 0 && !(found->d[c] > zero)) return std::nullopt;

  SpectralParts rest;
  rest.n = parts.n - c;
  rest.d = found->d.tail(k);
  rest.y = found->rotated.col(0).tail(k);
  rest.z.resize(k, 0);
  rest.turn.resize(0, 0);
  rest.null_residual = parts.null_residual;
  ContrastParts out{SpectralSystem(std::move(rest), whole.kappa()), 0, Matrix(), Vector()};
  if (with_crossing) {
    out.fixed_trace = at.q.cwiseProduct(kq).sum() / whole.kappa();
    out.crossing = found->rotated.bottomRightCorner(k, c);
    out.crossing_squares = out.crossing.rowwise().squaredNorm();
  }
  return out;
}

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_CONTRAST_PARTS_HPP
