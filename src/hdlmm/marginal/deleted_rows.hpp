#ifndef HDLMM_MARGINAL_DELETED_ROWS_HPP
#define HDLMM_MARGINAL_DELETED_ROWS_HPP

#include <vector>

#include "hdlmm/marginal/marginal_system.hpp"
#include "hdlmm/marginal/spectral_parts.hpp"

namespace hdlmm {

/// A response that lacks some rows F of a decomposition.
struct Deletion {
  Matrix rows;               ///< [r x f], U' at the rows F
  Matrix fixed_rows;         ///< [f x rho], the turned basis in null(K) at the rows F
  Vector y;                  ///< [r], U'y with any numbers at the rows F, shifted
  Vector y_rows;             ///< [f], y in null(K) at the rows F, shifted
  Vector shift;              ///< [rho]
  double null_residual = 0;  ///< see SpectralParts
};

/// Weights of directions at shares, for all deletions of one decomposition: those of V^-1, of
/// V^-1 K V^-1 and of V^-1 K V^-1 K V^-1, [r x 3] a share, and sums over all directions.
struct DeletionNodes {
  std::vector<Share> shares;
  Matrix weights;             ///< [r x 3 N]
  Vector log_s, tr_k, tr_kk;  ///< [N]: log|V| along U, tr(V^-1 K), tr(V^-1 K V^-1 K)

  DeletionNodes(const SpectralParts& parts, double kappa, std::vector<Share> at);
  Index size() const { return log_s.size(); }
};

/// The marginal model of the rows that a response has, on the decomposition of all of them.
///
/// Rows without a response are fixed effects of their own: with the unit vectors E of F beside Q,
/// y'P y, log|V| + log|(E, Q)'V^-1 (E, Q)| and tr(P K) are those of the other rows alone, and
/// log|V| + log|E'V^-1 E| is log|V_-|, whatever y is at F. All follow from forms of (E, Q, y) in
/// V^-1, V^-1 K V^-1 and V^-1 K V^-1 K V^-1: O(r (f + c)^2) a share. Q is the basis of all rows,
/// which need not be orthonormal in those that are left: log_det_restricted has Q_-'V_-^-1 Q_-.
///
/// Not for columns that were centred, nor for a prior of the fixed effects. The limit h = 1 is left
/// to a decomposition of its own: what happens in null(K) there is not looked at.
class DeletedSystem final : public MarginalSystem {
 public:
  /// Keeps a reference to the parts.
  DeletedSystem(const SpectralParts& parts, double kappa, Deletion deletion);

  /// One evaluation a node, rss and the rest not a number where V is not positive definite to
  /// working precision.
  std::vector<Evaluation> evaluate_nodes(const DeletionNodes& nodes, Detail detail) const;

 private:
  Evaluation do_evaluate(const Share& share, Detail detail) const override;

  /// forms: [q x 3 q], those of (E, Q, y) along U, side by side; q = f + c + 1.
  Evaluation assemble(const DeletionNodes& nodes, Index node, Matrix forms, Detail detail) const;

  void add_marginal(const Matrix& forms, double tr_k, double tr_kk, double log_v,
                    Evaluation& out) const;

  const SpectralParts& parts_;
  Index f_;            ///< rows that are left out
  Vector shift_;       ///< [rho]
  Matrix cells_;       ///< [r x q], (E, Q, y) along U
  Matrix null_forms_;  ///< [q x q], their products in null(K)
};

}  // namespace hdlmm

#endif  // HDLMM_MARGINAL_DELETED_ROWS_HPP
