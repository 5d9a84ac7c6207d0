#include "hdlmm/marginal/blocked_system.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <utility>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/marginal/blocked_factor.hpp"

namespace hdlmm {

namespace {

/// Sum of a_ij b_ij over two symmetric matrices of which the lower triangles are given.
double symmetric_product(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (Index j = 0; j < a.cols(); ++j) {
    const Index below = a.rows() - j - 1;
    sum += a(j, j) * b(j, j) + 2 * a.col(j).tail(below).dot(b.col(j).tail(below));
  }
  return sum;
}

template <typename Block>
bool has_cells(const Block& a) {
  for (Index j = 0; j < a.cols(); ++j) {
    for (Index i = 0; i < a.rows(); ++i) {
      if (a(i, j) != 0) return true;
    }
  }
  return false;
}

}  // namespace

BlockedSystem::BlockedSystem(TermsModel given, EliminationOrder order, const Context& context)
    : TermsSystem(std::move(given)), order_(std::move(order)) {
  cells_ = in_order(sparse_cells(model()));
  cross_levels(context);
  cross_rest(context);
  Matrix both(model().rows(), model().q.cols() + 1);
  both << model().q, model().y;
  data_gram_ = transpose_product(both, both);
  data_ = adjoint(both, context);
}

RowCells BlockedSystem::in_order(const std::vector<RowCells>& cells) const {
  RowCells out;
  std::size_t size = 0;
  for (const RowCells& own : cells) size += own.value.size();
  const Index rows = static_cast<Index>(cells.front().start.size()) - 1;
  out.start.reserve(static_cast<std::size_t>(rows) + 1);
  out.column.reserve(size);
  out.value.reserve(size);
  out.start.push_back(0);
  std::vector<std::pair<Index, double>> row;
  for (Index i = 0; i < rows; ++i) {
    row.clear();
    for (Index k = 0; k < model().size(); ++k) {
      const RowCells& own = cells[static_cast<std::size_t>(k)];
      const Index r = model().shape(k).width;
      for (Index at = own.start[i]; at < own.start[i + 1]; ++at) {
        row.emplace_back(order_.place(k, own.column[at] / r) + own.column[at] % r, own.value[at]);
      }
    }
    std::sort(row.begin(), row.end());
    for (const auto& [column, value] : row) {
      out.column.push_back(column);
      out.value.push_back(value);
    }
    out.start.push_back(static_cast<Index>(out.column.size()));
  }
  return out;
}

void BlockedSystem::cross_levels(const Context& context) {
  squares_.assign(static_cast<std::size_t>(order_.squares()), 0);
  crosses_.assign(static_cast<std::size_t>(order_.crosses()), 0);
  const LevelRows rows = rows_by_level(order_, cells_, false);
  std::vector<Index> where(static_cast<std::size_t>(order_.columns()));
  for (const EliminatedLevel& own : order_.levels()) {
    const Index j = order_.level_of(own.first);
    if (j % 256 == 0) context.poll();
    const Index* met = order_.met(own);
    for (Index at = 0; at < own.meets; ++at) where[met[at]] = at;
    for (Index at = rows.start[j]; at < rows.start[j + 1]; ++at) add_row(own, rows.row[at], where);
  }
}

/// What a row adds to X_j'X_j and to X_j'X behind level j.
void BlockedSystem::add_row(const EliminatedLevel& own, Index row,
                            const std::vector<Index>& where) {
  const Index r = own.width, end = cells_.start[row + 1];
  Index first = cells_.start[row];
  while (cells_.column[first] < own.first) ++first;
  for (Index at = first; at < end && cells_.column[at] < own.first + r; ++at) {
    const Index a = cells_.column[at] - own.first;
    const double x = cells_.value[at];
    for (Index to = first; to < end; ++to) {
      const Index b = cells_.column[to] - own.first;
      if (b < r) {
        squares_[own.square + a * r + b] += cells_.value[to] * x;
      } else {
        crosses_[own.cross + where[cells_.column[to]] * r + a] += x * cells_.value[to];
      }
    }
  }
}

void BlockedSystem::cross_rest(const Context& context) {
  gram_.resize(rest(), rest());
  for (Index j = 0; j < rest(); ++j) {
    if (j % 256 == 0) context.poll();
    gram_.col(j).setZero();
  }
  const Index shift = order_.eliminated();
  for (Index i = 0; i < model().rows(); ++i) {
    if (i % 4096 == 0) context.poll();
    const Index end = cells_.start[i + 1];
    Index first = cells_.start[i];
    while (first < end && cells_.column[first] < shift) ++first;
    for (Index at = first; at < end; ++at) {
      double* column = gram_.col(cells_.column[at] - shift).data();
      const double x = cells_.value[at];
      for (Index to = first; to < end; ++to) {
        column[cells_.column[to] - shift] += x * cells_.value[to];
      }
    }
  }
  for (Index k = 0; k < model().size(); ++k) {
    if (!model().design(k).has_row_cells()) cross_dense(k, context);
  }
}

/// Products of a dense design with itself and with the others, by blocks of its columns.
void BlockedSystem::cross_dense(Index k, const Context& context) {
  const Index cols = model().shape(k).cols(), at = rest_term(k).first;
  Matrix own = model().design(k).column_gram(context);
  mirror_lower(own);
  gram_.block(at, at, cols, cols) = own;
  for (Index first = 0; first < cols; first += kColumnBlock) {
    context.poll();
    const Index size = std::min(kColumnBlock, cols - first);
    Matrix block(model().rows(), size);
    model().design(k).covariance_columns(first, block);
    for (Index l = 0; l < model().size(); ++l) {
      const bool is_done = l == k || (!model().design(l).has_row_cells() && l > k);
      if (is_done) continue;
      Matrix product = Matrix::Zero(model().shape(l).cols(), size);
      model().design(l).add_adjoint_product(block, product, context);
      gram_.block(rest_term(l).first, at + first, product.rows(), size) = product;
      gram_.block(at + first, rest_term(l).first, size, product.rows()) = product.transpose();
    }
  }
}

const RestTerm& BlockedSystem::rest_term(Index k) const {
  return order_.rest_terms()[static_cast<std::size_t>(k)];
}

Matrix BlockedSystem::part(const ConstMatrix& x, Index k) const {
  const TermShape& shape = model().shape(k);
  Matrix out(shape.cols(), x.cols());
  for (Index j = 0; j < shape.levels; ++j) {
    out.middleRows(j * shape.width, shape.width) = x.middleRows(order_.place(k, j), shape.width);
  }
  return out;
}

void BlockedSystem::set_part(const ConstMatrix& own, Index k, MatrixView x) const {
  const TermShape& shape = model().shape(k);
  for (Index j = 0; j < shape.levels; ++j) {
    x.middleRows(order_.place(k, j), shape.width) = own.middleRows(j * shape.width, shape.width);
  }
}

Matrix BlockedSystem::adjoint(const ConstMatrix& b, const Context& context) const {
  Matrix out = Matrix::Zero(order_.columns(), b.cols());
  for (Index k = 0; k < model().size(); ++k) {
    Matrix own = Matrix::Zero(model().shape(k).cols(), b.cols());
    model().design(k).add_adjoint_product(b, own, context);
    set_part(own, k, out);
  }
  return out;
}

MatrixMap BlockedSystem::cross(const EliminatedLevel& own) const {
  return {crosses_.data() + own.cross, own.width, own.meets};
}

Matrix BlockedSystem::times_gram(const Matrix& w, const Context& context) const {
  Matrix out = Matrix::Zero(w.rows(), w.cols());
  out.bottomRows(rest()) = lower_symmetric_product(gram_, w.bottomRows(rest()), context);
  for (Index b = 0; b < w.cols(); ++b) {
    const double* x = w.col(b).data();
    double* y = out.col(b).data();
    for (const EliminatedLevel& own : order_.levels()) {
      const Index r = own.width;
      const double* square = squares_.data() + own.square;
      const double* cross = crosses_.data() + own.cross;
      const Index* met = order_.met(own);
      for (Index c = 0; c < r; ++c) {
        for (Index a = 0; a < r; ++a) y[own.first + a] += square[c * r + a] * x[own.first + c];
      }
      for (Index at = 0; at < own.meets; ++at) {
        for (Index a = 0; a < r; ++a) {
          y[own.first + a] += cross[at * r + a] * x[met[at]];
          y[met[at]] += cross[at * r + a] * x[own.first + a];
        }
      }
    }
  }
  return out;
}

template <typename Visit>
void BlockedSystem::for_blocks(Index k, Index o, const Context& context, Visit&& visit) const {
  for_rest(k, o, context, visit);
  for_crosses(k, o, visit);
  for_crosses(o, k, [&](Index l, Index j, const auto& a) { visit(j, l, a.transpose()); });
  if (k != o) return;
  for (const EliminatedLevel& own : order_.levels()) {
    if (own.term == k) visit(own.level, own.level, own_gram(k, own.level));
  }
}

/// The same of levels in the rest.
template <typename Visit>
void BlockedSystem::for_rest(Index k, Index o, const Context& context, Visit&& visit) const {
  const RestTerm &own = rest_term(k), &other = rest_term(o);
  const Index r = own.shape.width, w = other.shape.width;
  const auto level = [&](Index column) {
    const ColumnOrigin& origin = order_.origin(order_.eliminated() + column);
    return origin.coefficient / model().shape(origin.term).width;
  };
  for (Index col = other.first; col < other.first + other.shape.cols(); col += w) {
    context.poll();
    for (Index row = own.first; row < own.first + own.shape.cols(); row += r) {
      const auto a = gram_.block(row, col, r, w);
      if (has_cells(a)) visit(level(row), level(col), a);
    }
  }
}

/// The same of levels of term k that are eliminated before those of term o.
template <typename Visit>
void BlockedSystem::for_crosses(Index k, Index o, Visit&& visit) const {
  const Index width = model().shape(o).width;
  for (const EliminatedLevel& own : order_.levels()) {
    if (own.term != k) continue;
    const Index* met = order_.met(own);
    for (Index at = 0; at < own.meets; ++at) {
      const ColumnOrigin& origin = order_.origin(met[at]);
      if (origin.term != o || origin.coefficient % width != 0) continue;
      // the columns of a level that is met follow each other
      const auto a = cross(own).middleCols(at, width);
      if (has_cells(a)) visit(own.level, origin.coefficient / width, a);
    }
  }
}

/// X_j'X_j of a level of a term.
Matrix BlockedSystem::own_gram(Index k, Index level) const {
  const Index column = order_.place(k, level), r = model().shape(k).width;
  const Index at = column - order_.eliminated();
  if (at < 0) {
    return MatrixMap(squares_.data() + order_.levels()[order_.level_of(column)].square, r, r);
  }
  return gram_.block(at, at, r, r);
}

/// With R = X_k'X_o - H_k H_o', H = X'Q: products of cells of X_k'X_o where it has any, and
/// sum (h_q'h_s)(h_p't_t) = tr(H_p'H_q H_s'H_t) for all levels at once.
Matrix BlockedSystem::null_block(Index k, Index o, const Context& context) const {
  const Index r = model().shape(k).width, w = model().shape(o).width;
  const Index c = model().q.cols();
  const Matrix h = part(data_, k).leftCols(c), g = part(data_, o).leftCols(c);
  Matrix out = Matrix::Zero(model().shape(k).parameters(), model().shape(o).parameters());
  if (r == 1 && w == 1) {
    const Matrix left = h.transpose(), right = g.transpose();
    double sum = 0;
    for_blocks(k, o, context, [&](Index j, Index l, const auto& a) {
      sum += a(0, 0) * (a(0, 0) - 2 * left.col(j).dot(right.col(l)));
    });
    out(0, 0) = sum + symmetric_product(lower_gram(h), lower_gram(g));
    return out;
  }
  for_blocks(k, o, context, [&](Index j, Index l, const auto& block) {
    const Matrix a = block;
    const Matrix fixed = product_transpose(h.middleRows(j * r, r), g.middleRows(l * w, w));
    out += pair_traces(r, w, [&](Index q, Index p, Index s, Index t) {
      return a(q, s) * (a(p, t) - fixed(p, t)) - fixed(q, s) * a(p, t);
    });
  });
  const auto coefficient = [](const Matrix& rows, Index a, Index width) {
    Matrix own(rows.rows() / width, rows.cols());
    for (Index j = 0; j < own.rows(); ++j) own.row(j) = rows.row(j * width + a);
    return own;
  };
  out += pair_traces(r, w, [&](Index q, Index p, Index s, Index t) {
    const Matrix left = transpose_product(coefficient(h, p, r), coefficient(h, q, r));
    const Matrix right = transpose_product(coefficient(g, s, w), coefficient(g, t, w));
    return left.cwiseProduct(right.transpose()).sum();
  });
  return out;
}

Matrix BlockedSystem::do_null_information(const Context& context) const {
  const Index m = model().parameters();
  Matrix out = Matrix::Zero(m + 1, m + 1);
  Index row = 0;
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    Index col = 0;
    for (Index o = 0; o <= k; ++o) {
      const Matrix block = null_block(k, o, context);
      out.block(row, col, block.rows(), block.cols()) = block;
      out.block(col, row, block.cols(), block.rows()) = block.transpose();
      col += block.cols();
    }
    Matrix trace = Matrix::Zero(shape.width, shape.width);
    const Matrix h = part(data_, k).leftCols(model().q.cols());
    for (Index j = 0; j < shape.levels; ++j) {
      const auto own = h.middleRows(j * shape.width, shape.width);
      trace += own_gram(k, j);
      subtract_product_transpose(own, own, trace);
    }
    out.col(m).segment(row, shape.parameters()) = cell_traces(trace);
    out.row(m).segment(row, shape.parameters()) = cell_traces(trace).transpose();
    row += shape.parameters();
  }
  out(m, m) = static_cast<double>(model().rows() - model().q.cols());
  return out;
}

std::unique_ptr<TermsFactor> BlockedSystem::factor(const Covariances& at,
                                                   const Context& context) const {
  return std::make_unique<BlockedFactor>(*this, at, context);
}

}  // namespace hdlmm
