#include "hdlmm/marginal/spectral_parts.hpp"

#include <algorithm>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/singular_values.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

namespace {

/// Angles below this are rounding: null(K) and span(Q) are then orthogonal.
constexpr double kAngleTolerance = 1e-7;

constexpr double kResidualTolerance = 1e-10;

}  // namespace

double SpectralParts::smallest() const {
  if (is_tridiagonal()) return range.smallest;
  return d.size() > 0 ? d.minCoeff() : 0;
}

double SpectralParts::largest() const {
  if (is_tridiagonal()) return range.largest;
  return d.size() > 0 ? d.maxCoeff() : 0;
}

SpectralParts SpectralParts::with_response(Vector other, double rest) const {
  check_input(other.size() == rank(), "a response: length");
  SpectralParts out = *this;
  out.y = std::move(other);
  out.null_residual = rest;
  out.null_shift.setZero();
  out.null_rest.resize(0);
  return out;
}

void check_shapes(const SpectralParts& parts) {
  const Index r = parts.rank(), c = parts.n_fixed(), rho = parts.null_in_fixed(), n = parts.n;
  check_input(r <= n && parts.z.rows() == r && parts.y.size() == r, "a system: rank");
  check_input(parts.d.allFinite(), "a system: eigenvalues are not finite");
  check_input(!parts.is_tridiagonal() || parts.beside.size() == r - 1, "a system: subdiagonal");
  check_input(parts.turn.rows() == c && parts.turn.cols() == c, "a system: fixed effects");
  check_input(rho <= std::min(c, n - r) && parts.null_shift.size() == rho, "a system: null space");
  const Index framed = parts.null_frame.rows();
  check_input(parts.null_frame.cols() == rho && (framed == 0 || framed == n),
              "a system: frame of the null space");
  check_optional_length(parts.null_rest.size(), n, "a system: rest in the null space");
  check_input(!parts.has_prior() || (parts.prior_rows.rows() == c && parts.prior_rows.cols() == c),
              "a system: prior of the fixed effects");
  const MeanShift& mean = parts.mean;
  if (!mean.is_present()) return;
  check_input(mean.coordinates.size() == r && mean.constant.size() == c, "a system: column means");
  check_input(mean.unscaled.size() == (parts.is_tridiagonal() ? r : 0), "a system: column means");
}

void reduce_null_space(const Matrix& null_part, double y_norm, SpectralParts& parts) {
  const Index n = null_part.rows(), c = parts.z.cols();
  const Vector y_null = null_part.col(c);
  Matrix frame(n, 0);
  parts.turn = Matrix::Identity(c, c);
  if (c > 0 && n > 0) {
    const ThinQr qr = thin_qr(null_part.leftCols(c));
    const SingularValues svd = singular_values(qr.r);
    Index rho = 0;
    const Index bound = std::min(std::min(n, c), parts.null_dimension());
    while (rho < bound && svd.values[rho] > kAngleTolerance) ++rho;
    parts.turn = svd.v;
    parts.null_scale = svd.values.head(rho);
    frame = product(qr.q, svd.u.leftCols(rho));
    parts.z = product(parts.z, parts.turn);
  }
  const Index rho = parts.null_scale.size();
  const Vector reached = transpose_times(frame, y_null);
  parts.null_shift = reached.cwiseQuotient(parts.null_scale);
  parts.y -= times(parts.z.leftCols(rho), parts.null_shift);
  Vector rest = y_null - times(frame, reached);
  rest -= times(frame, transpose_times(frame, rest));
  const double length = rest.norm();
  if (parts.null_dimension() > rho && length > kResidualTolerance * y_norm) {
    parts.null_residual = length;
    parts.null_rest = rest;
  }
  parts.null_frame = frame;
}

