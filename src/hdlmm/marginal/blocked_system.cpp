#include "hdlmm/marginal/blocked_system.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/marginal/blocked_factor.hpp"

namespace hdlmm {

namespace {

bool is_sparse(const TermsModel& model) {
  return std::all_of(model.designs.begin(), model.designs.end(),
                     [](const auto& design) { return design->has_row_cells(); });
}

/// Whether every row has its cells within one level, so that X'X is block diagonal.
bool has_level_blocks(const RowCells& cells, Index width) {
  const Index rows = static_cast<Index>(cells.start.size()) - 1;
  for (Index i = 0; i < rows; ++i) {
    if (cells.start[i + 1] == cells.start[i]) continue;
    const Index level = cells.column[cells.start[i]] / width;
    if (cells.column[cells.start[i + 1] - 1] / width != level) return false;
  }
  return true;
}

/// The term with the most coefficients that can be eliminated by its levels, or -1.
Index eliminated_term(const TermsModel& model) {
  Index best = -1;
  if (!is_sparse(model)) return best;
  for (Index k = 0; k < model.size(); ++k) {
    if (best >= 0 && model.shape(k).cols() <= model.shape(best).cols()) continue;
    if (has_level_blocks(model.design(k).row_cells(), model.shape(k).width)) best = k;
  }
  return best;
}

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

BlockedSystem::BlockedSystem(TermsModel given, const Context& context)
    : TermsSystem(std::move(given)) {
  order_terms();
  gather_cells();
  cross_levels(context);
  cross_rest(context);
  cross_data(context);
}

Index BlockedSystem::dense_side(const TermsModel& model) {
  Index all = 0;
  for (const TermShape& shape : model.shapes) all += shape.cols();
  const Index eliminated = eliminated_term(model);
  return eliminated < 0 ? all : all - model.shape(eliminated).cols();
}

void BlockedSystem::order_terms() {
  eliminated_ = eliminated_term(model());
  Index at = 0;
  for (Index k = 0; k < model().size(); ++k) {
    first_.push_back(k == eliminated_ ? -1 : at);
    if (k != eliminated_) at += model().shape(k).cols();
  }
  gram_ = Matrix::Zero(at, at);
}

void BlockedSystem::gather_cells() {
  std::vector<RowCells> parts;
  std::vector<Index> shift;
  for (Index k = 0; k < model().size(); ++k) {
    if (k == eliminated_ || !model().design(k).has_row_cells()) continue;
    parts.push_back(model().design(k).row_cells());
    shift.push_back(first_of(k));
  }
  rest_cells_ = side_by_side(parts, shift, model().rows());
  if (eliminated_ >= 0) {
    level_cells_ = model().design(eliminated_).row_cells();
  } else {
    level_cells_.start.assign(static_cast<std::size_t>(model().rows()) + 1, 0);
  }
}

void BlockedSystem::cross_levels(const Context& context) {
  const Index levels = eliminated_ < 0 ? 0 : model().shape(eliminated_).levels;
  const Index r = eliminated_ < 0 ? 1 : model().shape(eliminated_).width;
  own_ = Matrix::Zero(r, r * levels);
  start_.assign(1, 0);
  std::vector<std::vector<Index>> members(static_cast<std::size_t>(levels));
  for (Index i = 0; i < model().rows(); ++i) {
    if (level_cells_.start[i + 1] > level_cells_.start[i]) {
      members[level_cells_.column[level_cells_.start[i]] / r].push_back(i);
    }
  }
  std::vector<Index> place(static_cast<std::size_t>(rest()), -1);
  std::vector<double> values;
  for (Index j = 0; j < levels; ++j) {
    if (j % 256 == 0) context.poll();
    const std::size_t begin = column_.size();
    for (const Index i : members[static_cast<std::size_t>(j)]) {
      for (Index at = rest_cells_.start[i]; at < rest_cells_.start[i + 1]; ++at) {
        Index& where = place[static_cast<std::size_t>(rest_cells_.column[at])];
        if (where >= static_cast<Index>(begin)) continue;
        where = static_cast<Index>(column_.size());
        column_.push_back(rest_cells_.column[at]);
      }
    }
    // ascending, so that sums over them do not depend on the order of the rows
    std::sort(column_.begin() + static_cast<std::ptrdiff_t>(begin), column_.end());
    for (std::size_t at = begin; at < column_.size(); ++at) {
      place[static_cast<std::size_t>(column_[at])] = static_cast<Index>(at);
    }
    values.resize(column_.size() * static_cast<std::size_t>(r), 0);
    for (const Index i : members[static_cast<std::size_t>(j)]) {
      for (Index own = level_cells_.start[i]; own < level_cells_.start[i + 1]; ++own) {
        const Index a = level_cells_.column[own] % r;
        const double x = level_cells_.value[own];
        for (Index to = level_cells_.start[i]; to < level_cells_.start[i + 1]; ++to) {
          own_(level_cells_.column[to] % r, j * r + a) += level_cells_.value[to] * x;
        }
        for (Index at = rest_cells_.start[i]; at < rest_cells_.start[i + 1]; ++at) {
          const Index where = place[static_cast<std::size_t>(rest_cells_.column[at])];
          values[static_cast<std::size_t>(where * r + a)] += x * rest_cells_.value[at];
        }
      }
    }
    start_.push_back(static_cast<Index>(column_.size()));
    pairs_ += 0.5 * static_cast<double>(meets(j) * (meets(j) + 1));
  }
  cross_ = Eigen::Map<const Matrix>(values.data(), r, static_cast<Index>(column_.size()));
}

void BlockedSystem::cross_rest(const Context& context) {
  for (Index i = 0; i < model().rows(); ++i) {
    if (i % 4096 == 0) context.poll();
    for (Index at = rest_cells_.start[i]; at < rest_cells_.start[i + 1]; ++at) {
      double* column = gram_.col(rest_cells_.column[at]).data();
      const double x = rest_cells_.value[at];
      for (Index to = rest_cells_.start[i]; to < rest_cells_.start[i + 1]; ++to) {
        column[rest_cells_.column[to]] += x * rest_cells_.value[to];
      }
    }
  }
  for (Index k = 0; k < model().size(); ++k) {
    if (!model().design(k).has_row_cells()) cross_dense(k, context);
  }
}

/// Products of a dense design with itself and with the others, by blocks of its columns.
void BlockedSystem::cross_dense(Index k, const Context& context) {
  const Index cols = model().shape(k).cols(), at = first_of(k);
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
      gram_.block(first_of(l), at + first, product.rows(), size) = product;
      gram_.block(at + first, first_of(l), size, product.rows()) = product.transpose();
    }
  }
}

