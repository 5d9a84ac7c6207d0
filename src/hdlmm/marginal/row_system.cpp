#include "hdlmm/marginal/row_system.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "hdlmm/base/sum_log.hpp"
#include "hdlmm/dense/lower_triangle.hpp"
#include "hdlmm/dense/packed_products.hpp"
#include "hdlmm/dense/products.hpp"
#include "hdlmm/dense/triangular.hpp"

namespace hdlmm {

namespace {

/// V by its root, and by its inverse from when derivatives are asked for: both below the diagonal
/// of the same matrix.
class RowFactor final : public TermsFactor {
 public:
  RowFactor(const RowSystem& system, const Covariances& at, const Context& context)
      : system_(system), at_(at), context_(context), is_identity_(at.theta().isZero(0)) {
    Matrix data(model().rows(), model().q.cols() + 1);
    data << model().q, model().y;
    if (!is_identity_) make_root();
    solved_ = solve(data);
  }

  double log_det() const override { return log_det_; }

  Matrix data_gram() const override {
    const Index c = model().q.cols();
    Matrix data(model().rows(), c + 1);
    data << model().q, model().y;
    const Matrix out = transpose_product(data, solved_);
    return symmetric_part(out);
  }

  std::vector<Matrix> traces() const override {
    std::vector<Matrix> out;
    for (Index k = 0; k < at_.size(); ++k)
      out.push_back(system_.term(k).inner(inverse(), context_));
    return out;
  }

  std::vector<Matrix> fixed_slopes() const override {
    std::vector<Matrix> out;
    for (const Matrix& turned : turned_data()) {
      out.push_back(transpose_product(fixed(), turned.leftCols(model().q.cols())));
    }
    return out;
  }

  ResponseMoments moments(const Vector& delta) const override {
    const Matrix py = projected(delta);
    ResponseMoments out;
    Matrix along(model().rows(), at_.parameters());
    Index i = 0;
    const Vector turn = response_turn(delta);
    for (const Matrix& turned : turned_data()) along.col(i++) = times(turned, turn);
    out.along_response = transpose_times(along, py.col(0));
    out.gram = transpose_product(along, solve(along));
    out.along_fixed = transpose_product(fixed(), along);
    return out;
  }

  Vector projected(const Vector& delta) const override {
    return solved_.col(delta.size()) - times(fixed(), delta);
  }

  std::vector<Vector> effects(const Vector& delta) const override {
    std::vector<Vector> out;
    for (Index k = 0; k < at_.size(); ++k) {
      out.push_back(covariances_with(model(), at_, k, Matrix(projected(delta)), context_).col(0));
    }
    return out;
  }

  Matrix solve(const ConstMatrix& b) const override {
    if (is_identity_) return b;
    if (is_inverted_) return lower_symmetric_product(both_, b, context_);
    Matrix out = b;
    solve_lower(both_, out, context_);
    solve_lower_transposed(both_, out, context_);
    return out;
  }

  Vector inverse_diagonal() const override { return inverse().diagonal(); }

  Matrix level_covariances(Index k) const override {
    return level_covariances_by_rows(*this, model(), at_, k, context_);
  }

  Matrix fixed_response(Index k) const override {
    return covariances_with(model(), at_, k, fixed(), context_);
  }

 private:
  const TermsModel& model() const { return system_.model(); }

  void make_root() {
    const Index n = model().rows();
    both_ = Matrix::Identity(n, n);
    for (Index k = 0; k < at_.size(); ++k) system_.term(k).add_to(both_, at_.relative(k), context_);
    if (!cholesky_in_place(both_, context_)) {
      throw std::runtime_error("the covariance of the response is not positive definite");
    }
    log_det_ = 2 * sum_log(both_.diagonal());
  }

  /// V^-1, lower triangle.
  const Matrix& inverse() const {
    if (is_inverted_) return both_;
    is_inverted_ = true;
    if (is_identity_) {
      both_ = Matrix::Identity(model().rows(), model().rows());
    } else {
      inverse_of_root_in_place(both_, context_);
    }
    return both_;
  }

  ConstMatrix fixed() const { return solved_.leftCols(model().q.cols()); }

  /// V_i V^-1 [Q y] of every cell, made once.
  const std::vector<Matrix>& turned_data() const {
    for (Index k = 0; turned_.size() < static_cast<std::size_t>(at_.parameters()); ++k) {
      for (const TriangleCell& cell : triangle_cells(at_.shape(k).width)) {
        turned_.push_back(system_.term(k).times_cell(cell, solved_, context_));
      }
    }
    return turned_;
  }

  const RowSystem& system_;
  Covariances at_;
  Context context_;
  bool is_identity_;  ///< V is
  double log_det_ = 0;
  mutable Matrix both_;
  mutable bool is_inverted_ = false;
  Matrix solved_;  ///< V^-1 [Q y]
  mutable std::vector<Matrix> turned_;
};

}  // namespace

RowSystem::RowSystem(TermsModel given, const Context& context) : TermsSystem(std::move(given)) {
  for (Index k = 0; k < model().size(); ++k) {
    terms_.emplace_back(model().design(k), model().shape(k), context);
  }
}

/// P_0 V_j P_0 of one cell at a time against all others.
Matrix RowSystem::do_null_information(const Context& context) const {
  const Index n = model().rows(), m = model().parameters();
  const Matrix& q = model().q;
  Matrix out = Matrix::Zero(m + 1, m + 1);
  Index j = 0;
  for (Index o = 0; o < model().size(); ++o) {
    for (const TriangleCell& cell : triangle_cells(model().shape(o).width)) {
      Matrix v = Matrix::Zero(n, n);
      term(o).add_to(v, cell_matrix(model().shape(o).width, cell), context);
      // P_0 V P_0 = V - Q B' - B Q', B = V Q - 1/2 Q (Q'V Q)
      Matrix b = lower_symmetric_product(v, q, context);
      const Matrix inside = transpose_product(q, b);
      subtract_product(q, inside / 2, b);
      add_lower_product(-1, q, b, v, context);
      add_lower_product(-1, b, q, v, context);
      Index i = 0;
      for (Index k = 0; k < model().size(); ++k) {
        const Vector inner = cell_traces(symmetric_part(term(k).inner(v, context)));
        out.col(j).segment(i, inner.size()) = inner;
        i += inner.size();
      }
      out(m, j) = out(j, m) = v.diagonal().sum();
      ++j;
    }
  }
  out(m, m) = static_cast<double>(n - q.cols());
  return symmetric_part(out);
}

std::unique_ptr<TermsFactor> RowSystem::factor(const Covariances& at,
                                               const Context& context) const {
  return std::make_unique<RowFactor>(*this, at, context);
}

}  // namespace hdlmm
