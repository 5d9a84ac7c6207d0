# EM and PX-EM for ML and REML: what users come to compare. The direct search runs beside it, for
# the other modes and for everything that needs the profile.

fit_em <- function(problem, engine, control) {
  search <- cpp_search(
    problem$system, engine$criterion, search_options(control), make_host(control)
  )
  best <- choose_mode(search, engine$criterion, lone_design(problem))
  if (is.infinite(best$mode$value)) return(likelihood_result(problem, engine$criterion, best))
  run <- run_em(problem, engine, control, NULL)
  if (run$status == "unbounded") run <- run_em(problem, engine, control, em_start(problem, best))
  result <- em_result(problem, engine, run, best)
  warn_not_converged(result)
  warn_local_mode(result, best)
  result
}

run_em <- function(problem, engine, control, start) {
  cpp_em(
    problem$system, engine$criterion, engine$algorithm,
    n_coefficients(lone_design(problem), problem$system), em_options(control), NULL, NULL, start,
    make_host(control)
  )
}

em_options <- function(control) {
  list(
    tol = as.double(control$tol), max_iter = as.integer(value_or(control$max_iter, 10000)),
    accelerate = control$accelerate == "squarem"
  )
}

# The mode that the direct search found, off the boundary: from where EM runs away it does not
# come back.
em_start <- function(problem, best) {
  h <- min(max(best$mode$h, 1e-3), 1 - 1e-3)
  e <- cpp_evaluate(problem$system, h, 1 - h)
  list(h = h, nu = 1 - h, tau2 = best$mode$tau2, delta = e$delta)
}

em_result <- function(problem, engine, run, best) {
  fixed <- problem$fixed
  criterion <- engine$criterion
  share <- list(h = run$h, nu = run$nu)
  e <- cpp_evaluate(problem$system, share$h, share$nu)
  value <- criterion_of(e, run$tau2, problem, criterion)
  result <- assemble_result(problem, e, share, run$tau2, criterion)
  c(result, list(
    loglik = value + loglik_constant(fixed, criterion), value = value,
    boundary = switch(run$status,
      boundary_random = "random", boundary_residual = "residual", "none"
    ),
    is_unbounded = best$is_unbounded, modes = mode_table(best$modes, fixed, criterion),
    grid = best$grid,
    convergence = trace_table(run$trace, problem$system, problem, criterion),
    is_converged = run$status %in% c("converged", "boundary_random", "boundary_residual"),
    reason = em_reason(run$status)
  ))
}

# The criterion of the core at an evaluation and any tau^2.
criterion_of <- function(e, tau2, problem, criterion) {
  reml <- criterion == "REML"
  df <- nrow(problem$fixed$q) - if (reml) problem$fixed$rank else 0
  log_det <- if (reml) e$log_det_restricted else e$log_det_v
  -0.5 * (df * (log(2 * pi) + log(tau2)) + log_det + e$rss / tau2)
}

em_reason <- function(status) {
  switch(status,
    converged = "the projected change of both log variances fell below sqrt(`tol`) / 10",
    iteration_limit = "`max_iter` iterations were made",
    unbounded = "the residual variance ran towards 0, where the likelihood is unbounded",
    "the maximum lies on the boundary"
  )
}

warn_local_mode <- function(result, best) {
  gap <- best$mode$value - result$value
  if (!result$is_converged || !(gap > 1e-6)) return(invisible())
  warn(
    "local_mode", "EM ended at a local mode (pve = ", format(unname(result$pve), digits = 3),
    "): the direct search finds a mode at pve = ", format(best$mode$h, digits = 3),
    " whose log-likelihood is higher by ", format(gap, digits = 3),
    "; use algorithm = \"direct\"."
  )
}
