# A variational posterior of the random effects, `fit$q`, under variances and fixed effects that
# maximise the evidence bound: these are parameters of q and have no distribution.

#' @exportS3Method
in_closed_form.variational <- function(uncertainty) new_closed(uncertainty, "closed_variational")

#' @exportS3Method
has_effect_posterior.variational <- function(fit) TRUE

#' @exportS3Method
is_below_evidence.variational <- function(fit) TRUE

#' @exportS3Method
has_bound.variational <- function(fit) TRUE

#' @exportS3Method
fit_words.variational <- function(fit) {
  utils::modifyList(NextMethod(), list(
    method = "variational inference (VB)", criterion = "evidence bound",
    objective = "evidence bound", curve = "evidence bound, profiled",
    loglik = "log-likelihood at the maximum of the evidence bound ",
    fixed = "maximum of the bound; standard errors given the variances",
    interval = "variational", compare = ", elbo() or log_evidence()"
  ))
}

#' @exportS3Method
describe_approximation.variational <- function(fit) describe_bound(fit)

#' @exportS3Method
variance_covariance.variational <- function(fit) {
  names <- names(fit$variances)
  matrix(NA_real_, length(names), length(names), dimnames = list(names, names))
}

#' @exportS3Method
pve_se.variational <- function(fit) NA_real_

#' @exportS3Method
parameter_limits.variational <- function(fit, names, kind, level, method) {
  if (kind == "fixed") t_limits(fit, names, level, Inf) else matrix(NA_real_, length(names), 2)
}

#' @exportS3Method
effect_se.variational <- function(fit, design, at = NULL) {
  se <- sqrt(fit$q$effect_variance)
  if (is.null(at)) se else se[at]
}

# Without priors omega is a parameter of q's and held; by itself it has the standard errors of an
# estimate.
#' @exportS3Method
mean_variance.variational <- function(fit, rows, random) {
  if (random) squared_effects(fit, rows) else fixed_variance(fit, rows$z)
}

#' @exportS3Method
draw_sample.variational <- function(fit, draws, with_beta) {
  factor_sample(fit, draws, with_beta, held_parameters)
}

#' @exportS3Method
draw_latent.variational <- function(fit, rows, random, draws) {
  sample_latent(fit, rows, random, draws, held_deviations)
}

#' @exportS3Method
objective_curve.variational <- function(fit, phi) bound_at(fit, phi)

#' @exportS3Method
share_panel.variational <- function(fit, interval) {
  list(curve = profile_curve(fit, interval), is_density = FALSE)
}

#' @exportS3Method
evidence_bound.variational <- function(fit, what) fit$elbo

#' @exportS3Method
bound_gap.variational <- function(fit, what) fit$kl_gap

#' @exportS3Method
own_criterion.variational <- function(fit) data.frame(elbo = fit$elbo)
