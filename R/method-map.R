# MAP: log-likelihood plus log prior, maximised over the fixed effects and both variances.
#
# A mode depends on the parameter in which the prior is a density. Each prior is taken as stated:
# of a variance, of a standard deviation (half t), of pve or of the total variance.

fit_map <- function(problem, engine, control) {
  prior <- internal_prior(problem)
  best <- search_map(problem, prior, control)
  result <- map_result(problem, prior, best)
  warn_not_converged(result)
  result
}

search_map <- function(problem, prior, control) {
  stop_infinite_density(problem$prior, lone_design(problem))
  search <- cpp_search_posterior(
    problem$system, prior, prior_root(problem), search_options(control), problem$host
  )
  if (search$is_unbounded && is_bounded_likelihood(problem$system)) {
    return(bounded_by_likelihood(search))
  }
  choose_mode(search, "ML", lone_design(problem), "posterior density")
}

# Whether X alone reaches every row: then the likelihood is finite at sigma_e^2 = 0.
is_bounded_likelihood <- function(system) is.finite(cpp_evaluate(system, 1, 0)$log_det_v)

# A density that tends to infinity with the residual variance at 0 where the likelihood does not:
# that of the prior does.
bounded_by_likelihood <- function(search) {
  what <- paste0(
    "the posterior density tends to infinity as the residual variance tends to 0, for its prior ",
    "density does (prior_jeffreys() is 1 / variance) and the likelihood is finite there"
  )
  advice <- "give `residual` another prior, as prior_half_t(), or use method = \"Bayes\"."
  if (nrow(search$modes) == 0) {
    abort("unbounded_posterior", what, "; there is no mode inside: ", advice)
  }
  warn("unbounded_posterior", what, ". A mode inside is returned; ", advice)
  list(
    mode = lapply(search$modes, `[`, 1), modes = search$modes, trace = search$traces[[1]],
    grid = search$grid, is_unbounded = TRUE, evaluation = search$at_best
  )
}

# EM with the prior in its M step; the direct search runs beside it, as for the likelihoods.
fit_map_em <- function(problem, engine, control) {
  prior <- internal_prior(problem)
  best <- search_map(problem, prior, control)
  run <- cpp_em(
    problem$system, "ML", "em", n_coefficients(lone_design(problem), problem$system),
    em_options(control), prior, prior$fixed_precision, NULL, make_host(control)
  )
  reached <- best
  reached$mode <- replace(best$mode, c("h", "nu", "tau2"), list(run$h, run$nu, run$tau2))
  reached$mode$value <- run$trace$value[nrow(run$trace)]
  reached$mode$kind <- switch(run$status,
    boundary_random = "zero", boundary_residual = "one", "interior"
  )
  reached$trace <- run$trace
  result <- map_result(problem, prior, reached)
  result$is_converged <- run$status %in% c("converged", "boundary_random", "boundary_residual")
  result$reason <- em_reason(run$status)
  warn_not_converged(result)
  warn_local_mode(result, best)
  result
}

# A density that is infinite at a variance of zero has its mode there whatever the data.
stop_infinite_density <- function(prior, design) {
  share <- lone_share(prior$pve, design$label)
  random <- if (is.null(share)) random_density(prior, design$label) else share
  residual <- if (is.null(share)) prior$residual else share
  is_infinite <- function(density, at) {
    density$kind == "jeffreys" || (density$kind == "beta" && density[[at]] < 1)
  }
  if (is_infinite(random, "a")) stop_infinite_at_zero(design$label)
  if (is_infinite(residual, "b") && residual$kind == "beta") stop_infinite_at_one()
}

stop_infinite_at_zero <- function(labels) {
  abort(
    "unbounded_posterior", "the prior density is infinite where the variance of ",
    enumerate(backtick(labels), Inf), " is 0, so the mode is there whatever the data: use another ",
    "prior or method = \"Bayes\"."
  )
}

stop_infinite_at_one <- function() {
  abort(
    "unbounded_posterior", "the prior density is infinite at pve = 1, so the mode is there ",
    "whatever the data: use another prior or method = \"Bayes\"."
  )
}

# Lambda^1/2 of the coefficients of Q in the turned basis, without rows when their prior is flat.
prior_root <- function(problem) {
  root <- problem$fixed$prior_root
  if (is.null(root)) return(matrix(0, 0, problem$fixed$rank))
  at_total(problem$system, root, 1)$parts$prior_rows
}

map_result <- function(problem, prior, best) {
  fixed <- problem$fixed
  share <- list(h = best$mode$h, nu = best$mode$nu)
  tau2 <- best$mode$tau2
  problem$system <- at_total(problem$system, fixed$prior_root, tau2)
  e <- cpp_evaluate(problem$system, share$h, share$nu)
  result <- assemble_result(problem, e, share, tau2, "ML")
  result$information <- result$information + prior_information(prior, share, tau2)
  boundary <- switch(best$mode$kind, zero = "random", one = "residual", "none")
  c(result, list(
    loglik = likelihood_value(e, tau2, problem$system$kappa, fixed), value = best$mode$value,
    boundary = boundary,
    is_unbounded = best$is_unbounded, modes = mode_table(best$modes, fixed, "ML"),
    grid = best$grid, convergence = trace_table(best$trace, problem$system, problem, "ML"),
    is_converged = best$mode$termination == "converged",
    reason = if (best$mode$kind == "interior") termination_reason(best$mode$termination) else
      "the maximum lies on the boundary",
    prior = problem$prior, prior_inside = prior
  ))
}

# log p(y) at given parameters, without the prior's rows: the fit counts them into y'P y.
likelihood_value <- function(e, tau2, kappa, fixed) {
  n <- nrow(fixed$q)
  rss <- if (e$nu > 0) e$h / kappa * e$quad_k + e$quad_noise else e$rss
  -0.5 * (n * log(2 * pi * tau2) + e$log_det_v + rss / tau2) + loglik_constant(fixed, "ML")
}

# Negative curvature of the log prior by both log variances (Laplace's approximation).
prior_information <- function(prior, share, tau2) {
  if (share$h == 0 || share$nu == 0) return(matrix(0, 2, 2))
  at <- cpp_log_prior(
    prior, log(tau2 * share$h / prior$kappa), log(tau2 * share$nu), TRUE
  )
  -matrix(at[1, c(4, 5, 5, 6)], 2)
}
