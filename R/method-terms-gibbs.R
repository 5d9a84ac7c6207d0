# Gibbs sampling with several random terms or with blocks: draws of all covariances and of the fixed
# effects, of which an even selection are the nodes of a posterior.

fit_terms_gibbs <- function(problem, engine, control) {
  fixed <- problem$fixed
  if (fixed$is_exact && is.null(fixed$prior_precision)) {
    warn_exact("all variances are 0")
    return(exact_terms(problem, engine$criterion))
  }
  stop_improper_exact(problem)
  require_terms_memory(problem, control)
  prior <- internal_terms_prior(problem)
  system <- identified_terms(problem, control)$pointer
  stop_improper_terms(problem, system)
  raw <- cpp_terms_gibbs(
    system, prior, fixed$prior_precision, gibbs_options(problem, control), make_host(control)
  )
  if (raw$status != "completed") stop_out_of_range(raw$sweep)
  result <- sampled_terms_result(problem, system, raw[c("relative", "sigma2")])
  result$draws <- terms_draws_array(raw, problem, control$chains)
  with_chain_diagnostics(result, terms_gibbs_trace(result$draws, problem), raw$accepted)
}

# Array [draws x chains x parameters] in the user's units: fixed effects, variances and covariances,
# correlations, shares of several terms, and that of all.
terms_draws_array <- function(raw, problem, chains) {
  fixed <- problem$fixed
  parameters <- terms_parameters(problem$designs)
  omega <- unscale_draws(fixed, raw$delta)
  rownames(omega) <- names(fixed$omega)[fixed$kept]
  inside <- rbind(raw$relative * rep(raw$sigma2, each = nrow(raw$relative)), raw$sigma2)
  variances <- user_parameter_points(problem$units, problem$designs, parameters, inside)
  correlations <- t(correlations_of(correlation_places(parameters), t(variances)))
  shares <- t(relative_shares(problem, raw$relative))
  rownames(variances) <- variance_labels(parameters$name, covariance_names(problem))
  rownames(shares) <- c(if (nrow(shares) > 1) paste0("pve.", names(problem$designs)), "pve")
  all <- rbind(omega, variances, correlations, shares)
  array(
    t(all), c(ncol(all) / chains, chains, nrow(all)), dimnames = list(NULL, NULL, rownames(all))
  )
}

# A row a draw.
terms_gibbs_trace <- function(draws, problem) {
  out <- chain_frame(nrow(draws), ncol(draws))
  names <- terms_parameters(problem$designs)$name
  labels <- variance_labels(names, covariance_names(problem))
  for (i in seq_along(names)) out[[names[i]]] <- as.vector(draws[, , labels[i]])
  out
}

# The posterior has no finite mass where a density of a variance that lies on 0, or that falls off
# more slowly than its levels make up for, meets the likelihood (Hobert and Casella 1996). Draws
# would not show it.
stop_improper_terms <- function(problem, system) {
  prior <- problem$prior
  fixed <- problem$fixed
  n <- length(fixed$residual)
  left <- n - if (is.null(fixed$prior_precision)) fixed$rank else 0
  scale <- if (is.null(prior$pve)) prior$residual else prior$total
  if (scale$kind == "flat" && left <= 2) stop_improper_posterior("all variances grow")
  if (!is.null(prior$pve)) return(invisible())
  if (scale$kind == "jeffreys" && is_reproduced(problem, system)) {
    stop_improper_posterior("the residual variance tends to 0")
  }
  for (design in problem$designs) {
    kind <- term_density(prior, design)$kind
    r <- coefficient_width(design)
    levels <- min(design$n_cols / r - fixed$has_constant, left)
    what <- paste("the variance of", backtick(design$label))
    if (kind == "jeffreys") stop_improper_posterior(paste(what, "tends to 0"))
    if (kind == "flat" && levels <= 2 * r) stop_improper_posterior(paste(what, "grows"))
  }
}

# Whether the terms and the fixed effects fit every row as the residual variance tends to 0: what
# they leave of y then falls with it.
is_reproduced <- function(problem, system) {
  left <- function(ratio) {
    relative <- lapply(coefficient_widths(problem$designs), function(r) diag(ratio, r))
    cpp_terms_evaluate(system, "REML", relative, problem$host)$rss
  }
  100 * left(1e6) < 10 * left(1e4)
}
