#ifndef HDLMM_MARGINAL_BLOCKED_SYSTEM_HPP
#define HDLMM_MARGINAL_BLOCKED_SYSTEM_HPP

#include <memory>
#include <string>
#include <vector>

#include "hdlmm/marginal/elimination_order.hpp"

namespace hdlmm {

/// Several terms on the side of their coefficients, by cross-products alone: rows play no part in
/// an evaluation. Where all designs are sparse, levels are eliminated in the order that
/// EliminationOrder finds, which leaves a dense matrix of the s other coefficients; with a dense
/// design, all are.  O(sum over levels of what they meet^2 + s^3) an evaluation.
///
/// Matrices [q x m] have a row for every coefficient, in that order.
class BlockedSystem final : public TermsSystem {
 public:
  /// order: of the model.
  BlockedSystem(TermsModel model, EliminationOrder order, const Context& context);

  std::string name() const override { return "blocked"; }
  bool is_cheap() const override { return order_.rest() <= 100 && order_.crosses() < 20000; }

  std::unique_ptr<TermsFactor> factor(const Covariances& at, const Context& context) const override;

  const EliminationOrder& order() const { return order_; }
  Index rest() const { return order_.rest(); }

  /// The coefficients of one term [q_k x m] from those of all, and back.
  Matrix part(const ConstMatrix& x, Index k) const;
  void set_part(const ConstMatrix& own, Index k, MatrixView x) const;

  /// X'X times coefficients, and X'b.
  Matrix times_gram(const Matrix& w, const Context& context) const;
  Matrix adjoint(const ConstMatrix& b, const Context& context) const;

  /// Cells of all terms row by row, by their columns in order.
  RowCells in_order(const std::vector<RowCells>& cells) const;

  /// X_j'X_j of the levels that are eliminated, and X_j'X of the columns that they meet.
  const std::vector<double>& squares() const { return squares_; }
  const std::vector<double>& crosses() const { return crosses_; }
  const Matrix& gram() const { return gram_; }  ///< of the rest, [s x s]
  const Matrix& data() const { return data_; }  ///< X'[Q y], [q x c + 1]
  const Matrix& data_gram() const { return data_gram_; }
  const RowCells& cells() const { return cells_; }  ///< by columns in order

 private:
  void cross_levels(const Context& context);
  void add_row(const EliminatedLevel& own, Index row, const std::vector<Index>& where);
  void cross_rest(const Context& context);
  void cross_dense(Index k, const Context& context);
  const RestTerm& rest_term(Index k) const;
  MatrixMap cross(const EliminatedLevel& own) const;
  Matrix own_gram(Index k, Index level) const;

  /// visit(j, l, X_kj'X_ol) of the levels j of term k and l of term o that meet.
  template <typename Visit>
  void for_blocks(Index k, Index o, const Context& context, Visit&& visit) const;
  template <typename Visit>
  void for_rest(Index k, Index o, const Context& context, Visit&& visit) const;
  template <typename Visit>
  void for_crosses(Index k, Index o, Visit&& visit) const;
  Matrix do_null_information(const Context& context) const override;
  Matrix null_block(Index k, Index o, const Context& context) const;

  EliminationOrder order_;
  RowCells cells_;
  std::vector<double> squares_, crosses_;
  Matrix gram_, data_, data_gram_;
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_BLOCKED_SYSTEM_HPP
