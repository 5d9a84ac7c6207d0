# The posterior of several random terms as nodes, `fit$internal$nodes`: what is conditional on the
# covariances is a mixture over these; what the covariances themselves have is for
# uncertainty-several-quadrature.R and uncertainty-several-gibbs.R.

#' @exportS3Method
fit_words.several_posterior <- function(fit) {
  utils::modifyList(NextMethod(), list(panel = "Posterior of the total pve"))
}

#' @exportS3Method
boundary_words.several_posterior <- function(fit) NULL

#' @exportS3Method
variance_rows.several_posterior <- function(fit) terms_variance_rows(fit)

#' @exportS3Method
variance_kinds.several_posterior <- function(fit) terms_variance_kinds(fit)

#' @exportS3Method
shares.several_posterior <- function(fit) terms_shares(fit)

#' @exportS3Method
pve_limits.several_posterior <- function(fit, level) {
  names <- paste0("pve.", names(shares(fit)))
  parameter_limits(fit, names, "pve", level, "own")
}

#' @exportS3Method
exact_pve_limits.several_posterior <- function(fit, level, draws, seed) {
  stop_of_several("the exact interval", "; pve(fit) has credible intervals")
}

#' @exportS3Method
share_quantiles.several_posterior <- function(fit, p, fine) stop_without_curve()

#' @exportS3Method
variance_quantiles.several_posterior <- function(fit, which, p, fine) stop_without_curve()

#' @exportS3Method
parameter_limits.several_posterior <- function(fit, names, kind, level, method) {
  p <- tail_levels(level)
  if (kind == "fixed") {
    return(fixed_quantiles(fit, match(names, rownames(fit$fixed$vcov)), p))
  }
  limits_by_name(names, function(name) parameter_law(fit, name, kind)$quantiles(p))
}

#' @exportS3Method
fixed_at_nodes.several_posterior <- function(fit, index) node_fixed_components(fit, index)

#' @exportS3Method
effects_at_nodes.several_posterior <- function(fit, design, index) {
  node_effect_components(fit, design, index)
}

#' @exportS3Method
rows_at_nodes.several_posterior <- function(fit, rows, random, weights = NULL) {
  node_row_components(fit, rows, random, weights)
}

#' @exportS3Method
effect_se.several_posterior <- function(fit, design, at = NULL) {
  sd <- node_effect_sd(fit, design)
  if (is.null(at)) sd else sd[at]
}

#' @exportS3Method
mean_variance.several_posterior <- function(fit, rows, random) node_variance(fit, rows, random)

#' @exportS3Method
loo_rows.several_posterior <- function(fit) {
  list(table = mixture_loo(fit, node_projections(fit), identity), is_integrated = TRUE)
}

#' @exportS3Method
row_projection.several_posterior <- function(fit) terms_projection(fit)

#' @exportS3Method
leverages.several_posterior <- function(fit) 1 - terms_leverages(fit)

#' @exportS3Method
draw_sample.several_posterior <- function(fit, draws, with_beta) {
  posterior_terms_sample(fit, draws, with_beta)
}

#' @exportS3Method
draw_latent.several_posterior <- function(fit, rows, random, draws) {
  posterior_terms_latent(fit, rows, random, draws)
}

#' @exportS3Method
likelihood_at_estimate.several_posterior <- function(fit, criterion) {
  terms_criterion(fit, criterion) + loglik_constant(fit$internal$fixed, criterion)
}

#' @exportS3Method
profile_at.several_posterior <- function(fit, h) stop_without_curve()

#' @exportS3Method
profile_modes.several_posterior <- function(fit) stop_without_curve()

stop_without_curve <- function() {
  stop_of_several(
    "the curve over pve",
    "; posterior_density() has the density of every share"
  )
}

#' @exportS3Method
share_panel.several_posterior <- function(fit, interval) {
  curve <- density_curve(fit, "pve", 301)
  list(curve = data.frame(pve = curve$x, relative = curve$y), is_density = TRUE)
}

#' @exportS3Method
density_curve.several_posterior <- function(fit, name, n = 300) {
  if (name == "pve") name <- paste0("pve.", utils::tail(names(shares(fit)), 1))
  parameter_law(fit, name, variance_kinds(fit)[[name]])$density(n)
}

#' @exportS3Method
random_test.several_posterior <- function(fit, term, method, draws, seed) {
  require_likelihood(fit, "test_random()")
}

# Mean and standard deviation of a variance, covariance or share as the fit has them.
fitted_moments <- function(fit, name, kind) {
  if (kind != "pve") {
    return(list(mean = fit$variances[[name]], sd = variance_se(fit)[[name]]))
  }
  at <- match(sub("^pve[.]", "", name), names(shares(fit)))
  list(mean = shares(fit)[[at]], sd = pve_se(fit)[[at]])
}
