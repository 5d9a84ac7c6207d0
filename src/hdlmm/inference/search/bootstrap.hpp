#ifndef HDLMM_INFERENCE_SEARCH_BOOTSTRAP_HPP
#define HDLMM_INFERENCE_SEARCH_BOOTSTRAP_HPP

#include <functional>

#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/objective/profiled_likelihood.hpp"

namespace hdlmm {

/// Where random numbers come from.
struct RandomSource {
  std::function<double()> normal;
  std::function<double(double)> chi_squared;  ///< by degrees of freedom
};

/// Parametric bootstrap: responses drawn at a share in spectral coordinates, where they are
/// independent, and refitted one by one, so that one is held at a time. A draw takes its normals
/// along the eigenvectors, then in null(K): first in the directions that the fixed effects reach,
/// whose draws shift the coefficients, then chi^2 of the rest. [draws x (4 + c)]: h, nu, tau2,
/// value, delta; NaN where a search found nothing.
Matrix bootstrap_fits(const SpectralSystem& base, Criterion criterion, const SearchOptions& options,
                      const Share& share, Index draws, const RandomSource& random,
                      const Context& context);

/// Takes the random numbers of so many draws of bootstrap_fits(), whose next draws follow on them.
void skip_bootstrap_draws(const SpectralSystem& base, const Share& share, Index draws,
                          const RandomSource& random, const Context& context);

}  // namespace hdlmm

#endif  // HDLMM_INFERENCE_SEARCH_BOOTSTRAP_HPP
