#include "hdlmm/marginal/blocked_factor.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/parallel.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"

namespace hdlmm {

namespace {

/// Tasks that levels, or columns of the rest, are shared by: more than threads, as they are uneven.
constexpr Index kTasks = 16;

Index slice_begin(Index size, Index task, Index tasks) { return size * task / tasks; }

/// (I + d s)^-1 and log|I + d s| for positive semidefinite d and s, by Gauss and Jordan.
Matrix ratio_inverse(const Matrix& d, const Matrix& s, double& log_det) {
  const Index r = d.rows();
  Matrix a = product(d, s), out = Matrix::Identity(r, r);
  a.diagonal().array() += 1;
  for (Index j = 0; j < r; ++j) {
    Index pivot = j;
    for (Index i = j + 1; i < r; ++i) {
      if (std::abs(a(i, j)) > std::abs(a(pivot, j))) pivot = i;
    }
    if (!(std::abs(a(pivot, j)) > 0)) throw std::runtime_error("V is not positive definite");
    a.row(j).swap(a.row(pivot));
    out.row(j).swap(out.row(pivot));
    const double size = a(j, j);
    log_det += std::log(std::abs(size));
    a.row(j) /= size;
    out.row(j) /= size;
    for (Index i = 0; i < r; ++i) {
      if (i == j) continue;
      const double x = a(i, j);
      a.row(i) -= x * a.row(j);
      out.row(i) -= x * out.row(j);
    }
  }
  return out;
}

}  // namespace

BlockedFactor::BlockedFactor(const BlockedSystem& system, const Covariances& at,
                             const Context& context)
    : system_(system), at_(at), context_(context) {
  Matrix gram = system.gram();
  eliminate_levels(gram);
  rest_ = RestFactor(std::move(gram), system.firsts(), at, context);
  log_det_ += rest_.log_det();
  data_ = solve_adjoint(system_.data());
}

void BlockedFactor::eliminate_levels(Matrix& gram) {
  weight_ = Matrix::Zero(width(), width() * system_.levels());
  solver_ = weight_;
  if (system_.levels() == 0) return;
  Index k = 0;
  while (!system_.is_eliminated(k)) ++k;
  const Matrix& s = at_.relative(k);
  for (Index j = 0; j < system_.levels(); ++j) {
    const Matrix inverse = ratio_inverse(system_.own(j), s, log_det_);
    solver_.middleCols(j * width(), width()) = inverse;
    weight_.middleCols(j * width(), width()) = symmetric_part(product(s, inverse));
  }
  // every cell is summed by one task, level after level
  const Context chosen = context_for(10 * system_.pairs() * static_cast<double>(width()), context_);
  const Index tasks = chosen.n_threads > 1 ? kTasks : 1;
  parallel_for(chosen, tasks, [&](Index task) {
    const Index first = slice_begin(gram.cols(), task, tasks);
    const Index end = slice_begin(gram.cols(), task + 1, tasks);
    for (Index j = 0; j < system_.levels(); ++j) subtract_level(j, first, end, gram);
  });
  mirror_lower(gram);
}

/// The part that level j takes from columns first .. end - 1 of the lower triangle of the rest's
/// Gram matrix.
void BlockedFactor::subtract_level(Index j, Index first, Index end, Matrix& gram) const {
  const Index r = width(), n_met = system_.meets(j);
  const Index* met = system_.met(j);
  const double* cross = system_.cross(j).data();
  const Index begin = std::lower_bound(met, met + n_met, first) - met;
  Vector weighted(r);
  for (Index l = begin; l < n_met && met[l] < end; ++l) {
    double* column = gram.col(met[l]).data();
    // columns that a level meets ascend
    if (r == 1) {
      const double x = weight_(0, j) * cross[l];
      for (Index i = l; i < n_met; ++i) column[met[i]] -= x * cross[i];
      continue;
    }
    weighted.setZero();
    for (Index b = 0; b < r; ++b) weighted += cross[l * r + b] * weight(j).col(b);
    for (Index i = l; i < n_met; ++i) {
      double sum = 0;
      for (Index b = 0; b < r; ++b) sum += cross[i * r + b] * weighted[b];
      column[met[i]] -= sum;
    }
  }
}

BlockedFactor::Solved BlockedFactor::solve_adjoint(const CoefficientRows& x) const {
  Solved out;
  Matrix left = x.rest;
  for (Index j = 0; j < system_.levels(); ++j) {
    const Matrix own = product(weight(j), x.levels.middleRows(j * width(), width()));
    const auto cross = system_.cross(j);
    for (Index i = 0; i < system_.meets(j); ++i) {
      const Index row = system_.met(j)[i];
      for (Index b = 0; b < left.cols(); ++b) left(row, b) -= cross.col(i).dot(own.col(b));
    }
  }
  out.effects.rest = rest_.times_inverse(left, context_);
  const Matrix& effects = out.effects.rest;
  out.adjoint.rest = left - rest_.times_gram(effects);
  out.adjoint.levels.resize(x.levels.rows(), x.levels.cols());
  out.effects.levels.resize(x.levels.rows(), x.levels.cols());
  for (Index j = 0; j < system_.levels(); ++j) {
    Matrix own = x.levels.middleRows(j * width(), width());
    const auto cross = system_.cross(j);
    for (Index i = 0; i < system_.meets(j); ++i) {
      const Index row = system_.met(j)[i];
      for (Index b = 0; b < own.cols(); ++b) own.col(b) -= effects(row, b) * cross.col(i);
    }
    out.adjoint.levels.middleRows(j * width(), width()) = product(solver(j), own);
    out.effects.levels.middleRows(j * width(), width()) = product(weight(j), own);
  }
  return out;
}

ConstMatrix BlockedFactor::part(const CoefficientRows& x, Index k) const {
  if (system_.is_eliminated(k)) return x.levels;
  return x.rest.middleRows(system_.first_of(k), model().shape(k).cols());
}

Matrix BlockedFactor::data_gram() const {
  Matrix out = system_.data_gram();
  subtract_transpose_product(system_.data().levels, data_.effects.levels, out);
  subtract_transpose_product(system_.data().rest, data_.effects.rest, out);
  return symmetric_part(out);
}

/// sum_j of X_j'V^-1 X_j = (I + D_j S)^-1 (D_j - C_j G C_j' (I + S D_j)^-1), the eliminated term's.
Matrix BlockedFactor::level_trace() const {
  std::vector<Matrix> parts(kTasks);
  const Context chosen = context_for(10 * system_.pairs() * static_cast<double>(width()), context_);
  parallel_for(chosen, kTasks, [&](Index task) {
    Matrix sum = Matrix::Zero(width(), width());
    const Index end = slice_begin(system_.levels(), task + 1, kTasks);
    for (Index j = slice_begin(system_.levels(), task, kTasks); j < end; ++j) {
      add_level_trace(j, sum);
    }
    parts[static_cast<std::size_t>(task)] = std::move(sum);
  });
  Matrix out = Matrix::Zero(width(), width());
  for (const Matrix& part : parts) out += part;
  return symmetric_part(out);
}

void BlockedFactor::add_level_trace(Index j, Matrix& out) const {
  const Index r = width(), n_met = system_.meets(j);
  out += product(solver(j), system_.own(j));
  if (n_met == 0) return;
  const Matrix turned = product(solver(j), system_.cross(j));
  const double* cross = turned.data();
  const Index* met = system_.met(j);
  Vector sum(r);
  for (Index l = 0; l < n_met; ++l) {
    // G is symmetric: its lower triangle twice
    const double* column = rest_.inverse_below(met[l]);
    sum.setZero();
    if (r == 1) {
      double whole = 0.5 * column[met[l]] * cross[l];
      for (Index i = l + 1; i < n_met; ++i) whole += column[met[i]] * cross[i];
      out(0, 0) -= 2 * cross[l] * whole;
      continue;
    }
    for (Index i = l; i < n_met; ++i) {
      const double g = (i == l ? 0.5 : 1) * column[met[i]];
      for (Index b = 0; b < r; ++b) sum[b] += g * cross[i * r + b];
    }
    for (Index b = 0; b < r; ++b) {
      out.col(b) -= cross[l * r + b] * sum;
      out.row(b) -= cross[l * r + b] * sum.transpose();
    }
  }
}

std::vector<Matrix> BlockedFactor::traces() const {
  rest_.invert(context_);
  std::vector<Matrix> out;
  for (Index k = 0; k < model().size(); ++k) {
    out.push_back(system_.is_eliminated(k) ? level_trace() : rest_.trace(k, context_));
  }
  return out;
}

std::vector<Matrix> BlockedFactor::fixed_slopes() const {
  const Index c = model().q.cols();
  std::vector<Matrix> out;
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    const ConstMatrix h = part(data_.adjoint, k).leftCols(c);
    for (const TriangleCell& cell : triangle_cells(shape.width)) {
      Matrix turned = Matrix::Zero(shape.cols(), c);
      add_cell(shape, cell, h, turned);
      out.push_back(transpose_product(h, turned));
    }
  }
  return out;
}

