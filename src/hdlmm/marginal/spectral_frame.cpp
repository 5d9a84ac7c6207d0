#include "hdlmm/marginal/spectral_frame.hpp"

#include <algorithm>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

SpectralFrame::SpectralFrame(const DesignOperator& x, Side side, const ConstVector& d,
                             const ConstMatrix& vectors, const Context& context)
    : x_(x), side_(side), d_(d), vectors_(vectors), context_(context) {
  const bool is_diagonal = side == Side::diagonal;
  check_input(is_diagonal ? d.size() == x.cols() : vectors.cols() == d.size(),
              "a spectrum: number of eigenvalues");
  check_input(is_diagonal || vectors.rows() == (side == Side::row ? x.rows() : x.cols()),
              "a spectrum: rows of the eigenvectors");
}

Matrix SpectralFrame::rotate(const ConstMatrix& f) const {
  check_input(f.rows() == x_.rows(), "vectors of rows: their length");
  if (side_ == Side::row) return polled_transpose_product(vectors_, f, context_);
  Matrix xtf = Matrix::Zero(x_.cols(), f.cols());
  x_.add_adjoint_product(f, xtf, context_);
  const Vector scale = d_.cwiseSqrt().cwiseInverse();
  if (side_ == Side::diagonal) return scale.asDiagonal() * xtf;
  return scale.asDiagonal() * polled_transpose_product(vectors_, xtf, context_);
}

Matrix SpectralFrame::unrotate(const ConstMatrix& g) const {
  check_input(g.rows() == rank(), "coordinates along eigenvectors: their number");
  if (side_ == Side::row) return polled_product(vectors_, g, context_);
  const Matrix scaled = d_.cwiseSqrt().cwiseInverse().asDiagonal() * g;
  Matrix out = Matrix::Zero(x_.rows(), g.cols());
  if (side_ == Side::diagonal) {
    x_.add_product(scaled, out, context_);
  } else {
    x_.add_product(polled_product(vectors_, scaled, context_), out, context_);
  }
  return out;
}

Vector SpectralFrame::pull(const ConstVector& g, const Context& context) const {
  check_input(g.size() == rank(), "coordinates along eigenvectors: their number");
  if (side_ == Side::row) {
    Matrix out = Matrix::Zero(x_.cols(), 1);
    x_.add_covariance_product(times(vectors_, g), out, context);
    return out;
  }
  const Vector scaled = d_.cwiseSqrt().cwiseProduct(g);
  return side_ == Side::diagonal ? scaled : times(vectors_, scaled);
}

Vector SpectralFrame::row_quadratic(const ConstVector& weight) const {
  if (side_ == Side::row) return vectors_.cwiseAbs2() * weight;
  const Index n = x_.rows();
  if (side_ == Side::diagonal) {  // one nonzero a row, so the square of the sum is the sum
    Matrix ones = Matrix::Zero(n, 1), sums = Matrix::Zero(n, 1);
    x_.add_product(Matrix::Ones(x_.cols(), 1), ones, context_);
    x_.add_product(weight.cwiseQuotient(d_), sums, context_);
    return ones.cwiseProduct(sums);
  }
  Vector total = Vector::Zero(n);
  for (Index first = 0; first < rank(); first += kColumnBlock) {
    const Index size = std::min(kColumnBlock, rank() - first);
    Matrix pick = Matrix::Zero(rank(), size);
    pick.middleRows(first, size).setIdentity();
    total += times(unrotate(pick).cwiseAbs2(), weight.segment(first, size));
  }
  return total;
}

Matrix SpectralFrame::rotated_covariance_columns(Index first, Index count) const {
  if (side_ == Side::row) {
    Matrix columns(x_.rows(), count);
    x_.covariance_columns(first, columns);
    return polled_transpose_product(vectors_, columns, context_);
  }
  const Vector root = d_.cwiseSqrt();
  if (side_ == Side::column) {
    return root.asDiagonal() * vectors_.middleRows(first, count).transpose();
  }
  Matrix out = Matrix::Zero(d_.size(), count);
  for (Index k = 0; k < count; ++k) out(first + k, k) = root[first + k];
  return out;
}

}  // namespace hdlmm
