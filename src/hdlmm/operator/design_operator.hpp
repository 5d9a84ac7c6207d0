#ifndef HDLMM_OPERATOR_DESIGN_OPERATOR_HPP
#define HDLMM_OPERATOR_DESIGN_OPERATOR_HPP

#include <memory>

#include "hdlmm/base/context.hpp"
#include "hdlmm/operator/row_cells.hpp"

namespace hdlmm {

/// How well the stored numbers of X S X' say what its eigenvalues are.
struct Rounding {
  double absolute = 0;  ///< no eigenvalue is off by more, judged by the digits that are stored
  double share = -1;    ///< of the largest eigenvalue, in the place of judgement; negative: none
  bool is_given() const { return share >= 0; }
};

/// A random-effect design X [n x p] with prior correlation S [p x p] of its coefficients,
/// beta ~ N(0, sigma2 S), known by what it does to vectors. S is the identity but for kernels.
///
/// Rows are those that are fitted, already multiplied by the square roots of the weights.
class DesignOperator {
 public:
  DesignOperator(Index rows, Index cols) : rows_(rows), cols_(cols) {}
  virtual ~DesignOperator() = default;

  Index rows() const { return rows_; }
  Index cols() const { return cols_; }

  /// out [n x k] += X u, u: [p x k].
  void add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                   const Context& context = Context()) const;

  /// out [p x k] += X' v, v: [n x k].
  void add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                           const Context& context = Context()) const;

  /// out [p x k] += S X' v: covariances of the coefficients with v' X beta, per unit sigma2.
  void add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                              const Context& context = Context()) const;

  /// Columns first .. first + out.cols() - 1 of X S, [n x k].
  void covariance_columns(Index first, Eigen::Ref<Matrix> out) const;

  /// x_j'v, v: [n]. Like add_column() only where has_identity_prior(), in O(stored cells of x_j)
  /// but for a sparse design that is centred, where it is O(n).
  double column_dot(Index j, const ConstVector& v) const;

  /// out [n] += a x_j.
  void add_column(Index j, double a, Eigen::Ref<Vector> out) const;

  /// diag(S), [p].
  Vector prior_variances() const { return do_prior_variances(); }

  /// X S X', [n x n]; only the lower triangle is meaningful.
  Matrix row_gram(const Context& context) const { return do_row_gram(context); }

  /// The same, and out [n x k] += X u, u: [p x k], where the kind can from one pass over the cells.
  Matrix row_gram_and_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                              const Context& context) const;

  /// X' X, [p x p], lower triangle; only where the prior correlation is the identity.
  Matrix column_gram(const Context& context) const { return do_column_gram(context); }

  /// The same, and out [p x k] += X' v, v: [n x k], where the kind can from one pass over the
  /// cells.
  Matrix column_gram_and_adjoint(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                 const Context& context) const;

  /// Whether X' X is diagonal by construction (a grouping factor).
  bool has_diagonal_column_gram() const { return do_has_diagonal_column_gram(); }

  /// diag(X' X), [p].
  Vector column_norms2() const { return do_column_norms2(); }

  Rounding rounding() const { return do_rounding(); }

  /// Whether rows have few cells, which row_cells() lists: grouping factors, sparse columns that
  /// are not centred.
  bool has_row_cells() const { return do_has_row_cells(); }
  RowCells row_cells() const { return do_row_cells(); }

  /// Whether columns are coefficients with independent priors, so that the p x p side exists.
  bool has_identity_prior() const { return do_has_identity_prior(); }

  /// Where they are not independent: units that rows are of, and a design of at most so many
  /// columns with independent coefficients and the same X S X'. None where S has no root.
  Index observed_units() const { return do_observed_units(); }
  std::shared_ptr<const DesignOperator> column_form(const Context& context) const;

 protected:
  static void require(bool holds, const char* where);

 private:
  virtual void do_add_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                              const Context& context) const = 0;
  virtual void do_add_adjoint_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                      const Context& context) const = 0;
  virtual void do_add_covariance_product(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                         const Context& context) const;
  virtual void do_covariance_columns(Index first, Eigen::Ref<Matrix> out) const = 0;
  virtual double do_column_dot(Index j, const ConstVector& v) const = 0;
  virtual void do_add_column(Index j, double a, Eigen::Ref<Vector> out) const = 0;
  virtual Vector do_prior_variances() const;
  virtual Matrix do_row_gram(const Context& context) const = 0;
  virtual Matrix do_row_gram_and_product(const ConstMatrix& u, Eigen::Ref<Matrix> out,
                                         const Context& context) const;
  virtual Matrix do_column_gram(const Context& context) const = 0;
  virtual Matrix do_column_gram_and_adjoint(const ConstMatrix& v, Eigen::Ref<Matrix> out,
                                            const Context& context) const;
  virtual bool do_has_diagonal_column_gram() const { return false; }
  virtual Vector do_column_norms2() const = 0;
  virtual Rounding do_rounding() const { return {}; }
  virtual bool do_has_identity_prior() const { return true; }
  virtual Index do_observed_units() const { return cols_; }
  virtual std::shared_ptr<const DesignOperator> do_column_form(const Context& context) const;
  virtual bool do_has_row_cells() const { return false; }
  virtual RowCells do_row_cells() const;

  Index rows_;
  Index cols_;
};

}  // namespace hdlmm

#endif  // HDLMM_OPERATOR_DESIGN_OPERATOR_HPP
