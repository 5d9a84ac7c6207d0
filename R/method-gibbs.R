# Gibbs sampling: draws of both variances, grouped into nodes of a posterior.

fit_gibbs <- function(problem, engine, control) {
  stop_improper_exact(problem)
  prior <- internal_prior(problem)
  stop_improper_gibbs(problem)
  raw <- cpp_gibbs(
    problem$system, prior, prior$fixed_precision, gibbs_options(problem, control),
    make_host(control)
  )
  if (raw$status != "completed") stop_out_of_range(raw$sweep)
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
  with_chain_diagnostics(result, gibbs_trace(raw, problem))
}

stop_out_of_range <- function(sweep) {
  abort(
    "improper_prior", "the sampler left the range of numbers in sweep ", sweep, ": the posterior ",
    "is improper or nearly so, or the residual variance is less than the rounding of the ",
    "random effects. Give proper priors, see lmm_prior()."
  )
}

# A result with `draws`: what R-hat says of them. accepted: share of proposals, NaN where draws are
# none.
with_chain_diagnostics <- function(result, trace, accepted = NaN) {
  diagnostics <- chain_diagnostics(result$draws)
  result$posterior$diagnostics <- diagnostics
  result$convergence <- trace
  result$is_converged <- is.null(diagnostics) || all(diagnostics$rhat < 1.05, na.rm = TRUE)
  result$reason <- if (is.null(diagnostics)) {
    "all draws made; install the package posterior for R-hat"
  } else if (all(is.na(diagnostics$rhat))) {
    "all draws made; too few for R-hat"
  } else {
    paste0("largest R-hat ", format(max(diagnostics$rhat, na.rm = TRUE), digits = 4))
  }
  if (is.finite(accepted)) {
    result$reason <- paste0(result$reason, "; ", round(100 * accepted), "% of proposals accepted")
  }
  warn_not_converged(result)
  result
}

# The integral of the posterior exists only if quadrature finds that it does.
stop_improper_gibbs <- function(problem) {
  target <- posterior_target(problem, internal_prior(problem), lmm_control())
  posterior_tails(target, posterior_range(target, problem$system), 0)
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
  out <- chain_frame(nrow(raw$random), ncol(raw$random))
  variances <- gibbs_variances(raw, problem)
  for (name in names(variances)) out[[name]] <- as.vector(variances[[name]])
  out
}

chain_frame <- function(draws, chains) {
  data.frame(
    iteration = rep(seq_len(draws), chains), chain = rep(seq_len(chains), each = draws),
    objective = NA_real_
  )
}