void BlockedSystem::cross_data(const Context& context) {
  const Index c = model().q.cols();
  Matrix both(model().rows(), c + 1);
  both << model().q, model().y;
  data_gram_ = transpose_product(both, both);
  data_.levels = Matrix::Zero(eliminated_ < 0 ? 0 : model().shape(eliminated_).cols(), c + 1);
  data_.rest = Matrix::Zero(rest(), c + 1);
  for (Index k = 0; k < model().size(); ++k) {
    if (is_eliminated(k)) {
      model().design(k).add_adjoint_product(both, data_.levels, context);
    } else {
      model().design(k).add_adjoint_product(
          both, data_.rest.middleRows(first_of(k), model().shape(k).cols()), context);
    }
  }
}

CoefficientRows BlockedSystem::times_gram(const CoefficientRows& w) const {
  CoefficientRows out{Matrix(w.levels.rows(), w.levels.cols()),
                      lower_symmetric_product(gram_, w.rest, Context())};
  for (Index j = 0; j < levels(); ++j) {
    const Matrix given = w.levels.middleRows(j * width(), width());
    Matrix sum = product(own(j), given);
    for (Index at = 0; at < meets(j); ++at) {
      const auto column = cross(j).col(at);
      const Index row = met(j)[at];
      for (Index b = 0; b < sum.cols(); ++b) {
        sum.col(b) += w.rest(row, b) * column;
        out.rest(row, b) += column.dot(given.col(b));
      }
    }
    out.levels.middleRows(j * width(), width()) = sum;
  }
  return out;
}

