#include "hdlmm/marginal/absorbed_system.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "hdlmm/dense/products.hpp"
#include "hdlmm/linalg/tridiagonal_factor.hpp"
#include "hdlmm/marginal/rest_factor.hpp"

namespace hdlmm {

namespace {

/// Columns of the other terms side by side, [n x s].
Matrix other_columns(const TermsModel& model, const std::vector<RestTerm>& terms, Index s) {
  Matrix out(model.rows(), s);
  for (Index k = 0; k < model.size(); ++k) {
    const RestTerm& own = terms[static_cast<std::size_t>(k)];
    const Index cols = own.shape.cols();
    if (cols > 0) model.design(k).covariance_columns(0, out.middleCols(own.first, cols));
  }
  return out;
}

/// Of levels of two terms in R'A R [s x s]: products of its cells.
auto cells_of(const Matrix& a, Index row, Index col) {
  return [&a, row, col](Index q, Index p, Index s, Index t) {
    return a(row + q, col + s) * a(row + p, col + t);
  };
}

class AbsorbedFactor final : public TermsFactor {
 public:
  AbsorbedFactor(const AbsorbedSystem& system, const Covariances& at, const Context& context)
      : system_(system), at_(at), context_(context) {
    const double g = at.relative(system.wide())(0, 0);
    if (!wide_.make(system.diagonal(), system.beside(), g, 1)) {
      throw std::runtime_error("the covariance of the response is not positive definite");
    }
    half_columns_ = system.columns();
    wide_.whiten(half_columns_);
    half_data_ = system.data();
    wide_.whiten(half_data_);
    rest_ = RestFactor(transpose_product(half_columns_, half_columns_), system.rest_terms(), at,
                       context);
    effects_ = rest_.times_inverse(transpose_product(half_columns_, half_data_), context);
    solved_ = whole_solve(half_data_, effects_);
  }

  double log_det() const override { return wide_.log_determinant() + rest_.log_det(); }

  Matrix data_gram() const override {
    Matrix out = transpose_product(half_data_, half_data_);
    subtract_transpose_product(transpose_product(half_columns_, half_data_), effects_, out);
    return symmetric_part(out);
  }

  /// tr(V^-1 T) = tr(D^-1 T) - tr(G X'D^-1 T D^-1 X).
  std::vector<Matrix> traces() const override {
    rest_.invert(context_);
    std::vector<Matrix> out;
    for (Index k = 0; k < at_.size(); ++k) {
      if (k != system_.wide()) {
        out.push_back(rest_.trace(k, context_));
        continue;
      }
      Matrix back = half_columns_;
      wide_.whiten_transposed(back);
      const Matrix inside = transpose_product(back, times_wide(back));
      double share = 0;
      for (Index first = 0; first < inside.cols(); first += kColumnBlock) {
        const Index size = std::min(kColumnBlock, inside.cols() - first);
        const Matrix inverse = rest_.inverse_columns(first, size);
        share += inverse.cwiseProduct(inside.middleCols(first, size)).sum();
      }
      out.push_back(Matrix::Constant(1, 1, wide_.trace_t() - share));
    }
    return out;
  }

  std::vector<Matrix> fixed_slopes() const override {
    const Matrix q = solved_.leftCols(count());
    const Matrix h = transpose_product(system_.columns(), q);
    std::vector<Matrix> out;
    for (Index k = 0; k < at_.size(); ++k) {
      if (k == system_.wide()) {
        out.push_back(transpose_product(q, times_wide(q)));
        continue;
      }
      for (const TriangleCell& cell : triangle_cells(at_.shape(k).width)) {
        Matrix turned = Matrix::Zero(at_.shape(k).cols(), h.cols());
        add_cell(at_.shape(k), cell, own_rows(k, h), turned);
        out.push_back(transpose_product(own_rows(k, h), turned));
      }
    }
    return out;
  }

  ResponseMoments moments(const Vector& delta) const override {
    const Vector py = times(solved_, response_turn(delta));
    const Matrix u = transpose_product(system_.columns(), Matrix(py));
    Matrix along(py.size(), at_.parameters());
    ResponseMoments out;
    for (Index k = 0; k < at_.size(); ++k) {
      Index i = at_.first(k);
      if (k == system_.wide()) {
        along.col(i) = times_wide(py).col(0);
      } else {
        for (const TriangleCell& cell : triangle_cells(at_.shape(k).width)) {
          Matrix weights = Matrix::Zero(u.rows(), 1);
          add_cell(at_.shape(k), cell, own_rows(k, u),
                   weights.middleRows(first(k), at_.shape(k).cols()));
          along.col(i++) = times(system_.columns(), weights.col(0));
        }
      }
    }
    out.along_response = transpose_times(along, py);
    out.along_fixed = transpose_product(solved_.leftCols(count()), along);
    out.gram = transpose_product(along, solve_turned(along));
    return out;
  }

