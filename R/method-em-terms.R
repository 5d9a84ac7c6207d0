# EM and PX-EM with several random terms or blocks: what users come to compare. The direct search
# runs beside it, for other modes and for maxima on the boundary, which EM nears without end.

fit_terms_em <- function(problem, engine, control) {
  best <- fit_terms(problem, engine, control)
  if (is_closed_terms(best)) return(best)
  run <- run_terms_em(best, problem, engine, control, NULL)
  at <- em_end(run, best)
  found <- cpp_terms_evaluate(best$pointer, engine$criterion, at, problem$host)
  result <- terms_result(problem, engine$criterion, em_found(found, run, best, engine$criterion))
  settle_terms_em(result, best)
}

fit_terms_map_em <- function(problem, engine, control) {
  best <- fit_terms_map(problem, engine, control)
  if (is_closed_terms(best)) return(best)
  prior <- best$prior_inside
  run <- run_terms_em(best, problem, engine, control, prior)
  found <- if (run$status == "boundary") best$found else
    cpp_terms_posterior(best$pointer, prior, em_end(run, best), problem$host)
  result <- terms_map_result(problem, prior, em_found(found, run, best, "ML"))
  settle_terms_em(result, best)
}

# y in the span of Z, where nothing is left to iterate.
is_closed_terms <- function(result) is.null(result$pointer)

run_terms_em <- function(best, problem, engine, control, prior) {
  if (control$accelerate == "squarem") {
    abort(
      "unsupported", "`accelerate = \"squarem\"` is for one random term of one variance; use ",
      "algorithm = \"pxem\" or \"direct\"."
    )
  }
  options <- list(
    tol = as.double(control$tol), max_iter = as.integer(value_or(control$max_iter, 10000)),
    limit = if (length(best$boundary) > 0) unname(best$relative), limit_value = best$value
  )
  cpp_terms_em(
    best$pointer, engine$criterion, engine$algorithm, prior, NULL, options, problem$host
  )
}

# Covariances where EM ends: those of the direct search on the boundary.
em_end <- function(run, best) {
  if (run$status == "boundary") unname(best$relative) else run$relative[[length(run$relative)]]
}

# An evaluation with what a search says of its end.
em_found <- function(found, run, best, criterion) {
  count <- length(run$value)
  own <- list(
    status = if (run$status == "iteration_limit") "em_limit" else paste0("em_", run$status),
    rank = if (run$status == "boundary") unname(best$rank) else
      vapply(found$relative, nrow, 0L),
    modes = best$value, is_unbounded = best$is_unbounded,
    trace = list(
      accepted = rep(TRUE, count), value = run$value, sigma2 = run$sigma2, relative = run$relative
    )
  )
  c(found[setdiff(names(found), names(own))], own)
}

settle_terms_em <- function(result, best) {
  result$certificate <- best$certificate
  result$pointer <- best$pointer
  result$system <- best$system
  warn_not_converged(result)
  gap <- best$value - result$value
  if (result$is_converged && gap > 1e-6) {
    warn(
      "local_mode", "EM ended at a local mode: the direct search finds one that is higher by ",
      format(gap, digits = 3), "; use algorithm = \"direct\"."
    )
  }
  result
}
