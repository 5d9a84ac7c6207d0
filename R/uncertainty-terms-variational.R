# A variational posterior of the random effects of several terms, under variances and fixed effects
# that maximise the evidence bound; with priors of the variances these have factors too.

#' @exportS3Method
in_closed_form.terms_bound <- function(uncertainty) {
  new_closed(uncertainty, "closed_variational", "several_terms")
}

#' @exportS3Method
fit_words.terms_bound <- function(fit) {
  utils::modifyList(NextMethod(), list(interval = "variational"))
}

#' @exportS3Method
describe_approximation.terms_bound <- function(fit) describe_several_bound(fit)

#' @exportS3Method
variance_covariance.terms_bound <- function(fit) variance_covariance.variational(fit)

#' @exportS3Method
pve_se.terms_bound <- function(fit) rep(NA_real_, length(shares(fit)))

#' @exportS3Method
pve_limits.terms_bound <- function(fit, level) matrix(NA_real_, length(shares(fit)), 2)

#' @exportS3Method
exact_pve_limits.terms_bound <- function(fit, level, draws, seed) {
  require_likelihood(fit, "the exact interval")
}

#' @exportS3Method
limit_methods.terms_bound <- function(fit, kind) "wald"

#' @exportS3Method
parameter_limits.terms_bound <- function(fit, names, kind, level, method) {
  parameter_limits.variational(fit, names, kind, level, method)
}

#' @exportS3Method
contrast_df.terms_bound <- function(fit, contrast) Inf

#' @exportS3Method
effect_se.terms_bound <- function(fit, design, at = NULL) {
  se <- spread_sd(fit, design$label)
  if (is.null(at)) se else se[at]
}

#' @exportS3Method
mean_variance.terms_bound <- function(fit, rows, random) {
  labels <- used_labels(fit, random)
  if (length(labels) == 0) return(fixed_variance(fit, rows$z))
  spread_variance(with_terms(fit, labels), rows)
}

#' @exportS3Method
draw_sample.terms_bound <- function(fit, draws, with_beta) {
  terms_factor_sample(fit, draws, with_beta, held_parameters)
}

#' @exportS3Method
draw_latent.terms_bound <- function(fit, rows, random, draws) {
  sample_latent(fit, rows, random, draws, held_deviations, fresh_by_draw)
}

#' @exportS3Method
bootstrap_values.terms_bound <- function(fit, draws, seed) {
  require_likelihood(fit, "the bootstrap")
}

#' @exportS3Method
random_test.terms_bound <- function(fit, term, method, draws, seed) {
  require_likelihood(fit, "test_random()")
}

# With factors of the variances -----------------------------------------------------------

#' @exportS3Method
has_posterior.terms_factors <- function(fit) TRUE

#' @exportS3Method
fit_words.terms_factors <- function(fit) {
  utils::modifyList(NextMethod(), list(
    loglik = "log-likelihood at 1 / E[1 / variance] ",
    fixed = "variational posterior: mean, standard deviation, quantiles"
  ))
}

#' @exportS3Method
variance_covariance.terms_factors <- function(fit) factor_covariance(fit)

#' @exportS3Method
pve_se.terms_factors <- function(fit) {
  unname(apply(share_draws(fit), 2, stats::sd))
}

#' @exportS3Method
pve_limits.terms_factors <- function(fit, level) {
  draw_limits(share_draws(fit), level)
}

#' @exportS3Method
limit_methods.terms_factors <- function(fit, kind) character()

#' @exportS3Method
parameter_limits.terms_factors <- function(fit, names, kind, level, method) {
  switch(kind,
    fixed = t_limits(fit, names, level, Inf),
    pve = draw_limits(share_draws(fit)[, sub("^pve[.]", "", names), drop = FALSE], level),
    variance = limits_by_name(names, function(name) {
      factor_quantile(marginal_factor(fit, name), tail_levels(level))
    }),
    covariance = draw_limits(parameter_draws(fit)[, names, drop = FALSE], level),
    correlation = draw_limits(correlation_draws(fit)[, names, drop = FALSE], level)
  )
}

#' @exportS3Method
mean_variance.terms_factors <- function(fit, rows, random) {
  z <- rows$z[, fit$fixed$kept, drop = FALSE]
  out <- rowSums((z %*% fit$q$omega_vcov) * z)
  labels <- used_labels(fit, random)
  if (length(labels) == 0) out else out + spread_variance(with_terms(fit, labels), rows)
}

#' @exportS3Method
draw_sample.terms_factors <- function(fit, draws, with_beta) {
  terms_factor_sample(fit, draws, with_beta, terms_factor_parameters)
}

#' @exportS3Method
draw_latent.terms_factors <- function(fit, rows, random, draws) {
  sample_latent(fit, rows, random, draws, fresh = fresh_by_draw)
}

#' @exportS3Method
density_curve.terms_factors <- function(fit, name, n = 300) {
  if (!name %in% names(fit$variances) || startsWith(name, "pve")) return(NULL)
  if (name %in% fit$parameters$name[is_covariance(fit$parameters)]) return(NULL)
  factor <- marginal_factor(fit, name)
  x <- factor_quantile(factor, seq(0.0005, 0.9995, length.out = 400))
  list(x = x, y = inverse_gamma_density(x, factor$shape, factor$scale))
}

#' @exportS3Method
evidence_of.terms_factors <- function(fit) exact_log_evidence(fit)

#' @exportS3Method
evidence_as_it_stands.terms_factors <- function(fit) bounded_evidence(fit)

#' @exportS3Method
bound_gap.terms_factors <- function(fit, what) bounded_evidence(fit) - evidence_bound(fit, what)

# By the quadrature of two random terms of one variance each, made once.
#' @exportS3Method
bounded_evidence.terms_factors <- function(fit) {
  cache <- fit$internal$cache
  if (is.null(cache$evidence)) {
    cache$evidence <- terms_evidence_under(problem_under(fit, fit$prior), fit$control)
  }
  cache$evidence
}