  Vector projected(const Vector& delta) const override {
    const TermsModel& model = system_.model();
    const Matrix rest = model.y - times(model.q, delta);
    return solve_less_others(rest, times(effects_, response_turn(delta))).col(0);
  }

  std::vector<Vector> effects(const Vector& delta) const override {
    const Vector b = times(effects_, response_turn(delta));
    std::vector<Vector> out;
    for (Index k = 0; k < at_.size(); ++k) {
      if (k != system_.wide()) {
        out.push_back(b.segment(first(k), at_.shape(k).cols()));
        continue;
      }
      Matrix own = Matrix::Zero(at_.shape(k).cols(), 1);
      system_.model().design(k).add_covariance_product(projected(delta), own, context_);
      out.push_back(at_.relative(k)(0, 0) * own.col(0));
    }
    return out;
  }

  /// Few columns by the band, 16 n^2 flops each.
  Matrix solve(const ConstMatrix& b) const override {
    if (b.cols() > 8) return by_rows().solve(b);
    const TermsModel& model = system_.model();
    const Matrix inner = solve_wide(b);
    Matrix along = Matrix::Zero(system_.columns().cols(), b.cols());
    for (Index k = 0; k < at_.size(); ++k) {
      if (k == system_.wide()) continue;
      model.design(k).add_adjoint_product(inner, along.middleRows(first(k), at_.shape(k).cols()),
                                          context_);
    }
    return solve_less_others(b, rest_.times_inverse(along, context_));
  }

  Vector inverse_diagonal() const override { return by_rows().inverse_diagonal(); }
  Matrix level_covariances(Index k) const override { return by_rows().level_covariances(k); }
  Matrix fixed_response(Index k) const override { return by_rows().fixed_response(k); }

 private:
  Index count() const { return system_.model().q.cols(); }
  ConstMatrix own_rows(Index k, const Matrix& all) const {
    return all.middleRows(first(k), at_.shape(k).cols());
  }
  Index first(Index k) const { return system_.rest_term(k).first; }

  Matrix times_wide(const Matrix& x) const {
    return multiply_tridiagonal(system_.diagonal(), system_.beside(), x);
  }

  /// D^-1 b in the rows' own coordinates.
  Matrix solve_wide(const ConstMatrix& b) const {
    auto solved = hdlmm::solve(system_.band(), at_.relative(system_.wide())(0, 0), 1, b, context_);
    if (!solved) throw std::runtime_error("the covariance of the response is too near singular");
    return std::move(*solved);
  }

  /// V^-1 b = D^-1 (b - X effects) with the effects of the others.
  Matrix solve_less_others(Matrix b, const Matrix& effects) const {
    for (Index k = 0; k < at_.size(); ++k) {
      if (k == system_.wide()) continue;
      const Matrix own = effects.middleRows(first(k), at_.shape(k).cols());
      system_.model().design(k).add_product(-own, b, context_);
    }
    return solve_wide(b);
  }

  /// V^-1 b from L^-1 b, D = L L', and the effects of the others on b.
  Matrix whole_solve(Matrix half, const Matrix& effects) const {
    subtract_product(half_columns_, effects, half);
    wide_.whiten_transposed(half);
    return half;
  }

  Matrix solve_turned(const Matrix& b) const {
    Matrix half = b;
    wide_.whiten(half);
    return whole_solve(half, rest_.times_inverse(transpose_product(half_columns_, half), context_));
  }

  const TermsFactor& by_rows() const {
    if (!by_rows_) by_rows_ = system_.by_rows(context_).factor(at_, context_);
    return *by_rows_;
  }

