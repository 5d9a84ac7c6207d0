#include "hdlmm/linalg/thin_factors.hpp"

#include <utility>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// Columns from which halving a solve into products is worth a transpose.
constexpr Index kWide = 64;

/// One pass of Cholesky's QR: a [m x c] becomes q, r [c x c] the upper factor of a'a. False, with a
/// as it was, when some column has less than `least` of its squared length outside of those before.
bool cholesky_pass(Matrix& a, Matrix& r, double least) {
  Matrix gram = lower_gram(a);
  const Vector length2 = gram.diagonal();
  if (!cholesky_in_place(gram, Context())) return false;
  if (!(gram.diagonal().cwiseAbs2().cwiseQuotient(length2).minCoeff() > least)) return false;
  r = transpose_of_lower(gram);
  solve_lower_transposed_on_right(gram, a, Context());
  return true;
}

}  // namespace

ThinFactors thin_factors(Matrix a) {
  constexpr double kSafe = 0.05;
  ThinFactors out;
  if (cholesky_pass(a, out.r, kSafe)) {
    out.q = std::move(a);
    return out;
  }
  ThinQr qr = thin_qr(a);
  out.q = std::move(qr.q);
  out.r = std::move(qr.r);
  return out;
}

Matrix inverse_of_upper(const Matrix& r) {
  Matrix out = Matrix::Identity(r.rows(), r.cols());
  if (r.cols() < kWide) {
    solve_upper(r, out);
  } else {
    solve_lower_transposed(r.transpose(), out, Context());
  }
  return out;
}

}  // namespace hdlmm
