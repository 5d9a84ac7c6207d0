#include "hdlmm/inference/terms/variance_coordinates.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/small_dense.hpp"

namespace hdlmm {

VarianceCoordinates::VarianceCoordinates(const Matrix& null_information,
                                         std::vector<TermShape> shapes)
    : shapes_(std::move(shapes)), units_(null_information, shapes_) {
  for (const TermShape& shape : shapes_) {
    first_.push_back(parameters_);
    parameters_ += shape.parameters();
  }
  const Matrix information =
      units_.information(null_information.topLeftCorner(parameters_, parameters_));
  Index i = 0;
  for (const TermShape& shape : shapes_) {
    Vector own(shape.width);
    for (const auto [row, col] : triangle_cells(shape.width)) {
      if (row == col) own[row] = std::sqrt(2 / information(i, i));
      ++i;
    }
    floor_.push_back(own);
  }
}

Matrix VarianceCoordinates::inner_factor(const ConstVector& x, Index k) const {
  Index first = first_[static_cast<std::size_t>(k)];
  Matrix out = Matrix::Zero(shape(k).width, shape(k).width);
  for (const auto [row, col] : triangle_cells(shape(k).width)) {
    out(row, col) = row == col ? std::exp(0.5 * x[first]) : x[first];
    ++first;
  }
  return out;
}

Matrix VarianceCoordinates::factor(const ConstVector& x, Index k) const {
  return product(units_.root(k), inner_factor(x, k));
}

std::vector<Matrix> VarianceCoordinates::relative(const ConstVector& x) const {
  std::vector<Matrix> out;
  for (Index k = 0; k < terms(); ++k) {
    const Matrix l = factor(x, k);
    out.push_back(product_transpose(l, l));
  }
  return out;
}

Vector VarianceCoordinates::coordinates(const std::vector<Matrix>& relative,
                                        double log_sigma2) const {
  Vector out(size());
  Index i = 0;
  for (Index k = 0; k < terms(); ++k) {
    const Matrix inner = units_.to_units(k, relative[static_cast<std::size_t>(k)]);
    const Matrix root = upper_root(inner);
    for (const auto [row, col] : triangle_cells(shape(k).width)) {
      out[i++] = row == col ? 2 * std::log(root(row, row)) : root(col, row);
    }
  }
  out[i] = log_sigma2;
  return out;
}

double VarianceCoordinates::reach(const ConstVector& x) const {
  if (!x.allFinite()) return std::numeric_limits<double>::infinity();
  double out = std::abs(x[parameters_]);
  Index i = 0;
  for (const TermShape& shape : shapes_) {
    for (const auto [row, col] : triangle_cells(shape.width)) {
      const double size = std::abs(x[i++]);
      out = std::max(out, row == col ? size : 2 * std::log(size));
    }
  }
  return out;
}

Vector VarianceCoordinates::shifted(const ConstVector& x, double log_scale) const {
  Vector out = x;
  Index i = 0;
  for (const TermShape& shape : shapes_) {
    for (const auto [row, col] : triangle_cells(shape.width)) {
      if (row == col) {
        out[i] += log_scale;
      } else {
        out[i] *= std::exp(0.5 * log_scale);
      }
      ++i;
    }
  }
  return out;
}

Vector VarianceCoordinates::absolute(const ConstVector& x) const {
  return shifted(x, x[parameters_]);
}

Vector VarianceCoordinates::from_absolute(const ConstVector& absolute) const {
  return shifted(absolute, -absolute[parameters_]);
}

/// |d vech(L L') / d L| = 2^r prod L_ii^(r - i + 1), i from 1.
double VarianceCoordinates::log_inner_volume(const ConstVector& x) const {
  double out = 0;
  Index i = 0;
  for (const TermShape& shape : shapes_) {
    for (const auto [row, col] : triangle_cells(shape.width)) {
      if (row == col) out += 0.5 * static_cast<double>(shape.width - row + 1) * x[i];
      ++i;
    }
  }
  return out;
}

double VarianceCoordinates::log_volume(const ConstVector& x) const {
  return log_inner_volume(x) + static_cast<double>(parameters_ + 1) * x[parameters_];
}

double VarianceCoordinates::log_absolute_volume(const ConstVector& absolute) const {
  return log_inner_volume(absolute) + absolute[parameters_];
}

Vector VarianceCoordinates::features(const ConstVector& x) const {
  Vector out(parameters_);
  Index i = 0;
  for (Index k = 0; k < terms(); ++k) {
    const Matrix l = inner_factor(x, k);
    Matrix s = product_transpose(l, l);
    s.diagonal() += floor_[static_cast<std::size_t>(k)];
    const Matrix root = upper_root(s);
    for (const auto [row, col] : triangle_cells(shape(k).width)) {
      out[i++] = row == col ? 2 * std::log(root(row, row)) : root(col, row) / root(col, col);
    }
  }
  return out;
}

}  // namespace hdlmm