ResponseMoments BlockedFactor::moments(const Vector& delta) const {
  const Index c = delta.size(), m = at_.parameters();
  const Vector turn = response_turn(delta);
  const CoefficientRows u{times(data_.adjoint.levels, turn), times(data_.adjoint.rest, turn)};
  CoefficientRows w{Matrix::Zero(u.levels.rows(), m), Matrix::Zero(u.rest.rows(), m)};
  ResponseMoments out;
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    const ConstMatrix own = part(u, k);
    Index i = at_.first(k);
    for (const TriangleCell& cell : triangle_cells(shape.width)) {
      const bool is_eliminated = system_.is_eliminated(k);
      MatrixView all = is_eliminated ? w.levels : w.rest;
      add_cell(shape, cell, own,
               all.block(is_eliminated ? 0 : system_.first_of(k), i++, shape.cols(), 1));
    }
  }
  const Solved solved = solve_adjoint(system_.times_gram(w));
  out.gram = transpose_product(w.levels, solved.adjoint.levels);
  out.gram += transpose_product(w.rest, solved.adjoint.rest);
  out.along_fixed = transpose_product(data_.adjoint.levels.leftCols(c), w.levels);
  out.along_fixed += transpose_product(data_.adjoint.rest.leftCols(c), w.rest);
  out.along_response = transpose_times(w.levels, u.levels.col(0));
  out.along_response += transpose_times(w.rest, u.rest.col(0));
  return out;
}

