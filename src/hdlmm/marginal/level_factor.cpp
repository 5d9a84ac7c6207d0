#include "hdlmm/marginal/level_factor.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>

#include "hdlmm/base/parallel.hpp"
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

/// y = a x of a few cells, a [r x r] by columns.
void multiply(const double* a, const double* x, Index r, double* y) {
  for (Index i = 0; i < r; ++i) y[i] = 0;
  for (Index j = 0; j < r; ++j) {
    for (Index i = 0; i < r; ++i) y[i] += a[j * r + i] * x[j];
  }
}

double dot(const double* a, const double* b, Index r) {
  double sum = 0;
  for (Index i = 0; i < r; ++i) sum += a[i] * b[i];
  return sum;
}

Eigen::Map<const Vector> cells(const double* x, Index size) { return {x, size}; }

/// The first of ascending columns that is not below one of them, which is likely near.
const Index* advance(const Index* from, const Index* end, Index column) {
  if (*from == column) return from;
  Index step = 1;
  while (end - from > step && from[step] < column) {
    from += step;
    step *= 2;
  }
  return std::lower_bound(from, std::min(end, from + step + 1), column);
}

}  // namespace

LevelFactor::LevelFactor(const BlockedSystem& system, const Covariances& at, const Context& context)
    : system_(system), at_(at), squares_(system.squares()) {
  if (order().has_chains()) crosses_ = system.crosses();
  weight_.resize(squares_.size());
  solver_.resize(squares_.size());
  for (const EliminatedLevel& own : order().levels()) width_ = std::max(width_, own.width);
  eliminate(context);
}

MatrixMap LevelFactor::cross(const EliminatedLevel& own) const {
  return {crosses().data() + own.cross, own.width, own.meets};
}

/// Levels in order: each loses what those that meet it took, which are kept in lists by the next
/// level that they are to be taken from.
void LevelFactor::eliminate(const Context& context) {
  const auto& levels = order().levels();
  constexpr Index kNone = -1;
  std::vector<Index> list(levels.size(), kNone), next(levels.size(), kNone), at(levels.size(), 0);
  std::vector<Index> where(static_cast<std::size_t>(order().columns()));
  Cells weighted(static_cast<std::size_t>(width_));
  for (std::size_t j = 0; j < levels.size(); ++j) {
    const EliminatedLevel& own = levels[j];
    if (j % 4096 == 0) context.poll();
    if (own.is_met) {
      for (Index i = 0; i < own.meets; ++i) where[order().met(own)[i]] = i;
    }
    const auto enlist = [&](Index i) {
      if (at[i] == levels[i].meets) return;
      const Index column = order().met(levels[i])[at[i]];
      if (column >= order().eliminated()) return;
      next[i] = list[order().level_of(column)];
      list[order().level_of(column)] = i;
    };
    for (Index i = list[j]; i != kNone;) {
      const Index following = next[i];
      subtract_from_level(levels[i], at[i], own, where, weighted.data());
      at[i] += own.width;
      enlist(i);
      i = following;
    }
    settle(own);
    enlist(static_cast<Index>(j));
  }
}

/// K_j and (I + D_j S)^-1 once D_j is what it is.
void LevelFactor::settle(const EliminatedLevel& own) {
  const Matrix& s = at_.relative(own.term);
  if (own.width == 1) {
    const double size = 1 + squares_[own.square] * s(0, 0);
    if (!(std::abs(size) > 0)) throw std::runtime_error("V is not positive definite");
    log_det_ += std::log(std::abs(size));
    solver_[own.square] = 1 / size;
    weight_[own.square] = s(0, 0) / size;
    return;
  }
  const Matrix inverse = ratio_inverse(square(squares_, own), s, log_det_);
  const Matrix weight = symmetric_part(product(s, inverse));
  std::copy(inverse.data(), inverse.data() + inverse.size(), solver_.data() + own.square);
  std::copy(weight.data(), weight.data() + weight.size(), weight_.data() + own.square);
}

/// What a level takes from another one that it meets, whose columns begin with the at-th that it
/// meets. where: of columns behind the other one among those that this one meets.
void LevelFactor::subtract_from_level(const EliminatedLevel& own, Index at,
                                      const EliminatedLevel& other, const std::vector<Index>& where,
                                      double* weighted) {
  const Index r = own.width, w = other.width;
  const Index* met = order().met(own);
  const double* cross = crosses_.data() + own.cross;
  double* square = squares_.data() + other.square;
  double* behind = crosses_.data() + other.cross;
  if (r == 1 && w == 1) {
    const double x = weight_[own.square] * cross[at];
    *square -= x * cross[at];
    for (Index i = at + 1; i < own.meets; ++i) behind[where[met[i]]] -= x * cross[i];
    return;
  }
  for (Index b = 0; b < w; ++b) {
    multiply(weight_.data() + own.square, cross + (at + b) * r, r, weighted);
    for (Index i = 0; i < w; ++i) square[b * w + i] -= dot(cross + (at + i) * r, weighted, r);
    for (Index i = at + w; i < own.meets; ++i) {
      behind[where[met[i]] * w + b] -= dot(cross + i * r, weighted, r);
    }
  }
}

