#ifndef HDLMM_INFERENCE_TERMS_TERMS_EM_HPP
#define HDLMM_INFERENCE_TERMS_TERMS_EM_HPP

#include <string>
#include <vector>

#include "hdlmm/objective/terms_posterior.hpp"

namespace hdlmm {

/// EM over the effects of several terms: Sigma_k = E sum_j b_j b_j' / J_k, sigma_e^2 = E|e|^2 / n.
/// By ML the fixed effects are at their best before every step, by REML they are integrated out
/// with the effects. PX-EM (Liu, Rubin & Wu 1998, Biometrika 85) has one scale a term,
/// y = Q delta + sum_k alpha_k X_k beta_k + e, Sigma_k = alpha_k^2 E sum_j b_j b_j' / J_k.
struct TermsEmModel {
  bool is_ml = true;
  bool is_expanded = false;
  const TermsPosterior* posterior = nullptr;  ///< its prior in the M step: ML, not expanded
};

struct TermsEmOptions {
  double tol = 1e-10;  ///< stop when all parameters have less than sqrt(tol) / 10 to go, relatively
  int max_iter = 10000;
  /// A maximum that a direct search found on the boundary, which EM nears but never reaches: it has
  /// ended there when it is as near as kNearBoundary and still rises. Empty: none.
  std::vector<Matrix> limit;
  double limit_value = 0;
};

struct TermsEmPoint {
  double value = 0, sigma2 = 0;
  std::vector<Matrix> relative;  ///< S_k
};

enum class TermsEmStatus { converged, boundary, iteration_limit, unbounded };
std::string name(TermsEmStatus status);

struct TermsEmResult {
  std::vector<TermsEmPoint> trace;  ///< the start, then every iterate
  TermsEmStatus status = TermsEmStatus::iteration_limit;
};

/// Iterates from positive definite S_k, for a singular one stays singular, and sigma2; start empty:
/// half of the variance to the noise, the rest to all terms alike.
TermsEmResult fit_terms_em(const TermsSystem& system, const TermsEmModel& model,
                           const std::vector<Matrix>& start, const TermsEmOptions& options,
                           const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERMS_EM_HPP
