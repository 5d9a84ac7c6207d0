#ifndef HDLMM_MARGINAL_ROW_TERMS_HPP
#define HDLMM_MARGINAL_ROW_TERMS_HPP

#include <vector>

#include "hdlmm/marginal/terms_system.hpp"

namespace hdlmm {

/// A term as rows see it: V = I + sum_i s_i V_i over the cells of S. Terms whose rows meet by level
/// keep their cells, all others X S X' [n x n].
class RowTerm {
 public:
  RowTerm(const DesignOperator& design, const TermShape& shape, const Context& context);

  const TermShape& shape() const { return shape_; }

  /// Lower triangle of v += sum_i s_i V_i.
  void add_to(MatrixView v, const Matrix& s, const Context& context) const;

  /// V_i b, [n x m].
  Matrix times_cell(const TriangleCell& cell, const ConstMatrix& b, const Context& context) const;

  /// T [r x r] with tr(V_i a) = T_ab + T_ba, or T_aa, of a symmetric a [n x n], lower triangle.
  Matrix inner(const Matrix& a, const Context& context) const;

 private:
  bool has_gram() const { return gram_.size() > 0; }

  TermShape shape_;
  Matrix gram_;                              ///< lower triangle
  std::vector<std::vector<Index>> members_;  ///< rows of each level
  Matrix values_;                            ///< [n x r]
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_ROW_TERMS_HPP