std::vector<Vector> BlockedFactor::effects(const Vector& delta) const {
  const Vector turn = response_turn(delta);
  std::vector<Vector> out;
  for (Index k = 0; k < model().size(); ++k) out.push_back(times(part(data_.effects, k), turn));
  return out;
}

Matrix BlockedFactor::add_products(const CoefficientRows& beta) const {
  Matrix out = Matrix::Zero(model().rows(), beta.rest.cols());
  for (Index k = 0; k < model().size(); ++k) {
    model().design(k).add_product(part(beta, k), out, context_);
  }
  return out;
}

Vector BlockedFactor::projected(const Vector& delta) const {
  Vector out = model().y - times(model().q, delta);
  const std::vector<Vector> beta = effects(delta);
  for (Index k = 0; k < model().size(); ++k) {
    Matrix along = Matrix::Zero(model().rows(), 1);
    model().design(k).add_product(beta[static_cast<std::size_t>(k)], along, context_);
    out -= along.col(0);
  }
  return out;
}

Matrix BlockedFactor::solve(const ConstMatrix& b) const {
  CoefficientRows x{Matrix::Zero(system_.data().levels.rows(), b.cols()),
                    Matrix::Zero(system_.rest(), b.cols())};
  for (Index k = 0; k < model().size(); ++k) {
    if (system_.is_eliminated(k)) {
      model().design(k).add_adjoint_product(b, x.levels, context_);
    } else {
      model().design(k).add_adjoint_product(
          b, x.rest.middleRows(system_.first_of(k), model().shape(k).cols()), context_);
    }
  }
  return b - add_products(solve_adjoint(x).effects);
}

Vector BlockedFactor::inverse_diagonal() const {
  rest_.invert(context_);
  const bool is_sparse = system_.levels() > 0 || system_.rest_cells().value.size() > 0;
  bool has_dense = false;
  for (Index k = 0; k < model().size(); ++k) has_dense |= !model().design(k).has_row_cells();
  if (!is_sparse || has_dense) return dense_inverse_diagonal();
  return 1 - cell_variances(system_.level_cells(), system_.rest_cells()).array();
}

