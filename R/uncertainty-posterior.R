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
  cat("\n")
  print_log_evidence(fit, digits)
  print_diagnostics(fit)
}

print_diagnostics <- function(fit) {
  diagnostics <- fit$posterior$diagnostics
  if (is.null(diagnostics)) return(invisible())
  cat("\nChains (R-hat near 1, effective draws):\n")
  print(format(diagnostics, digits = 4))
  cat_lines(paste0(capitalise(fit$reason), "."))
}

print_log_evidence <- function(fit, digits) {
  if (length(improper_parts(fit$prior, fit$dims$n_fixed)) == 0) {
    cat("Log evidence ", format(evidence_of(fit), digits = digits + 3), "\n", sep = "")
  }
  if ("random" %in% improper_parts(fit$prior)) return(invisible())
  factors <- log_bayes_factors(fit)
  labels <- names(factors)
  of <- if (is.null(labels)) "random effects against none" else
    paste(backtick(labels), "against the model without it")
  cat(paste0("Log Bayes factor of ", of, ": ", format(factors, digits = 4), "\n"), sep = "")
}

#' @exportS3Method
evidence_as_it_stands.posterior <- function(fit) integrated_evidence(fit)$log

#' @exportS3Method
log_bayes_factors.posterior <- function(fit) {
  evidence <- integrated_evidence(fit)
  evidence$log - evidence$log_null
}

#' @exportS3Method
variance_covariance.posterior <- function(fit) fit$posterior$covariance

#' @exportS3Method
pve_se.posterior <- function(fit) fit$posterior$pve_sd

#' @exportS3Method
pve_limits.posterior <- function(fit, level) share_quantiles(fit, tail_levels(level))

#' @exportS3Method
limit_methods.posterior <- function(fit, kind) character()

#' @exportS3Method
parameter_limits.posterior <- function(fit, names, kind, level, method) {
  limits_by_name(names, function(name) credible_interval(fit, name, kind, level))
}

#' @exportS3Method
fixed_at_nodes.posterior <- function(fit, index) fixed_components(fit, index)

#' @exportS3Method
effects_at_nodes.posterior <- function(fit, design, index) effect_components(fit, design, index)

#' @exportS3Method
rows_at_nodes.posterior <- function(fit, rows, random, weights = NULL) {
  row_components(fit, rows, random, weights)
}

#' @exportS3Method
parameter_law.posterior <- function(fit, name, kind, fine = fine_of(fit)) {
  list(
    mean = if (kind == "pve") unname(fit$pve) else fit$variances[[name]],
    sd = if (kind == "pve") pve_se(fit) else variance_se(fit)[[name]],
    quantiles = function(p) {
      if (kind == "pve") share_quantiles(fit, p, fine) else variance_limits(fit, name, p, fine)
    },
    density = function(n) density_curve(fit, name, n)
  )
}

#' @exportS3Method
effect_se.posterior <- function(fit, design, at = NULL) {
  if (is.null(at)) return(bayes_effect_se(fit, design))
  parts <- effects_at_nodes(fit, design, at)
  sqrt(mixture_moments(fit$posterior, parts$mean, parts$sd)$variance)
}

#' @exportS3Method
mean_variance.posterior <- function(fit, rows, random) mixture_variance(fit, rows, random)

#' @exportS3Method
row_limits.posterior <- function(fit, rows, mean, variance, asked) {
  mixture_limits(fit, rows, asked)
}

#' @exportS3Method
row_log_densities.posterior <- function(fit, rows, mean, variance, y, asked) {
  parts <- rows_at_nodes(fit, rows, asked$random, asked$weights)
  log(mixture_row_densities(fit$posterior, parts$mean, parts$sd, y))
}

#' @exportS3Method
loo_rows.posterior <- function(fit) {
  p <- mixture_projection(fit, fit$posterior$core)
  # without a row the posterior has a degree of freedom less
  orders <- structure(fit$posterior$orders - 0.5, both = attr(fit$posterior$orders, "both") - 0.5)
  table <- mixture_loo(fit, p, function(variance) {
    existing_variance(variance, orders, function(h, tau) {
      1 / mixture_projection(fit, one_node(fit$posterior$core, h, tau))$diagonal[, 1]
    })
  })
  list(table = table, is_integrated = TRUE)
}

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
