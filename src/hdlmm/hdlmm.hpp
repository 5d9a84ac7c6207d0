#ifndef HDLMM_HDLMM_HPP
#define HDLMM_HDLMM_HPP

// The core of hdlmm: high-dimensional linear mixed models, free of R.
//
// Letters, here and everywhere below:
//   y [n] response, Z [n x c] fixed-effect design, X [n x p] random-effect design, omega [c],
//   beta [p], K = X S X', V = (h / kappa) K + nu I, tau^2 = kappa sigma_b^2 + sigma_e^2,
//   h = kappa sigma_b^2 / tau^2 = pve, nu = 1 - h, phi = log(sigma_b^2 / sigma_e^2).
// Q [n x c] is an orthonormal basis of Z. Rows are multiplied by root weights before they get here.

#include "hdlmm/base/random.hpp"
#include "hdlmm/inference/em/expectation_maximisation.hpp"
#include "hdlmm/inference/gibbs/gibbs.hpp"
#include "hdlmm/inference/posterior/mixture.hpp"
#include "hdlmm/inference/posterior/prediction.hpp"
#include "hdlmm/inference/search/exact_null.hpp"
#include "hdlmm/inference/search/global_search.hpp"
#include "hdlmm/inference/variational/coordinate_ascent.hpp"
#include "hdlmm/inference/variational/full_variational.hpp"
#include "hdlmm/linalg/fixed_basis.hpp"
#include "hdlmm/marginal/implicit_spectrum.hpp"
#include "hdlmm/marginal/spectral_system.hpp"
#include "hdlmm/marginal/tridiagonal_system.hpp"
#include "hdlmm/model/variance_prior.hpp"
#include "hdlmm/objective/factorised_bound.hpp"
#include "hdlmm/objective/penalised_likelihood.hpp"
#include "hdlmm/operator/dense_operator.hpp"
#include "hdlmm/operator/grouped_operator.hpp"
#include "hdlmm/operator/kernel_operator.hpp"
#include "hdlmm/operator/sparse_operator.hpp"

#endif  // HDLMM_HDLMM_HPP
