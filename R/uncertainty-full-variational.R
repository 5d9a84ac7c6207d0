# A variational posterior with factors of the variances and the fixed effects as well, under priors
# of them.

#' @exportS3Method
has_posterior.full_variational <- function(fit) TRUE

#' @exportS3Method
fit_words.full_variational <- function(fit) {
  utils::modifyList(NextMethod(), list(
    loglik = "log-likelihood at 1 / E[1 / variance] ",
    fixed = "variational posterior: mean, standard deviation, quantiles"
  ))
}

#' @exportS3Method
variance_covariance.full_variational <- function(fit) {
  names <- names(fit$variances)
  out <- diag(c(factor_sd(fit$q$random), factor_sd(fit$q$residual))^2, 2)
  dimnames(out) <- list(names, names)
  out
}

#' @exportS3Method
pve_se.full_variational <- function(fit) {
  stats::sd(factor_share(fit$q, fit$kappa, (seq_len(2000) - 0.5) / 2000))
}

#' @exportS3Method
pve_limits.full_variational <- function(fit, level) {
  factor_share(fit$q, fit$kappa, tail_levels(level))
}

#' @exportS3Method
limit_methods.full_variational <- function(fit, kind) character()

#' @exportS3Method
parameter_limits.full_variational <- function(fit, names, kind, level, method) {
  if (kind == "fixed") return(t_limits(fit, names, level, Inf))
  if (kind == "pve") return(rbind(pve_limits(fit, level)))
  limits_by_name(names, function(name) {
    factor_quantile(if (name == "Residual") fit$q$residual else fit$q$random, tail_levels(level))
  })
}

#' @exportS3Method
mean_variance.full_variational <- function(fit, rows, random) {
  z <- rows$z[, fit$fixed$kept, drop = FALSE]
  out <- rowSums((z %*% fit$q$omega_vcov) * z)
  if (random) out + squared_effects(fit, rows) else out
}

#' @exportS3Method
draw_sample.full_variational <- function(fit, draws, with_beta) {
  factor_sample(fit, draws, with_beta, factor_parameters)
}

#' @exportS3Method
draw_latent.full_variational <- function(fit, rows, random, draws) {
  sample_latent(fit, rows, random, draws)
}

#' @exportS3Method
objective_curve.full_variational <- function(fit, phi) {
  abort(
    "unsupported", "a fully variational fit has no profile: its factors of the variances are in ",
    "summary(fit) and confint(fit)."
  )
}

#' @exportS3Method
share_panel.full_variational <- function(fit, interval) {
  list(note = "q of the variances is in summary(fit): it has no profile.")
}

#' @exportS3Method
density_curve.full_variational <- function(fit, name, n = 300) factor_curve(fit, name)

#' @exportS3Method
evidence_of.full_variational <- function(fit) exact_log_evidence(fit)

#' @exportS3Method
bound_gap.full_variational <- function(fit, what) {
  bounded_evidence(fit) - evidence_bound(fit, what)
}

#' @exportS3Method
bounded_evidence.full_variational <- function(fit) {
  integrated_evidence(fit)$log  # flat densities count as they stand in both
}

#' @exportS3Method
evidence_as_it_stands.full_variational <- function(fit) integrated_evidence(fit)$log