/// x_i' Cov x_i with the few cells of every row, those of the eliminated term within one level.
Vector BlockedFactor::cell_variances(const RowCells& own, const RowCells& rest) const {
  const Index rows = static_cast<Index>(rest.start.size()) - 1;
  Vector out = Vector::Zero(rows), at = Vector::Zero(system_.rest());
  std::vector<Index> touched;
  std::vector<char> is_touched(static_cast<std::size_t>(system_.rest()), 0);
  const auto touch = [&](Index column) {
    if (!is_touched[static_cast<std::size_t>(column)]) touched.push_back(column);
    is_touched[static_cast<std::size_t>(column)] = 1;
  };
  for (Index i = 0; i < rows; ++i) {
    if (i % 4096 == 0) context_.poll();
    touched.clear();
    for (Index cell = rest.start[i]; cell < rest.start[i + 1]; ++cell) {
      at[rest.column[cell]] = rest.value[cell];
      touch(rest.column[cell]);
    }
    if (own.start[i + 1] > own.start[i]) {
      const Index j = own.column[own.start[i]] / width();
      Vector x = Vector::Zero(width());
      for (Index cell = own.start[i]; cell < own.start[i + 1]; ++cell) {
        x[own.column[cell] % width()] = own.value[cell];
      }
      const Vector weighted = times(weight(j), x);
      out[i] += x.dot(weighted);
      // a new row may have columns that its level has not met
      for (Index l = 0; l < system_.meets(j); ++l) {
        touch(system_.met(j)[l]);
        at[system_.met(j)[l]] -= system_.cross(j).col(l).dot(weighted);
      }
    }
    for (const Index a : touched) {
      double sum = 0;
      for (const Index b : touched) sum += rest_.inverse(b, a) * at[b];
      out[i] += at[a] * sum;
    }
    for (const Index a : touched) at[a] = is_touched[static_cast<std::size_t>(a)] = 0;
  }
  return out;
}

Vector BlockedFactor::row_variances(const std::vector<RowCells>& rows) const {
  rest_.invert(context_);
  std::vector<RowCells> rest;
  std::vector<Index> shift;
  RowCells own;
  own.start.assign(rows.front().start.size(), 0);
  for (Index k = 0; k < model().size(); ++k) {
    const RowCells& cells = rows[static_cast<std::size_t>(k)];
    if (system_.is_eliminated(k)) {
      own = cells;
    } else {
      rest.push_back(cells);
      shift.push_back(system_.first_of(k));
    }
  }
  return cell_variances(own, side_by_side(rest, shift, rows.front().start.size() - 1));
}

/// The same by blocks of columns, all of which are in the rest.
Vector BlockedFactor::dense_inverse_diagonal() const {
  Vector out = Vector::Ones(model().rows());
  for (Index k = 0; k < model().size(); ++k) {
    for (Index first = 0; first < model().shape(k).cols(); first += kColumnBlock) {
      context_.poll();
      const Index size = std::min(kColumnBlock, model().shape(k).cols() - first);
      Matrix x(model().rows(), size);
      model().design(k).covariance_columns(first, x);
      const CoefficientRows beta{Matrix(0, size),
                                 rest_.inverse_columns(system_.first_of(k) + first, size)};
      out -= x.cwiseProduct(add_products(beta)).rowwise().sum();
    }
  }
  return out;
}

Matrix BlockedFactor::level_covariances(Index k) const {
  const TermShape& shape = model().shape(k);
  rest_.invert(context_);
  Matrix out(shape.width, shape.cols());
  for (Index j = 0; j < shape.levels; ++j) {
    const Index at = j * shape.width;
    if (!system_.is_eliminated(k)) {
      const Index row = system_.first_of(k) + at;
      for (Index b = 0; b < shape.width; ++b) {
        for (Index a = 0; a < shape.width; ++a) out(a, at + b) = rest_.inverse(row + a, row + b);
      }
      continue;
    }
    const Matrix cross = product(weight(j), system_.cross(j));
    Matrix own = weight(j);
    for (Index l = 0; l < system_.meets(j); ++l) {
      Vector sum = Vector::Zero(width());
      for (Index i = 0; i < system_.meets(j); ++i) {
        sum += rest_.inverse(system_.met(j)[i], system_.met(j)[l]) * cross.col(i);
      }
      for (Index b = 0; b < width(); ++b) own.col(b) += cross(b, l) * sum;
    }
    out.middleCols(at, shape.width) = own;
  }
  return out;
}

Matrix BlockedFactor::fixed_response(Index k) const {
  return part(data_.effects, k).leftCols(model().q.cols());
}

}  // namespace hdlmm
