# Exact Bayes for one random term: the posterior of both variances as a finite set of nodes, by
# quadrature or from Gibbs draws, and everything else conditional on them in closed form.

fit_quadrature <- function(problem, engine, control) {
  stop_improper_exact(problem)
  prior <- internal_prior(problem)
  found <- integrate_posterior(problem, prior, control)
  posterior <- quadrature_posterior(problem, found)
  moments <- variance_moments(posterior, problem$system$kappa)
  evidence <- quadrature_evidence(problem, prior, found)
  result <- bayes_result(problem, prior, posterior, moments, control)
  result$posterior$evidence <- evidence
  result$convergence <- evidence_trace(found$trace, result$variances, evidence)
  result$is_converged <- found$is_converged
  result$reason <- paste0(
    "the log evidence changed by ", format(found$error, digits = 2), " when the step was halved"
  )
  warn_not_converged(result)
  result
}

# log p(y) and log p(y | sigma_b^2 = 0), each up to the constants that improper priors lack.
quadrature_evidence <- function(problem, prior, found) {
  criterion <- if (is.null(problem$fixed$prior_precision)) "REML" else "ML"
  constant <- loglik_constant(problem$fixed, criterion)
  null <- found$target
  null$prior$on_shares <- TRUE
  null$prior$first <- list(kind = "beta", a = 0, b = 0)  # no density of a share that is known
  list(
    log = found$log_mass + prior$log_constant + constant, error = found$error,
    log_null = evaluate_target(null, -Inf)$log_density + prior$null_constant + constant,
    constant = prior$log_constant + constant, is_proper = prior$is_proper
  )
}

evidence_trace <- function(trace, variances, evidence) {
  out <- data.frame(
    iteration = trace$iteration, objective = trace$log_mass + evidence$constant,
    error = trace$error, nodes = trace$nodes
  )
  for (name in names(variances)) out[[name]] <- variances[[name]]
  out
}

# The fit's numbers are posterior means, standard errors posterior standard deviations, where those
# exist; see posterior-orders.R.
bayes_result <- function(problem, prior, posterior, moments, control) {
  fixed <- problem$fixed
  design <- lone_design(problem)
  system <- problem$system
  core <- posterior$core
  sums <- node_weights(posterior)
  host <- make_host(control)
  mixed <- function(weights) {
    cpp_mixture_response(design$core, fixed$root, system, core, weights, host)
  }
  orders <- variance_orders(problem, prior)
  moments <- with_existing_moments(moments, orders, function(name) {
    posterior_median(problem, prior, posterior, name, control)
  })
  centre <- moments$centre
  tau2 <- system$kappa * centre[["random"]] + centre[["residual"]]
  share <- list(
    h = system$kappa * centre[["random"]] / tau2, nu = centre[["residual"]] / tau2
  )
  effects <- cpp_mixture_effects(design$core, fixed$root, system, core, sums$weight, host)
  omega <- mixture_fixed_moments(posterior, system, fixed, sums, orders)
  variances <- user_variances(tau2, share, system, problem)
  variances[is.na(moments$mean)] <- NA_real_
  covariance <- user_variance_covariance(problem$units, moments$covariance, names(variances))
  dimnames(covariance) <- list(names(variances), names(variances))
  at_mean <- at_total(system, fixed$prior_root, tau2)
  e <- cpp_evaluate(at_mean, share$h, share$nu)
  loglik <- likelihood_value(e, tau2, system$kappa, fixed)
  list(
    omega = omega$mean, vcov = omega$covariance, variances = variances, tau2 = tau2,
    share = share,
    kappa = user_kappa(design),
    pve = stats::setNames(moments$pve, design$label),
    effects = stats::setNames(
      list(user_effects(problem$units, effects, design$label)), design$label
    ),
    alpha = mixed(sums$weight), noise = mixed(sums$weight * core$nu), system = at_mean,
    sensitivity = NULL, information = NULL, loglik = loglik, value = NULL, boundary = "none",
    is_unbounded = FALSE, grid = NULL, prior = problem$prior,
    notes = missing_mean_notes(orders, names(variances)),
    posterior = c(posterior, list(
      covariance = covariance, pve_sd = moments$pve_sd, kappa = system$kappa, orders = orders
    ))
  )
}

# Of a variance, in the units of the core.
posterior_median <- function(problem, prior, posterior, name, control) {
  if (!is.null(posterior$sample)) return(stats::median(posterior$sample[[name]]))
  fine <- fine_posterior(posterior$grid, posterior_target(problem, prior, control))
  fine_variance_quantiles(fine, name, problem$system$kappa, 0.5)
}

# Posterior mean and covariance of the fixed effects in the user's units.
mixture_fixed_moments <- function(posterior, system, fixed, sums, orders) {
  at <- cpp_mixture_fixed(system, posterior$core)
  pooled <- pooled_fixed_moments(fixed, at$mean, at$covariance, sums)
  covariance <- pooled$covariance
  own <- existing_variance(diagonal(covariance), orders, function(h, tau) {
    if (!is.null(fixed$prior_precision)) return(0)
    diagonal(unscale_covariance(fixed, cpp_evaluate(system, h, 1 - h)$covariance))
  })
  infinite <- is.infinite(own)
  covariance[infinite, ] <- covariance[, infinite] <- NA_real_
  diag(covariance)[infinite] <- Inf
  list(mean = pooled$mean, covariance = covariance)
}
