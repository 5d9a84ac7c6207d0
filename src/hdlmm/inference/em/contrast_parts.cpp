#include "hdlmm/inference/em/contrast_parts.hpp"

#include <limits>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/linalg/thin_factors.hpp"
#include "hdlmm/linalg/two_stage.hpp"

namespace hdlmm {

namespace {

/// K, Q and y in the coordinates [U | null_frame], [m = r + rho], where all of them is that the
/// fixed effects can reach.
struct Coordinates {
  Vector d;  ///< [m], diagonal of K
  Matrix q;  ///< [m x c], orthonormal to rounding
  Vector y;  ///< [m]
};

Coordinates coordinates_of(const SpectralParts& parts) {
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
Matrix project_both_sides(const Coordinates& at, const Matrix& kq, const Context& context) {
  const Index m = at.d.size();
  const Matrix half = kq - 0.5 * at.q * (at.q.transpose() * kq);
  Matrix out = Matrix::Zero(m, m);
  out.diagonal() = at.d;
  add_lower_product(-1, at.q, half, out, context);
  add_lower_product(-1, half, at.q, out, context);
  return out;
}

/// M y and, `with_crossing`, M K Q / kappa.
Matrix project_data(const Coordinates& at, const Matrix& kq, double kappa, bool with_crossing) {
  const Index c = at.q.cols();
  Matrix out(at.y.size(), with_crossing ? 1 + c : 1);
  out.col(0) = at.y;
  if (with_crossing) out.rightCols(c) = kq / kappa;
  for (int pass = 0; pass < 2; ++pass) out -= at.q * (at.q.transpose() * out);
  return out;
}

/// two_stage_spectrum(), or nothing when its iteration does not converge. What poll() throws goes
/// on to the caller.
std::optional<TwoStage> try_spectrum(Matrix&& k, const Matrix& f, const Context& context) {
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

}  // namespace

ContrastPrice price_contrasts(const SpectralParts& parts) {
  constexpr Index kLargest = 8192;  // half a gigabyte
  const Index m = parts.rank() + parts.null_in_fixed();
  const double r = static_cast<double>(parts.rank()), c = static_cast<double>(parts.n_fixed());
  const double rows = static_cast<double>(m);
  ContrastPrice out{r * c * (c + 45), rows * rows * (rows / 4 + 320 + 3 * c)};
  if (parts.n_fixed() == 0 || m > kLargest) out.setup = std::numeric_limits<double>::infinity();
  return out;
}

std::optional<ContrastParts> find_contrasts(const SpectralSystem& whole, bool with_crossing,
                                            const Context& context) {
  const SpectralParts& parts = whole.parts();
  const Index c = parts.n_fixed();
  const Coordinates at = coordinates_of(parts);
  const Index m = at.d.size(), k = m - c;
  const Matrix kq = at.d.asDiagonal() * at.q;
  const Matrix data = project_data(at, kq, whole.kappa(), with_crossing);
  const std::optional<TwoStage> found =
      try_spectrum(project_both_sides(at, kq, context), data, context);
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
