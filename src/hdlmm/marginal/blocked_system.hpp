#ifndef HDLMM_MARGINAL_BLOCKED_SYSTEM_HPP
#define HDLMM_MARGINAL_BLOCKED_SYSTEM_HPP

#include <memory>
#include <string>
#include <vector>

#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

/// A matrix with a row for every coefficient, in two parts: the term that is eliminated by its
/// levels, and the columns of the rest.
struct CoefficientRows {
  Matrix levels;  ///< [q_e x m]
  Matrix rest;    ///< [s x m]
};

/// Several terms on the side of their coefficients, by cross-products alone: rows play no part in
/// an evaluation. Where all designs are sparse the term with most coefficients is eliminated level
/// by level, which leaves a dense matrix of the s coefficients of the others; with a dense design,
/// all are.  O(sum over levels of neighbours^2 + s^3) an evaluation.
class BlockedSystem final : public TermsSystem {
 public:
  BlockedSystem(TermsModel model, const Context& context);

  std::string name() const override { return "blocked"; }
  bool is_cheap() const override { return rest() <= 100 && column_.size() < 20000; }

  std::unique_ptr<TermsFactor> factor(const Covariances& at, const Context& context) const override;

  /// Side of the dense matrix that would be left.
  static Index dense_side(const TermsModel& model);

  bool is_eliminated(Index k) const { return k == eliminated_; }
  Index first_of(Index k) const { return first_[static_cast<std::size_t>(k)]; }
  const std::vector<Index>& firsts() const { return first_; }
  Index rest() const { return gram_.rows(); }

  /// X'X times coefficients.
  CoefficientRows times_gram(const CoefficientRows& w) const;

  /// For each level j of the eliminated term: X_j'X_j, the columns that it meets and X_j'X_rest
  /// there.
  Index levels() const { return static_cast<Index>(start_.size()) - 1; }
  Index width() const { return own_.rows(); }
  auto own(Index j) const { return own_.middleCols(j * width(), width()); }
  Index meets(Index j) const { return start_[j + 1] - start_[j]; }
  const Index* met(Index j) const { return column_.data() + start_[j]; }
  auto cross(Index j) const { return cross_.middleCols(start_[j], meets(j)); }
  /// Pairs of columns that meet in a level, summed over the levels.
  double pairs() const { return pairs_; }

  const Matrix& gram() const { return gram_; }
  const CoefficientRows& data() const { return data_; }
  const Matrix& data_gram() const { return data_gram_; }
  const RowCells& level_cells() const { return level_cells_; }
  const RowCells& rest_cells() const { return rest_cells_; }

 private:
  void order_terms();
  void gather_cells();
  void cross_levels(const Context& context);
  void cross_rest(const Context& context);
  void cross_dense(Index k, const Context& context);
  void cross_data(const Context& context);

  /// visit(j, l, X_kj'X_ol) of the levels j of term k and l of term o that meet. Of two terms the
  /// one that is eliminated comes first.
  template <typename Visit>
  void for_blocks(Index k, Index o, Visit&& visit) const;
  Matrix do_null_information() const override;
  Matrix null_block(Index k, Index o) const;
  ConstMatrix fixed_cross(Index k) const;

  Index eliminated_ = -1;
  std::vector<Index> first_;  ///< of each term, in the columns of the rest
  RowCells level_cells_, rest_cells_;
  Matrix own_;                 ///< [r x r J]
  std::vector<Index> start_;   ///< [J + 1]
  std::vector<Index> column_;  ///< columns of the rest
  double pairs_ = 0;
  Matrix cross_;          ///< [r x meets]
  Matrix gram_;           ///< [s x s]
  CoefficientRows data_;  ///< X'[Q y]
  Matrix data_gram_;      ///< [Q y]'[Q y]
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_BLOCKED_SYSTEM_HPP
