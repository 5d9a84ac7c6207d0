#include "hdlmm/linalg/band_cholesky.hpp"

#include <cmath>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

Matrix multiply_band(const ConstMatrix& band, double alpha, double nu, const ConstMatrix& f) {
  const Index n = band.cols();
  Matrix out = nu * f;
  for (Index c = 0; c < f.cols(); ++c) {
    for (Index j = 0; j < n; ++j) {
      const Index below = std::min(band.rows() - 1, n - 1 - j);
      const auto column = band.col(j).segment(1, below);
      const double sum = band(0, j) * f(j, c) + column.dot(f.col(c).segment(j + 1, below));
      out(j, c) += alpha * sum;
      out.col(c).segment(j + 1, below) += (alpha * f(j, c)) * column;
    }
  }
  return out;
}

bool BandCholesky::factor(const ConstMatrix& band, double alpha, double nu) {
  n_ = band.cols();
  block_ = std::max<Index>(1, band.rows() - 1);
  diagonal_ = Matrix::Zero(block_, n_);
  below_ = Matrix::Zero(block_, n_);
  for (Index j = 0; j < n_; ++j) {
    const Index row = j % block_, inside = std::min(size_at(j - row) - row, band.rows());
    diagonal_.col(j).segment(row, inside) = alpha * band.col(j).head(inside);
    diagonal_(row, j) += nu;
    const Index outside = std::min(band.rows(), n_ - j) - inside;
    below_.col(j).head(outside) = alpha * band.col(j).segment(inside, outside);
  }
  if (block_ == 1) return factor_tridiagonal();
  for (Index j = 0; j < n_; j += block_) {
    if (!factor_block(j)) return false;
  }
  return true;
}

void BandCholesky::solve_in_place(Eigen::Ref<Matrix> f) const {
  if (f.size() == 0) return;
  if (block_ == 1) return solve_tridiagonal(f);
  for (Index j = 0; j < n_; j += block_) {
    const MatrixView part = f.middleRows(j, size_at(j));
    solve_lower(diagonal(j), part, Context());
    if (size_below(j) > 0) subtract_product(below(j), part, rows_below(f, j));
  }
  for (Index j = (n_ - 1) / block_ * block_; j >= 0; j -= block_) {
    const MatrixView part = f.middleRows(j, size_at(j));
    if (size_below(j) > 0) subtract_transpose_product(below(j), rows_below(f, j), part);
    solve_lower_transposed(diagonal(j), part, Context());
  }
}

Eigen::Block<MatrixView> BandCholesky::rows_below(MatrixView& f, Index j) const {
  return f.middleRows(j + block_, size_below(j));
}

double BandCholesky::log_determinant() const {
  double sum = 0;
  for (Index j = 0; j < n_; ++j) sum += std::log(diagonal_(j % block_, j));
  return 2 * sum;
}

Eigen::Block<const Matrix> BandCholesky::diagonal(Index j) const {
  return diagonal_.block(0, j, size_at(j), size_at(j));
}

Eigen::Block<const Matrix> BandCholesky::below(Index j) const {
  return below_.block(0, j, size_below(j), block_);
}

bool BandCholesky::factor_block(Index j) {
  const MatrixView diagonal = diagonal_.block(0, j, size_at(j), size_at(j));
  if (!cholesky_in_place(diagonal, Context())) return false;
  const Index rest = size_below(j);
  if (rest == 0) return true;
  const MatrixView below = below_.block(0, j, rest, block_);
  solve_lower_transposed_on_right(diagonal, below, Context());
  subtract_product_transpose(below, below, diagonal_.block(0, j + block_, rest, rest));
  return true;
}

bool BandCholesky::factor_tridiagonal() {
  for (Index j = 0; j < n_; ++j) {
    const double before = j > 0 ? below_(0, j - 1) : 0;
    const double pivot = diagonal_(0, j) - before * before;
    if (!(pivot > 0)) return false;
    diagonal_(0, j) = std::sqrt(pivot);
    below_(0, j) /= diagonal_(0, j);
  }
  return true;
}

void BandCholesky::solve_tridiagonal(Eigen::Ref<Matrix> f) const {
  for (Index c = 0; c < f.cols(); ++c) {
    double last = 0;
    for (Index j = 0; j < n_; ++j) {
      if (j > 0) last *= below_(0, j - 1);
      f(j, c) = last = (f(j, c) - last) / diagonal_(0, j);
    }
    last = 0;
    for (Index j = n_ - 1; j >= 0; --j) {
      f(j, c) = last = (f(j, c) - below_(0, j) * last) / diagonal_(0, j);
    }
  }
}

}  // namespace hdlmm
