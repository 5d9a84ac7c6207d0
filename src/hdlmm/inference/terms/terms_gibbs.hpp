#ifndef HDLMM_INFERENCE_TERMS_TERMS_GIBBS_HPP
#define HDLMM_INFERENCE_TERMS_TERMS_GIBBS_HPP

#include <cstdint>
#include <vector>

#include "hdlmm/inference/terms/variance_posterior.hpp"

namespace hdlmm {

/// How the variances are drawn: `surface`, with the effects integrated out, by a surface that is
/// learnt during the warm-up, and every fiftieth time without it; `conditional`, given the
/// effects; `slices`, one of the posterior itself along every number of VarianceCoordinates;
/// `automatic`, the second where a factor of V costs less than to read the surface, and the first
/// elsewhere.
enum class TermsMoves { automatic, surface, conditional, slices };

struct TermsGibbsOptions {
  Index draws = 1000;       ///< kept, of each chain
  Index warmup = 500;       ///< sweeps dropped at the beginning of each chain
  Index thin = 1;           ///< every how many sweeps one is kept
  Index chains = 4;         ///< chain j uses the random numbers of stream j
  std::uint64_t seed = 1;   ///< same seed, same draws, whatever the number of threads
  double start_spread = 2;  ///< of the starts, in logarithms of the variances
  TermsMoves moves = TermsMoves::automatic;
};

/// improper: a variance has left [1e-300, 1e300], as when the posterior has no finite mass.
enum class TermsGibbsStatus { completed, improper };

/// Draws chain by chain, N = draws * chains.
struct TermsGibbsResult {
  Matrix relative;      ///< half vectors of all S_k, [m x N]
  Vector sigma2;        ///< [N]
  Matrix delta;         ///< [c x N]
  double accepted = 0;  ///< share of the proposals of the surface
  double evaluations = 0;
  TermsGibbsStatus status = TermsGibbsStatus::completed;
  Index chain = 0;  ///< the first that failed; its draws from `sweep` on are not numbers
  Index sweep = 0;  ///< counted from 1, warm-up included
};

/// Draws of all variances and of the fixed effects from their posterior,
///   y ~ N(Q delta + sum_k X_k beta_k, sigma_e^2 I), beta_k ~ N(0, I (x) Sigma_k),
/// delta flat or, with fixed_precision [c x c], N(0, fixed_precision^-1).
///
/// (delta, beta) given the variances is one block, so that a sweep costs one factor of V. Of it the
/// variances are drawn free (a collapsed Gibbs sampler, Liu 1994) by a surrogate transition (Liu
/// 2001, section 9.4.3): many cheap steps along a surface that interpolates the likelihood at the
/// points of the warm-up, accepted as a whole by the likelihood itself, which makes up for all that
/// the surface lacks. The level of the acceptance is drawn first: where no error of the surface up
/// to three times the largest that new points of the warm-up met could undo it, the likelihood is
/// not asked. It is at all other draws, and always once it finds a larger error. Small systems draw
/// the block, and the variances given it. The result does not depend on the thread count.
TermsGibbsResult sample_terms(const TermsSystem& system, const TermsPrior& prior,
                              const Matrix& fixed_precision, const TermsGibbsOptions& options,
                              const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_TERMS_TERMS_GIBBS_HPP
