#include "hdlmm/model/covariances.hpp"

#include <cmath>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/checks.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

Matrix semidefinite_root(Matrix s) {
  const Index r = s.rows();
  const Vector size = s.diagonal();
  Matrix out = Matrix::Zero(r, r);
  for (Index j = 0; j < r; ++j) {
    if (!(s(j, j) > 1e-14 * size[j])) continue;
    out.col(j).tail(r - j) = s.col(j).tail(r - j) / std::sqrt(s(j, j));
    for (Index l = j + 1; l < r; ++l) s.col(l).tail(r - l) -= out(l, j) * out.col(j).tail(r - l);
  }
  return out;
}

std::vector<TriangleCell> triangle_cells(Index width) {
  std::vector<TriangleCell> out;
  for (Index col = 0; col < width; ++col) {
    for (Index row = col; row < width; ++row) out.push_back({row, col});
  }
  return out;
}

Vector half_vector(const ConstMatrix& a) {
  const auto cells = triangle_cells(a.rows());
  Vector out(static_cast<Index>(cells.size()));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    out[static_cast<Index>(i)] = a(cells[i].row, cells[i].col);
  }
  return out;
}

Vector half_vectors(const std::vector<Matrix>& all) {
  Index size = 0, first = 0;
  for (const Matrix& one : all) size += one.rows() * (one.rows() + 1) / 2;
  Vector out(size);
  for (const Matrix& one : all) {
    const Vector half = half_vector(one);
    out.segment(first, half.size()) = half;
    first += half.size();
  }
  return out;
}

Matrix symmetric_of(const ConstVector& half, Index width) {
  Matrix out(width, width);
  Index i = 0;
  for (const auto [row, col] : triangle_cells(width)) out(row, col) = out(col, row) = half[i++];
  return out;
}

Matrix cell_matrix(Index width, const TriangleCell& cell) {
  Matrix out = Matrix::Zero(width, width);
  out(cell.row, cell.col) = out(cell.col, cell.row) = 1;
  return out;
}

Vector cell_traces(const ConstMatrix& a) {
  Vector out = 2 * half_vector(a);
  Index i = 0;
  for (const auto [row, col] : triangle_cells(a.rows())) {
    if (row == col) out[i] = a(row, col);
    ++i;
  }
  return out;
}

Matrix of_cell_traces(const ConstVector& traces, Index width) {
  Matrix out = symmetric_of(traces, width) / 2;
  out.diagonal() *= 2;
  return out;
}

Matrix congruence_map(const ConstMatrix& left) {
  const auto cells = triangle_cells(left.rows());
  Matrix out(static_cast<Index>(cells.size()), static_cast<Index>(cells.size()));
  Index col = 0;
  for (const TriangleCell& cell : cells) {
    out.col(col++) = half_vector(congruent(left, cell_matrix(left.rows(), cell)));
  }
  return out;
}

void add_cell(const TermShape& shape, const TriangleCell& cell, const ConstMatrix& h,
              MatrixView out) {
  for (Index first = 0; first < shape.cols(); first += shape.width) {
    out.row(first + cell.row) += h.row(first + cell.col);
    if (cell.row != cell.col) out.row(first + cell.col) += h.row(first + cell.row);
  }
}

Covariances::Covariances(std::vector<TermShape> shapes, Vector theta)
    : shapes_(std::move(shapes)), theta_(std::move(theta)) {
  Index at = 0;
  for (const TermShape& shape : shapes_) {
    first_.push_back(at);
    at += shape.parameters();
  }
  check_input(at == theta_.size(), "covariances of random terms: number of parameters");
  for (Index k = 0; k < size(); ++k) {
    Matrix factor = Matrix::Zero(shape(k).width, shape(k).width);
    Index i = first(k);
    for (const auto [row, col] : triangle_cells(shape(k).width)) factor(row, col) = theta_[i++];
    relative_.push_back(product_transpose(factor, factor));
    factors_.push_back(std::move(factor));
  }
}

Covariances Covariances::of(std::vector<TermShape> shapes, const std::vector<Matrix>& relative) {
  check_input(shapes.size() == relative.size(), "covariances of random terms: number of terms");
  Index total = 0;
  for (const TermShape& shape : shapes) total += shape.parameters();
  Vector theta(total);
  Index at = 0;
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    check_input(relative[k].rows() == shapes[k].width && relative[k].cols() == shapes[k].width,
                "covariances of random terms: shape");
    theta.segment(at, shapes[k].parameters()) = half_vector(semidefinite_root(relative[k]));
    at += shapes[k].parameters();
  }
  return Covariances(std::move(shapes), std::move(theta));
}

Matrix Covariances::jacobian() const {
  Matrix out = Matrix::Zero(parameters(), parameters());
  for (Index k = 0; k < size(); ++k) {
    const Matrix& l = factor(k);
    const auto cells = triangle_cells(shape(k).width);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      for (std::size_t t = 0; t < cells.size(); ++t) {
        const auto [a, b] = cells[i];
        const auto [c, d] = cells[t];
        double& cell = out(first(k) + static_cast<Index>(i), first(k) + static_cast<Index>(t));
        if (a == c) cell += l(b, d);
        if (b == c) cell += l(a, d);
      }
    }
  }
  return out;
}

Vector Covariances::gradient(const std::vector<Matrix>& g) const {
  Vector out(parameters());
  for (Index k = 0; k < size(); ++k) {
    const Matrix gl = product(g[static_cast<std::size_t>(k)], factor(k));
    out.segment(first(k), shape(k).parameters()) = 2 * half_vector(gl);
  }
  return out;
}

Matrix Covariances::curvature(const std::vector<Matrix>& g) const {
  Matrix out = Matrix::Zero(parameters(), parameters());
  for (Index k = 0; k < size(); ++k) {
    const auto cells = triangle_cells(shape(k).width);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      for (std::size_t t = 0; t < cells.size(); ++t) {
        if (cells[i].col != cells[t].col) continue;
        out(first(k) + static_cast<Index>(i), first(k) + static_cast<Index>(t)) =
            2 * g[static_cast<std::size_t>(k)](cells[i].row, cells[t].row);
      }
    }
  }
  return out;
}

}  // namespace hdlmm