  const AbsorbedSystem& system_;
  Covariances at_;
  Context context_;
  TridiagonalFactor wide_;
  Matrix half_columns_, half_data_;  ///< whitened by D
  RestFactor rest_;
  Matrix effects_;  ///< G X'D^-1 [Q y], [s x c + 1]
  Matrix solved_;   ///< V^-1 [Q y], turned
  mutable std::unique_ptr<TermsFactor> by_rows_;
};

}  // namespace

AbsorbedSystem::AbsorbedSystem(TermsModel given, const Context& context)
    : TermsSystem(std::move(given)), wide_(wide_term(model())) {
  if (wide_ < 0) throw std::invalid_argument("a system that absorbs needs one wide term");
  Index s = 0;
  for (Index k = 0; k < model().size(); ++k) {
    TermShape shape = model().shape(k);
    if (k == wide_) shape.levels = 0;
    rest_terms_.push_back({s, shape});
    s += shape.cols();
  }
  const Index c = model().q.cols();
  Matrix together(model().rows(), c + 1 + s);
  together.leftCols(c) = model().q;
  together.col(c) = model().y;
  together.rightCols(s) = other_columns(model(), rest_terms_, s);
  reduced_ = two_stage_reduction(model().design(wide_).row_gram(context), together, context);
  data_ = reduced_.tridiagonal.rotated.topRows(c + 1).transpose();
  columns_ = reduced_.tridiagonal.rotated.bottomRows(s).transpose();
  reduced_.tridiagonal.rotated = Matrix();
}

Index AbsorbedSystem::wide_term(const TermsModel& model) {
  Index out = -1;
  for (Index k = 0; k < model.size(); ++k) {
    if (model.design(k).has_row_cells()) continue;
    if (out >= 0) return -1;
    out = k;
  }
  return out;
}

const RowSystem& AbsorbedSystem::by_rows(const Context& context) const {
  if (!by_rows_) by_rows_ = std::make_unique<RowSystem>(model(), context);
  return *by_rows_;
}

/// With R = P_0 X of the others and T of the wide one, both turned: all traces are products of
/// cells of R'R and R'T R, and of Q'T Q and Q'T^2 Q.
Matrix AbsorbedSystem::do_null_information(const Context& context) const {
  const Index c = model().q.cols(), m = model().parameters();
  const Matrix q = data_.leftCols(c);
  Matrix r = columns_;
  subtract_product(q, transpose_product(q, columns_), r);
  const Matrix rr = transpose_product(r, r);
  const Matrix rtr = transpose_product(r, multiply_tridiagonal(diagonal(), beside(), r));
  const Matrix tq = multiply_tridiagonal(diagonal(), beside(), q);
  const Matrix qtq = transpose_product(q, tq);
  Matrix out = Matrix::Zero(m + 1, m + 1);
  std::vector<Index> at;
  for (Index k = 0; k < model().size(); ++k) {
    at.push_back(k == 0 ? 0 : at.back() + model().shape(k - 1).parameters());
  }
  for (Index k = 0; k < model().size(); ++k) {
    const TermShape& shape = model().shape(k);
    const Index row = at[static_cast<std::size_t>(k)];
    if (k == wide_) {
      out(row, row) = diagonal().squaredNorm() + 2 * beside().squaredNorm() - 2 * tq.squaredNorm() +
                      qtq.squaredNorm();
      out(row, m) = out(m, row) = diagonal().sum() - qtq.trace();
      continue;
    }
    Matrix trace = Matrix::Zero(shape.width, shape.width), with_wide = trace;
    for (Index j = 0; j < shape.levels; ++j) {
      const Index first = rest_term(k).first + j * shape.width;
      trace += rr.block(first, first, shape.width, shape.width);
      with_wide += rtr.block(first, first, shape.width, shape.width);
    }
    const Index count = shape.parameters(), w = at[static_cast<std::size_t>(wide_)];
    out.col(m).segment(row, count) = cell_traces(trace);
    out.col(w).segment(row, count) = cell_traces(with_wide);
    for (const Index other : {m, w}) {
      out.row(other).segment(row, count) = out.col(other).segment(row, count).transpose();
    }
    for (Index o = 0; o <= k; ++o) {
      if (o == wide_) continue;
      const TermShape& other = model().shape(o);
      Matrix block = Matrix::Zero(shape.parameters(), other.parameters());
      for (Index l = 0; l < other.levels; ++l) {
        context.poll();
        for (Index j = 0; j < shape.levels; ++j) {
          block += pair_traces(shape.width, other.width,
                               cells_of(rr, rest_term(k).first + j * shape.width,
                                        rest_term(o).first + l * other.width));
        }
      }
      const Index col = at[static_cast<std::size_t>(o)];
      out.block(row, col, block.rows(), block.cols()) = block;
      out.block(col, row, block.cols(), block.rows()) = block.transpose();
    }
  }
  out(m, m) = static_cast<double>(model().rows() - c);
  return out;
}

std::unique_ptr<TermsFactor> AbsorbedSystem::factor(const Covariances& at,
                                                    const Context& context) const {
  return std::make_unique<AbsorbedFactor>(*this, at, context);
}

}  // namespace hdlmm
