#include "hdlmm/operator/design_operator.hpp"

#include <stdexcept>
#include <string>

namespace hdlmm {

void DesignOperator::add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                 const Context& context) const {
  require(u.rows() == cols_ && out.rows() == rows_ && u.cols() == out.cols(), "add_product");
  do_add_product(u, out, context);
}

void DesignOperator::add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                         const Context& context) const {
  require(v.rows() == rows_ && out.rows() == cols_ && v.cols() == out.cols(),
          "add_adjoint_product");
  do_add_adjoint_product(v, out, context);
}

void DesignOperator::add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                            const Context& context) const {
  require(v.rows() == rows_ && out.rows() == cols_ && v.cols() == out.cols(),
          "add_covariance_product");
  do_add_covariance_product(v, out, context);
}

void DesignOperator::covariance_columns(Index first, Eigen::Ref<Matrix> out) const {
  require(first >= 0 && first + out.cols() <= cols_ && out.rows() == rows_, "covariance_columns");
  do_covariance_columns(first, out);
}

double DesignOperator::column_dot(Index j, const ConstVector& v) const {
  require(j >= 0 && j < cols_ && v.size() == rows_, "column_dot");
  return do_column_dot(j, v);
}

void DesignOperator::add_column(Index j, double a, Eigen::Ref<Vector> out) const {
  require(j >= 0 && j < cols_ && out.size() == rows_, "add_column");
  do_add_column(j, a, out);
}

Matrix DesignOperator::row_gram_and_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                            const Context& context) const {
  require(u.rows() == cols_ && out.rows() == rows_ && u.cols() == out.cols(),
          "row_gram_and_product");
  return do_row_gram_and_product(u, out, context);
}

Matrix DesignOperator::column_gram_and_adjoint(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                               const Context& context) const {
  require(v.rows() == rows_ && out.rows() == cols_ && v.cols() == out.cols(),
          "column_gram_and_adjoint");
  return do_column_gram_and_adjoint(v, out, context);
}

void DesignOperator::require(bool holds, const char* where) {
  if (!holds) throw std::invalid_argument(std::string("DesignOperator: shapes in ") + where);
}

void DesignOperator::do_add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                               const Context& context) const {
  do_add_adjoint_product(v, out, context);
}

std::shared_ptr<const DesignOperator> DesignOperator::column_form(const Context& context) const {
  return do_column_form(context);
}

std::shared_ptr<const DesignOperator> DesignOperator::do_column_form(const Context&) const {
  return nullptr;
}

RowCells DesignOperator::do_row_cells() const {
  throw std::logic_error("a design that is not stored by cells");
}

Vector DesignOperator::do_prior_variances() const { return Vector::Ones(cols_); }

Matrix DesignOperator::do_row_gram_and_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                               const Context& context) const {
  do_add_product(u, out, context);
  return do_row_gram(context);
}

Matrix DesignOperator::do_column_gram_and_adjoint(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                                  const Context& context) const {
  do_add_adjoint_product(v, out, context);
  return do_column_gram(context);
}

}  // namespace hdlmm
