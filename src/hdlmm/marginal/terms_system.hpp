#ifndef HDLMM_MARGINAL_TERMS_SYSTEM_HPP
#define HDLMM_MARGINAL_TERMS_SYSTEM_HPP

#include <memory>
#include <string>
#include <vector>

#include "hdlmm/model/covariances.hpp"
#include "hdlmm/operator/design_operator.hpp"

namespace hdlmm {

// Several random terms: y = Q delta + sum_k X_k beta_k + e, Cov(beta_k) = sigma_e^2 (I (x) S_k),
// the coefficients of a term level by level. Per unit sigma_e^2
//   V = I + sum_k X_k (I (x) S_k) X_k',  A = Q'V^-1 Q,  P = V^-1 - V^-1 Q A^-1 Q'V^-1.

/// The designs in the order of the formula, rows multiplied by the row scale; q [n x c] and y [n]
/// likewise, y its residual on q.
struct TermsModel {
  std::vector<std::shared_ptr<const DesignOperator>> designs;
  std::vector<TermShape> shapes;
  std::vector<Matrix> turns;  ///< of each term T [r x r], X_k (I (x) T) in the place of X_k
  Matrix q;
  Vector y;

  Index rows() const { return designs.empty() ? 0 : designs[0]->rows(); }
  Index size() const { return static_cast<Index>(designs.size()); }
  const DesignOperator& design(Index k) const { return *designs[static_cast<std::size_t>(k)]; }
  const TermShape& shape(Index k) const { return shapes[static_cast<std::size_t>(k)]; }
  Index parameters() const;
  /// Whether all designs do.
  bool has_row_cells() const;
  bool has_identity_prior() const;
};

/// What V^-1 makes of the data. f_i = X_k (I (x) E_i) X_k'P y for parameter i of S_k, E_i its
/// derivative by that parameter.
struct ResponseMoments {
  Matrix gram;            ///< f_i'V^-1 f_j, [m x m]
  Matrix along_fixed;     ///< Q'V^-1 f_i, [c x m]
  Vector along_response;  ///< f_i'P y, [m]
};

/// V at given covariances.
class TermsFactor {
 public:
  virtual ~TermsFactor() = default;

  virtual double log_det() const = 0;

  /// [Q y]'V^-1 [Q y], [c + 1 x c + 1].
  virtual Matrix data_gram() const = 0;

  /// T_k = sum_j X_kj'V^-1 X_kj, [r x r].
  virtual std::vector<Matrix> traces() const = 0;

  /// Q'V^-1 (dV / dparameter) V^-1 Q of every parameter, [c x c].
  virtual std::vector<Matrix> fixed_slopes() const = 0;

  virtual ResponseMoments moments(const Vector& delta) const = 0;

  /// P y = V^-1 (y - Q delta), [n].
  virtual Vector projected(const Vector& delta) const = 0;

  /// beta_k, [q_k].
  virtual std::vector<Vector> effects(const Vector& delta) const = 0;

  /// V^-1 b, [n x m].
  virtual Matrix solve(const ConstMatrix& b) const = 0;

  /// Diagonal of V^-1, [n].
  virtual Vector inverse_diagonal() const = 0;

  /// Cov(beta_kj | y, omega) of every level, [r x r J], and what a unit of delta moves it by,
  /// Cov(beta_k, y) V^-1 Q, [q_k x c].
  virtual Matrix level_covariances(Index k) const = 0;
  virtual Matrix fixed_response(Index k) const = 0;

  /// x_i'Cov(beta | y, omega) x_i of rows [m] of coefficients that are given by their cells, term
  /// by term. Of systems that know covariances of any two coefficients cheaply; empty of others.
  virtual Vector row_variances(const std::vector<RowCells>&) const { return {}; }
};

class TermsSystem {
 public:
  explicit TermsSystem(TermsModel model) : model_(std::move(model)) {}
  virtual ~TermsSystem() = default;

  const TermsModel& model() const { return model_; }
  virtual std::string name() const = 0;

  /// Whether an evaluation takes less than a millisecond or so.
  virtual bool is_cheap() const = 0;

  /// tr(P_0 V_i P_0 V_j), P_0 = I - Q Q', of the derivatives of V by the parameters and of the
  /// identity last, [m + 1 x m + 1]: singular where the data cannot tell the variances apart.
  /// Made once.
  const Matrix& null_information(const Context& context = Context()) const;

  /// Throws std::runtime_error where V is not positive definite to rounding.
  virtual std::unique_ptr<TermsFactor> factor(const Covariances& at,
                                              const Context& context) const = 0;

 private:
  virtual Matrix do_null_information(const Context& context) const = 0;

  TermsModel model_;
  mutable Matrix null_information_;
};

/// tr(E_i R E_j R') of all cells of two triangles, R [r_k x r_l], from products of its cells:
/// products(q, p, s, t) = sum R_qs R_pt.
template <typename Products>
Matrix pair_traces(Index width, Index other, const Products& products) {
  const auto rows = triangle_cells(width), cols = triangle_cells(other);
  Matrix out(static_cast<Index>(rows.size()), static_cast<Index>(cols.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t j = 0; j < cols.size(); ++j) {
      const auto [p, q] = rows[i];
      const auto [s, t] = cols[j];
      double sum = products(q, p, s, t);
      if (p != q) sum += products(p, q, s, t);
      if (s != t) sum += products(q, p, t, s);
      if (p != q && s != t) sum += products(p, q, t, s);
      out(static_cast<Index>(i), static_cast<Index>(j)) = sum;
    }
  }
  return out;
}

/// The fixed effects and what they leave of the response.
struct TermsFixed {
  Vector delta;
  Matrix covariance;   ///< A^-1
  double rss = 0;      ///< y'P y
  double log_det = 0;  ///< log|A|
};
TermsFixed fixed_of(const Matrix& data_gram);

/// Prediction error covariances of the coefficients of term k by level per unit sigma_e^2, those
/// of the fixed effects included (Henderson 1975), [r x r J]. covariance: of delta per unit
/// sigma_e^2, A^-1 where its prior is flat.
Matrix level_errors(const TermsFactor& factor, const Covariances& at, Index k,
                    const Matrix& covariance);

/// Var(z_i'delta + x_i'beta | y) of rows per unit sigma_e^2, x_i by the cells of each term, z
/// [m x c] and covariance that of delta; empty where row_variances() is.
Vector prediction_variances(const TermsFactor& factor, const std::vector<RowCells>& rows,
                            const ConstMatrix& z, const Matrix& covariance);

/// What rows say of the coefficients of a term, by V^-1 alone: their covariances with v'y, [q_k x
/// m], and those of every level given y, [r x r J].
Matrix covariances_with(const TermsModel& model, const Covariances& at, Index k,
                        const ConstMatrix& v, const Context& context);
Matrix level_covariances_by_rows(const TermsFactor& factor, const TermsModel& model,
                                 const Covariances& at, Index k, const Context& context);

/// Diagonal of P, [n].
Vector projection_diagonal(const TermsFactor& factor, const Matrix& q, const Matrix& covariance);

/// [-delta; 1]: y - Q delta as a combination of [Q y].
Vector response_turn(const Vector& delta);

/// Sum over the levels of a term of H_j A^-1 H_j', H_j = X_kj'V^-1 Q, from the slopes of its cells:
/// what REML's traces are less than those of V^-1.
Matrix fixed_share(const std::vector<Matrix>& slopes, Index first, Index width,
                   const Matrix& covariance);

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_TERMS_SYSTEM_HPP
