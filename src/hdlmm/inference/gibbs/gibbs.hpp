#ifndef HDLMM_INFERENCE_GIBBS_GIBBS_HPP
#define HDLMM_INFERENCE_GIBBS_GIBBS_HPP

#include <cstdint>

#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/model/variance_prior.hpp"

namespace hdlmm {

struct GibbsOptions {
  Index draws = 1000;       ///< kept, of each chain
  Index warmup = 500;       ///< sweeps dropped at the beginning of each chain
  Index thin = 1;           ///< every how many sweeps one is kept
  Index chains = 4;         ///< chain j uses the random numbers of stream j
  std::uint64_t seed = 1;   ///< same seed, same draws, whatever the number of threads
  double start_spread = 2;  ///< of the starts, in log(h / (1 - h)) and in standard deviations
  /// Draw both variances with the random effects integrated out, and move the fixed effects along
  /// the fitted values too. Without: the textbook's sweep of full conditionals.
  bool is_collapsed = true;
};

/// improper: a variance has left [1e-300, 1e300], as when the posterior has no finite mass.
enum class GibbsStatus { completed, improper };

struct GibbsResult {
  Matrix random;    ///< [draws x chains], sigma_b^2
  Matrix residual;  ///< [draws x chains], sigma_e^2
  Matrix delta;     ///< [c x (draws * chains)], chain by chain, coefficients of the user's Q
  GibbsStatus status = GibbsStatus::completed;
  Index chain = 0;  ///< the first that failed; its draws from `sweep` on are not numbers
  Index sweep = 0;  ///< counted from 1, warmup included
};

/// Draws of (sigma_b^2, sigma_e^2, delta) from their posterior by Gibbs sampling in the coordinates
/// of the eigenvectors of K: O(r c + c^2) a sweep, whatever p is.
///
/// y ~ N(Q delta + X beta, sigma_e^2 I), beta ~ N(0, sigma_b^2 I), delta flat or, with
/// fixed_precision [c x c], N(0, fixed_precision^-1) (the system must not be centred then). The
/// result does not depend on the thread count. Throws std::invalid_argument for priors it cannot
/// take.
GibbsResult sample_gibbs(const SpectralSystem& system, const VariancePrior& prior,
                         const ConstMatrix& fixed_precision, const GibbsOptions& options,
                         const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_GIBBS_GIBBS_HPP