void LevelFactor::reduce_gram(Matrix& gram, const Context& context) const {
  if (gram.size() == 0 || order().levels().empty()) return;
  // every cell is summed by one task, level after level
  const Context chosen = context_for(10 * order().products(), context);
  const Index tasks = chosen.n_threads > 1 ? kTasks : 1;
  parallel_for(chosen, tasks, [&](Index task) {
    const Index shift = order().eliminated();
    const Index first = shift + slice_begin(gram.cols(), task, tasks);
    const Index end = shift + slice_begin(gram.cols(), task + 1, tasks);
    for (const EliminatedLevel& own : order().levels()) subtract_from_rest(own, first, end, gram);
  });
}

/// The part that a level takes from columns first .. end - 1 of the lower triangle of the rest's
/// Gram matrix.
void LevelFactor::subtract_from_rest(const EliminatedLevel& own, Index first, Index end,
                                     Matrix& gram) const {
  const Index r = own.width, shift = order().eliminated();
  const Index* met = order().met(own);
  const double* cross = crosses().data() + own.cross;
  std::vector<double> weighted(static_cast<std::size_t>(r > 1 ? r : 0));
  // columns that a level meets ascend
  for (Index l = std::lower_bound(met, met + own.meets, first) - met; l < own.meets && met[l] < end;
       ++l) {
    double* column = gram.col(met[l] - shift).data();
    if (r == 1) {
      const double x = weight_[own.square] * cross[l];
      for (Index i = l; i < own.meets; ++i) column[met[i] - shift] -= x * cross[i];
      continue;
    }
    multiply(weight_.data() + own.square, cross + l * r, r, weighted.data());
    for (Index i = l; i < own.meets; ++i) {
      column[met[i] - shift] -= dot(cross + i * r, weighted.data(), r);
    }
  }
}

void LevelFactor::reduce(MatrixView x) const {
  std::vector<double> weighted(static_cast<std::size_t>(width_));
  for (Index b = 0; b < x.cols(); ++b) {
    double* column = x.col(b).data();
    for (const EliminatedLevel& own : order().levels()) {
      const Index r = own.width;
      const Index* met = order().met(own);
      const double* cross = crosses().data() + own.cross;
      multiply(weight_.data() + own.square, column + own.first, r, weighted.data());
      for (Index i = 0; i < own.meets; ++i) {
        column[met[i]] -= dot(cross + i * r, weighted.data(), r);
      }
    }
  }
}

void LevelFactor::extend(const Matrix& reduced, MatrixView effects, MatrixView adjoint) const {
  std::vector<double> left(static_cast<std::size_t>(width_));
  for (Index b = 0; b < reduced.cols(); ++b) {
    double* column = effects.col(b).data();
    for (auto own = order().levels().rbegin(); own != order().levels().rend(); ++own) {
      const Index r = own->width;
      const Index* met = order().met(*own);
      const double* cross = crosses().data() + own->cross;
      std::copy_n(reduced.col(b).data() + own->first, r, left.data());
      for (Index i = 0; i < own->meets; ++i) {
        const double x = column[met[i]];
        for (Index a = 0; a < r; ++a) left[a] -= cross[i * r + a] * x;
      }
      multiply(solver_.data() + own->square, left.data(), r, adjoint.col(b).data() + own->first);
      multiply(weight_.data() + own->square, left.data(), r, column + own->first);
    }
  }
}

/// Of the at-th column that a level meets, that column of G: its rows of this column and of those
/// behind it that the level meets.
void LevelFactor::gather_column(const EliminatedLevel& own, Index at, const RestFactor& rest,
                                double* out) const {
  const Index* each = order().met(own) + at;
  const Index* end = order().met(own) + own.meets;
  const Index shift = order().eliminated(), column = *each;
  if (column >= shift) {
    const double* cells = rest.inverse_below(column - shift);
    for (; each != end; ++each) *out++ = cells[*each - shift];
    return;
  }
  const EliminatedLevel& other = order().levels()[order().level_of(column)];
  const Index b = column - other.first, w = other.width;
  const double* square = covariance_.data() + other.square + b * w;
  const double* behind = inverse_.data() + other.chain + b;
  for (; each != end && *each < other.first + w; ++each) *out++ = square[*each - other.first];
  const Index *met = order().met(other), *place = met;
  for (; each != end; ++each) {
    place = advance(place, met + other.meets, *each);
    *out++ = behind[(place++ - met) * w];
  }
}

Matrix LevelFactor::times_inverse(const EliminatedLevel& own, const RestFactor& rest) const {
  const Index r = own.width;
  const MatrixMap c = cross(own);
  Matrix out = Matrix::Zero(r, own.meets);
  std::vector<double> column(static_cast<std::size_t>(own.meets));
  for (Index l = 0; l < own.meets; ++l) {
    gather_column(own, l, rest, column.data());
    if (r == 1) {
      const Index behind = own.meets - l - 1;
      const auto cells_behind = cells(column.data() + 1, behind);
      double* sum = out.data() + l;
      *sum += column[0] * c(0, l) + cells_behind.dot(cells(c.data() + l + 1, behind));
      Eigen::Map<Vector>(sum + 1, behind) += c(0, l) * cells_behind;
      continue;
    }
    // G is symmetric: its lower triangle twice
    out.col(l) += column[0] * c.col(l);
    for (Index i = l + 1; i < own.meets; ++i) {
      out.col(l) += column[i - l] * c.col(i);
      out.col(i) += column[i - l] * c.col(l);
    }
  }
  return out;
}