RotatedResponses reduce_responses(Matrix rotated, const ConstMatrix& null_part,
                                  const ConstMatrix& null_frame, const ConstVector& y_norms,
                                  const SpectralParts& parts) {
  const Index m = rotated.cols(), rho = parts.null_in_fixed();
  RotatedResponses out;
  out.y = std::move(rotated);
  out.shift = Matrix::Zero(rho, m);
  out.null_residual = Vector::Zero(m);
  if (parts.null_dimension() == 0) return out;
  const Matrix reached = transpose_product(null_frame, null_part);
  out.shift = parts.null_scale.cwiseInverse().asDiagonal() * reached;
  subtract_product(parts.z.leftCols(rho), out.shift, out.y);
  if (parts.null_dimension() == rho) return out;
  Matrix rest = null_part;
  subtract_product(null_frame, reached, rest);
  subtract_product(null_frame, transpose_product(null_frame, rest), rest);
  for (Index k = 0; k < m; ++k) {
    const double length = rest.col(k).norm();
    if (length > kResidualTolerance * y_norms[k]) out.null_residual[k] = length;
  }
  return out;
}

void set_mean_shift(Vector coordinates, double within2, const ConstVector& mean_columns,
                    const ConstVector& constant, const ConstMatrix& q, SpectralParts& parts) {
  MeanShift& mean = parts.mean;
  mean.coordinates = std::move(coordinates);
  mean.norm2 = mean_columns.squaredNorm();
  mean.rest2 = mean.norm2 - within2;
  const bool is_full = parts.rank() >= mean_columns.size();
  if (is_full || mean.rest2 < 1e-12 * mean.norm2) mean.rest2 = 0;
  mean.constant_norm2 = constant.squaredNorm();
  mean.constant = transpose_times(q, constant);
}

void check_data(const DesignOperator& x, const ConstMatrix& q, const ConstVector& y,
                const ConstVector& mean_columns, const ConstVector& constant) {
  check_input(q.rows() == x.rows() && y.size() == x.rows(), "data: rows of the design");
  check_optional_length(mean_columns.size(), x.cols(), "data: column means");
  check_input(mean_columns.size() == 0 || constant.size() == x.rows(),
              "data: the constant that columns were centred along");
}

SpectralParts rotate_data(const SpectralFrame& frame, const ConstVector& d, const ConstMatrix& q,
                          const ConstVector& y, const ConstVector& mean_columns,
                          const ConstVector& constant) {
  check_data(frame.design(), q, y, mean_columns, constant);
  SpectralParts parts;
  const Index n = y.size(), c = q.cols();
  parts.n = n;
  parts.d = d;
  parts.null_scale.resize(0);
  Matrix null_part(n, c + 1);
  null_part << q, y;
  Matrix rotated = frame.rotate(null_part);
  if (parts.null_dimension() > 0) {
    null_part -= frame.unrotate(rotated);
    for (int pass = 0; pass < 2; ++pass) {  // U is orthonormal only to rounding: project again
      const Matrix correction = frame.rotate(null_part);
      rotated += correction;
      null_part -= frame.unrotate(correction);
    }
  } else {
    null_part.setZero();
  }
  parts.z = rotated.leftCols(c);
  parts.y = rotated.col(c);
  reduce_null_space(null_part, y.norm(), parts);
  if (mean_columns.size() > 0) {
    Matrix f = Matrix::Zero(n, 1);
    frame.design().add_product(mean_columns, f);
    const Vector along = frame.rotate(f).cwiseQuotient(d.cwiseSqrt());
    set_mean_shift(along, along.squaredNorm(), mean_columns, constant, q, parts);
  }
  return parts;
}

RotatedResponses rotate_responses(const SpectralFrame& frame, const SpectralParts& parts,
                                  const ConstMatrix& y) {
  check_input(y.rows() == parts.n, "responses: rows");
  Matrix rotated = frame.rotate(y);
  Matrix null_part(0, y.cols());
  if (parts.null_dimension() > 0) {
    null_part = y - frame.unrotate(rotated);
    const Matrix correction = frame.rotate(null_part);  // as in rotate_data()
    rotated += correction;
    null_part -= frame.unrotate(correction);
  }
  return reduce_responses(std::move(rotated), null_part, parts.null_frame,
                          y.colwise().norm().transpose(), parts);
}

}  // namespace hdlmm
