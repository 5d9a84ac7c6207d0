# Fits that need no engine: y in the span of Z, or a design whose columns are all zero.

# y lies in the span of Z: nothing is left for either variance.
exact_fit <- function(problem, uncertainty) {
  if (!is.null(problem$fixed$prior_precision)) {
    abort(
      "exact_fit", "the response is explained exactly by the fixed effects, and a normal prior of ",
      "them has no answer where both variances are 0: leave `fixed` out of lmm_prior()."
    )
  }
  warn_exact("both variances are 0")
  closed_result(problem, uncertainty, "exact", 0, Inf)
}

warn_exact <- function(consequence) {
  warn(
    "exact_fit", "the response is explained exactly by the fixed effects: ", consequence,
    ", and the log-likelihood is infinite."
  )
}

null_design_fit <- function(problem, uncertainty) {
  warn(
    "not_identified", "every column of ", backtick(lone_design(problem)$label), " is zero: its ",
    "variance is not identified and is set to 0."
  )
  fixed <- problem$fixed
  n <- nrow(fixed$q)
  df <- if (is_restricted(uncertainty)) n - fixed$rank else n
  rss <- cpp_evaluate(problem$system, 0, 1)$rss
  value <- -0.5 * df * (log(2 * pi) + 1 + log(rss / df))
  closed_result(problem, uncertainty, "random", rss / df, value)
}

closed_form <- "closed form"

closed_result <- function(problem, uncertainty, boundary, tau2, value) {
  criterion <- uncertainty$criterion
  fixed <- problem$fixed
  system <- problem$system
  share <- list(h = 0, nu = 1)
  e <- cpp_evaluate(system, 0, 1)
  result <- assemble_result(problem, e, share, tau2, criterion)
  loglik <- value + loglik_constant(fixed, criterion)
  trace <- data.frame(value = value, h = 0, nu = 1, tau2 = tau2)
  c(result, list(
    loglik = loglik, value = value, boundary = boundary, is_unbounded = FALSE,
    modes = data.frame(pve = 0, logLik = loglik, where = "pve = 0"), grid = NULL,
    convergence = trace_table(trace, system, problem, criterion),
    is_converged = TRUE, reason = closed_form, uncertainty = in_closed_form(uncertainty)
  ))
}