template <typename Visit>
void BlockedSystem::for_blocks(Index k, Index o, Visit&& visit) const {
  const TermShape &shape = model().shape(k), &other = model().shape(o);
  if (!is_eliminated(k)) {
    for (Index l = 0; l < other.levels; ++l) {
      for (Index j = 0; j < shape.levels; ++j) {
        const auto a = gram_.block(first_of(k) + j * shape.width, first_of(o) + l * other.width,
                                   shape.width, other.width);
        if (has_cells(a)) visit(j, l, a);
      }
    }
    return;
  }
  if (k == o) {
    for (Index j = 0; j < levels(); ++j) visit(j, j, own(j));
    return;
  }
  for (Index j = 0; j < levels(); ++j) {
    for (Index at = 0; at < meets(j);) {
      const Index level = (met(j)[at] - first_of(o)) / other.width;
      const bool is_of_term = met(j)[at] >= first_of(o) && met(j)[at] < first_of(o) + other.cols();
      if (!is_of_term) {
        ++at;
        continue;
      }
      // the columns of a level that are met follow each other
      Matrix a = Matrix::Zero(shape.width, other.width);
      for (; at < meets(j) && (met(j)[at] - first_of(o)) / other.width == level; ++at) {
        a.col((met(j)[at] - first_of(o)) % other.width) = cross(j).col(at);
      }
      visit(j, level, a);
    }
  }
}

ConstMatrix BlockedSystem::fixed_cross(Index k) const {
  const Index c = model().q.cols();
  if (is_eliminated(k)) return data_.levels.leftCols(c);
  return data_.rest.block(first_of(k), 0, model().shape(k).cols(), c);
}

/// With R = X_k'X_o - H_k H_o', H = X'Q: products of cells of X_k'X_o where it has any, and
/// sum (h_q'h_s)(h_p't_t) = tr(H_p'H_q H_s'H_t) for all levels at once.
Matrix BlockedSystem::null_block(Index k, Index o) const {
  const Index r = model().shape(k).width, w = model().shape(o).width;
  const ConstMatrix h = fixed_cross(k), g = fixed_cross(o);
  Matrix out = Matrix::Zero(model().shape(k).parameters(), model().shape(o).parameters());
  if (r == 1 && w == 1) {
    const Matrix left = h.transpose(), right = g.transpose();
    double sum = 0;
    for_blocks(k, o, [&](Index j, Index l, const auto& a) {
      sum += a(0, 0) * (a(0, 0) - 2 * left.col(j).dot(right.col(l)));
    });
    out(0, 0) = sum + symmetric_product(lower_gram(h), lower_gram(g));
    return out;
  }
  for_blocks(k, o, [&](Index j, Index l, const auto& block) {
    const Matrix a = block;
    const Matrix fixed = product_transpose(h.middleRows(j * r, r), g.middleRows(l * w, w));
    out += pair_traces(r, w, [&](Index q, Index p, Index s, Index t) {
      return a(q, s) * (a(p, t) - fixed(p, t)) - fixed(q, s) * a(p, t);
    });
  });
  const auto coefficient = [](const ConstMatrix& rows, Index a, Index width) {
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

Matrix BlockedSystem::do_null_information() const {
  const Index m = model().parameters();
  Matrix out = Matrix::Zero(m + 1, m + 1);
  Index row = 0;
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    Index col = 0;
    for (Index o = 0; o <= k; ++o) {
      Matrix block = null_block(is_eliminated(o) ? o : k, is_eliminated(o) ? k : o);
      if (is_eliminated(o)) block.transposeInPlace();
      out.block(row, col, block.rows(), block.cols()) = block;
      out.block(col, row, block.cols(), block.rows()) = block.transpose();
      col += block.cols();
    }
    Matrix trace = Matrix::Zero(shape.width, shape.width);
    for (Index j = 0; j < shape.levels; ++j) {
      if (is_eliminated(k)) {
        trace += own(j);
      } else {
        const Index at = first_of(k) + j * shape.width;
        trace += gram_.block(at, at, shape.width, shape.width);
      }
    }
    const ConstMatrix h = fixed_cross(k);
    for (Index j = 0; j < shape.levels; ++j) {
      const auto own = h.middleRows(j * shape.width, shape.width);
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
