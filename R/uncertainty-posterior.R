# The exact posterior of both variances as nodes, `fit$posterior`, and everything else a mixture
# over these; what made the nodes is for uncertainty-quadrature.R and uncertainty-gibbs.R.

#' @exportS3Method
is_point_when_exact.posterior <- function(uncertainty, fixed) is.null(fixed$prior_precision)

#' @exportS3Method
in_closed_form.posterior <- function(uncertainty) new_closed(uncertainty, "closed_posterior")

#' @exportS3Method
has_posterior.posterior <- function(fit) TRUE

#' @exportS3Method
has_effect_posterior.posterior <- function(fit) TRUE

#' @exportS3Method
fit_words.posterior <- function(fit) {
  centre <- if (anyNA(fit$variances)) "medians" else "means"
  utils::modifyList(NextMethod(), list(
    method = "exact Bayesian inference", objective = "log posterior density",
    curve = "log posterior density",
    loglik = paste("log-likelihood at the posterior", centre, ""),
    fixed = "posterior mean, standard deviation and quantiles", interval = "credible",
    panel = "Posterior of pve", compare = ", log_evidence() or bayes_factor()"
  ))
}

# Evidence, evidence against no random effects, diagnostics.
#' @exportS3Method
print_evidence.posterior <- function(fit, digits) {
  evidence <- integrated_evidence(fit)
  cat("\n")
  if (length(improper_parts(fit$prior, fit$dims$n_fixed)) == 0) {
    cat("Log evidence ", format(evidence$log, digits = digits + 3), "\n", sep = "")
  }
  if (!"random" %in% improper_parts(fit$prior)) {
    cat(
      "Log Bayes factor of random effects against none: ",
      format(evidence$log - evidence$log_null, digits = 4), "\n", sep = ""
    )
  }
  diagnostics <- fit$posterior$diagnostics
  if (!is.null(diagnostics)) {
    cat("Chains (R-hat near 1, effective draws):\n")
    print(format(diagnostics, digits = 4))
  }
}

#' @exportS3Method
variance_covariance.posterior <- function(fit) fit$posterior$covariance

#' @exportS3Method
pve_se.posterior <- function(fit) fit$posterior$pve_sd

#' @exportS3Method
pve_limits.posterior <- function(fit, level) share_quantiles(fit, tail_levels(level))

#' @exportS3Method
exact_pve_limits.posterior <- function(fit, level, draws, seed) pve_limits(fit, level)

#' @exportS3Method
parameter_limits.posterior <- function(fit, names, kind, level, method) {
  limits_by_name(names, function(name) credible_interval(fit, name, kind, level))
}

#' @exportS3Method
effect_se.posterior <- function(fit, design, at = NULL) {
  if (is.null(at)) return(bayes_effect_se(fit, design))
  parts <- effect_components(fit, design, at)
  sqrt(mixture_moments(fit$posterior, parts$mean, parts$sd)$variance)
}

#' @exportS3Method
mean_variance.posterior <- function(fit, rows, random) mixture_variance(fit, rows, random)

#' @exportS3Method
row_limits.posterior <- function(fit, rows, mean, variance, asked) {
  mixture_limits(fit, rows, asked)
}

#' @exportS3Method
loo_rows.posterior <- function(fit) list(table = mixture_loo(fit), is_integrated = TRUE)

#' @exportS3Method
profile_at.posterior <- function(fit, h) log_share_density(fit, h)

#' @exportS3Method
profile_modes.posterior <- function(fit) {
  modes <- posterior_mode(fit)
  boundary <- switch(modes$where[1], `pve = 0` = "random", `pve = 1` = "residual", "none")
  list(modes = modes, boundary = boundary, pole = if (boundary == "random") 0 else 1)
}

#' @exportS3Method
share_panel.posterior <- function(fit, interval) {
  list(curve = share_curve(fit), is_density = TRUE)
}

#' @exportS3Method
evidence_of.posterior <- function(fit) exact_log_evidence(fit)

#' @exportS3Method
own_criterion.posterior <- function(fit) {
  data.frame(log_evidence = or_missing(evidence_of(fit)))
}

#' @exportS3Method
require_posterior.posterior <- function(fit, what) invisible(fit)
