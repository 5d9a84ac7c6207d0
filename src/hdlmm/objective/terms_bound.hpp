#ifndef HDLMM_OBJECTIVE_TERMS_BOUND_HPP
#define HDLMM_OBJECTIVE_TERMS_BOUND_HPP

#include <utility>
#include <vector>

#include "hdlmm/objective/term_blocks.hpp"
#include "hdlmm/objective/terms_likelihood.hpp"

namespace hdlmm {

/// The blocks of all terms, between which q(beta) factorises; none: one block holds all
/// coefficients.
struct TermsFactorisation {
  std::vector<TermBlocks> blocks;

  bool is_joint() const { return blocks.empty(); }

  /// sum_B log|I + S^1/2 G_B S^1/2| over the blocks of all terms.
  double log_det(const Covariances& at) const;
};

/// The evidence bound of several terms with q(beta), omega and sigma_e^2 maximised out: the
/// log-likelihood less the gap 1/2 (sum_B log|A_BB| - log|A|), A = X'X / sigma_e^2 + blockdiag
/// (Sigma_k^-1) (Hadamard's inequality, Fischer's for blocks). As log|V| = log|A| + sum_k J_k
/// log|Sigma_k| + q log sigma_e^2 - ..., the blocks' determinants stand in the place of log|V|:
///   value = -1/2 [n (log 2 pi + 1 + log(y'P y / n)) + sum_B log|I + S^1/2 G_B S^1/2|].
/// Its second derivatives in S are exact.
class TermsBound final : public TermsObjective {
 public:
  TermsBound(const TermsSystem& system, TermsFactorisation factors)
      : TermsObjective(system), likelihood_(system, Criterion::ml), factors_(std::move(factors)) {}

  const TermsFactorisation& factors() const { return factors_; }

  bool is_ml() const override { return true; }
  double count() const override { return likelihood_.count(); }
  TermsEvaluation begin(const Covariances& at, const Context& context,
                        TermsCompletion& complete) const override;

 private:
  void add_derivatives(const Covariances& at, TermsEvaluation& out) const;

  TermsLikelihood likelihood_;
  TermsFactorisation factors_;
};

}  // namespace hdlmm

#endif  // HDLMM_OBJECTIVE_TERMS_BOUND_HPP