/// C_j G C_j', by the lower triangle of G.
void LevelFactor::spread(const EliminatedLevel& own, const RestFactor& rest, Cells& scratch) const {
  const Index r = own.width;
  const double* cross = crosses().data() + own.cross;
  double* out = spread_.data() + own.square;
  scratch.resize(static_cast<std::size_t>(own.meets + r));
  double *column = scratch.data(), *sum = column + own.meets;
  for (Index l = 0; l < own.meets; ++l) {
    gather_column(own, l, rest, column);
    column[0] *= 0.5;
    if (r == 1) {
      out[0] += 2 * cross[l] * cells(column, own.meets - l).dot(cells(cross + l, own.meets - l));
      continue;
    }
    std::fill_n(sum, r, 0);
    for (Index i = l; i < own.meets; ++i) {
      for (Index a = 0; a < r; ++a) sum[a] += column[i - l] * cross[i * r + a];
    }
    for (Index b = 0; b < r; ++b) {
      for (Index a = 0; a < r; ++a) {
        out[b * r + a] += cross[l * r + b] * sum[a] + cross[l * r + a] * sum[b];
      }
    }
  }
}

/// G of a level that is met: K_j + K_j (C_j G C_j') K_j, and behind it -K_j C_j G.
void LevelFactor::invert_chained(const EliminatedLevel& own, const RestFactor& rest) const {
  const Matrix h = times_inverse(own, rest);
  const Matrix square = symmetric_part(product_transpose(h, cross(own)));
  std::copy_n(square.data(), square.size(), spread_.data() + own.square);
  const Matrix behind = -product(weight(own), h);
  std::copy_n(behind.data(), behind.size(), inverse_.data() + own.chain);
  set_covariance(own);
}

void LevelFactor::set_covariance(const EliminatedLevel& own) const {
  const double *k = weight_.data() + own.square, *middle = spread_.data() + own.square;
  if (own.width == 1) {
    covariance_[own.square] = *k + *k * *middle * *k;
    return;
  }
  const Matrix out = weight(own) + congruent(weight(own), square(spread_, own));
  std::copy_n(out.data(), out.size(), covariance_.data() + own.square);
}

void LevelFactor::invert(const RestFactor& rest, const Context& context) const {
  if (!covariance_.empty()) return;
  const auto& levels = order().levels();
  spread_.assign(squares_.size(), 0);
  covariance_.assign(squares_.size(), 0);
  inverse_.assign(static_cast<std::size_t>(order().chains()), 0);
  for (auto own = levels.rbegin(); own != levels.rend(); ++own) {
    if (own->is_met) invert_chained(*own, rest);
  }
  const Context chosen = context_for(10 * order().products(), context);
  const Index size = static_cast<Index>(levels.size());
  parallel_for(chosen, kTasks, [&](Index task) {
    Cells scratch;
    const Index end = slice_begin(size, task + 1, kTasks);
    for (Index j = slice_begin(size, task, kTasks); j < end; ++j) {
      if (levels[j].is_met) continue;
      spread(levels[j], rest, scratch);
      set_covariance(levels[j]);
    }
  });
}

/// sum_j of (I + D_j S)^-1 (D_j - C_j G C_j' (I + S D_j)^-1).
Matrix LevelFactor::trace(Index k) const {
  const Index r = at_.shape(k).width;
  Matrix out = Matrix::Zero(r, r);
  for (const EliminatedLevel& own : order().levels()) {
    if (own.term != k) continue;
    if (r == 1) {
      const double solver = solver_[own.square];
      out(0, 0) += solver * (squares_[own.square] - spread_[own.square] * solver);
      continue;
    }
    const MatrixMap solver = square(solver_, own);
    Matrix left = square(squares_, own);
    subtract_product_transpose(square(spread_, own), solver, left);
    out += product(solver, left);
  }
  return symmetric_part(out);
}

double LevelFactor::inverse(Index a, Index b, const RestFactor& rest) const {
  const Index shift = order().eliminated();
  if (a >= shift) return rest.inverse(a - shift, b - shift);
  const EliminatedLevel& own = order().levels()[order().level_of(a)];
  if (b < own.first + own.width) return covariance(own)(a - own.first, b - own.first);
  const Index* met = order().met(own);
  const Index at = std::lower_bound(met, met + own.meets, b) - met;
  return inverse_[own.chain + at * own.width + a - own.first];
}

MatrixMap LevelFactor::square(const Cells& cells, const EliminatedLevel& own) {
  return {cells.data() + own.square, own.width, own.width};
}

}  // namespace hdlmm
