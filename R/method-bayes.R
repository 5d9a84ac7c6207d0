# Exact Bayes for one random term: the posterior of both variances as a finite set of nodes, by
# quadrature or from Gibbs draws, and everything else conditional on them in closed form.

fit_quadrature <- function(problem, engine, control) {
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

# log p(y) under the prior of a fit, by quadrature whatever the method of the fit.
exact_log_evidence <- function(fit) {
  bad <- improper_parts(fit$prior, fit$dims$n_fixed)
  if (length(bad) > 0) stop_improper(bad, "the log evidence")
  integrated_evidence(fit)$log
}

# The same with flat and Jeffreys densities taken as they stand.
integrated_evidence <- function(fit) {
  if (!is.null(fit$posterior$evidence)) return(fit$posterior$evidence)
  cache <- fit$internal$cache
  if (is.null(cache$evidence)) {
    problem <- problem_of(fit)
    prior <- internal_prior(problem)
    posterior <- integrate_posterior(problem, prior, fit$control)
    cache$evidence <- quadrature_evidence(problem, prior, posterior)
  }
  cache$evidence
}

#' Bayes factor of the random effects
#'
#' Evidence of the model with random effects over that of the model without them, under the priors
#' of the fit. The priors of the fixed effects, and of the residual or total variance, are common to
#' both and may be improper.
#'
#' @param fit a fit of [lmm()] by `method = "Bayes"`.
#' @param log `TRUE` gives the natural logarithm.
#' @param ... nothing: an argument that is not listed here is an error.
#' @return A number: above one, the data speak for `sigma_b^2 > 0`.
#' @section Errors: `hdlmm_unsupported` for other methods; `hdlmm_improper_prior` when the prior of
#'   `sigma_b^2` itself is improper.
#' @references Kass and Raftery (1995). Bayes factors. *J. Am. Stat. Assoc.* 90, 773-795.
#'   \doi{10.1080/01621459.1995.10476572}
#' @examples
#' fit <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys, method = "Bayes")
#' bayes_factor(fit, log = TRUE)
#' @export
bayes_factor <- function(fit, log = FALSE, ...) {
  check_dots()
  check_fit(fit)
  check_flag(log, "log")
  require_posterior(fit, "bayes_factor()")
  if ("random" %in% improper_parts(fit$prior)) stop_improper("random", "a Bayes factor")
  evidence <- integrated_evidence(fit)
  value <- evidence$log - evidence$log_null
  if (log) value else exp(value)
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
  design <- problem$designs[[1]]
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
  c <- fixed$rank
  mean <- drop(at$mean %*% sums$weight)
  centred <- at$mean - mean
  covariance <- matrix(at$covariance %*% sums$second, c, c) +
    centred %*% (sums$weight * t(centred))
  omega <- fixed$omega
  omega[fixed$kept] <- omega[fixed$kept] + unscale_coefficients(fixed, mean)
  covariance <- unscale_covariance(fixed, covariance)
  own <- existing_variance(diagonal(covariance), orders, function(h, tau) {
    if (!is.null(fixed$prior_precision)) return(0)
    diagonal(unscale_covariance(fixed, cpp_evaluate(system, h, 1 - h)$covariance))
  })
  infinite <- is.infinite(own)
  covariance[infinite, ] <- covariance[, infinite] <- NA_real_
  diag(covariance)[infinite] <- Inf
  list(mean = omega, covariance = covariance)
}

fit_gibbs <- function(problem, engine, control) {
  prior <- internal_prior(problem)
  stop_improper_gibbs(problem)
  raw <- cpp_gibbs(
    problem$system, prior, prior$fixed_precision, gibbs_options(problem, control),
    make_host(control)
  )
  if (raw$status != "completed") {
    abort(
      "improper_prior", "the sampler left the range of numbers in sweep ", raw$sweep, ": the ",
      "posterior is improper or nearly so. Give proper priors, see lmm_prior()."
    )
  }
  kappa <- problem$system$kappa
  total <- kappa * raw$random + raw$residual
  sample <- list(
    pve = as.vector(kappa * raw$random / total), random = as.vector(raw$random),
    residual = as.vector(raw$residual)
  )
  posterior <- gibbs_posterior(problem, sample, mean)
  result <- bayes_result(problem, prior, posterior, sample_moments(sample), control)
  kept <- gibbs_posterior(problem, sample, middle_of)
  result$posterior[names(kept)] <- kept
  result$draws <- gibbs_draws(raw, unscale_draws(problem$fixed, raw$delta), problem)
  diagnostics <- chain_diagnostics(result$draws)
  result$posterior$diagnostics <- diagnostics
  result$convergence <- gibbs_trace(raw, problem)
  result$is_converged <- is.null(diagnostics) || all(diagnostics$rhat < 1.05, na.rm = TRUE)
  result$reason <- if (is.null(diagnostics)) {
    "all draws made; install the package posterior for R-hat"
  } else if (all(is.na(diagnostics$rhat))) {
    "all draws made; too few for R-hat"
  } else {
    paste0("largest R-hat ", format(max(diagnostics$rhat, na.rm = TRUE), digits = 4))
  }
  warn_not_converged(result)
  result
}

# The integral of the posterior exists only if quadrature finds that it does.
stop_improper_gibbs <- function(problem) {
  target <- posterior_target(problem, internal_prior(problem), lmm_control())
  range <- share_range(problem$system)
  posterior_tails(target, range, 0)
}

gibbs_options <- function(problem, control) {
  seed <- value_or(control$seed, floor(stats::runif(1) * 2^31))
  list(
    draws = as.integer(control$draws), warmup = as.integer(control$warmup),
    thin = as.integer(control$thin), chains = as.integer(control$chains),
    seed = as.double(seed) %% 2^32
  )
}

# All draws in so many groups of neighbours by pve: nodes over which what follows from the variances
# is averaged.
gibbs_nodes <- 400

# pick: the values of a group [its draws] -> one. Means of effects take the mean of each group, as
# they are smooth in the variances; predictive distributions a draw of each, with its spread.
gibbs_posterior <- function(problem, sample, pick) {
  order <- order(sample$pve)
  count <- length(order)
  group <- ((seq_len(count) - 1) * min(count, gibbs_nodes)) %/% count + 1
  chosen <- function(x) vapply(split(x[order], group), pick, 0, USE.NAMES = FALSE)
  random <- problem$system$kappa * chosen(sample$random)
  residual <- chosen(sample$residual)
  total <- random + residual
  weight <- tabulate(group) / count
  points <- sampled_points(seq_along(total), weight, total)
  c(new_posterior(problem, random / total, residual / total, points), list(sample = sample))
}

middle_of <- function(x) x[(length(x) + 1) %/% 2]

sample_moments <- function(sample) {
  both <- cbind(random = sample$random, residual = sample$residual)
  list(
    mean = colMeans(both), covariance = stats::cov(both), pve = mean(sample$pve),
    pve_sd = stats::sd(sample$pve)
  )
}

# Array [draws x chains x parameters] in the user's units.
gibbs_draws <- function(raw, omega, problem) {
  variances <- gibbs_variances(raw, problem)
  names <- c(
    names(problem$fixed$omega)[problem$fixed$kept], paste0("var_", names(variances)), "pve"
  )
  kappa <- problem$system$kappa
  out <- array(0, c(dim(raw$random), length(names)), dimnames = list(NULL, NULL, names))
  for (j in seq_len(nrow(omega))) out[, , j] <- omega[j, ]
  at <- nrow(omega)
  out[, , at + 1] <- variances[[1]]
  out[, , at + 2] <- variances[[2]]
  out[, , at + 3] <- kappa * raw$random / (kappa * raw$random + raw$residual)
  out
}

# Draws of every variance in the user's units [draws x chains], by name.
gibbs_variances <- function(raw, problem) {
  names <- names(problem$units$variance)
  Map(
    function(x, name) user_variance(problem$units, x, name),
    stats::setNames(list(raw$random, raw$residual), names), names
  )
}

# R-hat and effective sample sizes by the package posterior, or NULL without it.
chain_diagnostics <- function(draws) {
  if (!requireNamespace("posterior", quietly = TRUE)) return(NULL)
  measure <- function(f) {
    # posterior warns of few draws in words of its own
    suppressWarnings(
      vapply(seq_len(dim(draws)[3]), function(j) f(matrix(draws[, , j], nrow(draws))), 0)
    )
  }
  data.frame(
    rhat = measure(posterior::rhat), ess_bulk = measure(posterior::ess_bulk),
    ess_tail = measure(posterior::ess_tail), row.names = make.unique(dimnames(draws)[[3]])
  )
}

gibbs_trace <- function(raw, problem) {
  out <- data.frame(
    iteration = rep(seq_len(nrow(raw$random)), ncol(raw$random)),
    chain = rep(seq_len(ncol(raw$random)), each = nrow(raw$random)), objective = NA_real_
  )
  variances <- gibbs_variances(raw, problem)
  for (name in names(variances)) out[[name]] <- as.vector(variances[[name]])
  out
}
