# ML and REML with one random term: every mode of the profiled likelihood over h in [0, 1].

fit_likelihood <- function(problem, engine, control) {
  search <- cpp_search(problem$system, engine$criterion, search_options(control), problem$host)
  best <- choose_mode(search, engine$criterion, lone_design(problem))
  result <- likelihood_result(problem, engine$criterion, best)
  warn_not_converged(result)
  result
}

# The highest mode, or what an unbounded likelihood leaves.
choose_mode <- function(search, criterion, design, what = "likelihood") {
  modes <- search$modes
  if (search$is_unbounded && nrow(modes) == 0 && criterion == "REML") {
    modes <- data.frame(
      phi = Inf, h = 1, nu = 0, value = Inf, slope = 0, curvature = 0, tau2 = NA, kind = "one",
      termination = "converged"
    )
    search$traces <- list(modes)
  }
  if (nrow(modes) == 0) {
    abort(
      "unbounded_likelihood", "the likelihood is unbounded as the residual variance tends to 0 ",
      "and has no interior mode; use method = \"REML\"."
    )
  }
  if (search$is_unbounded) warn_unbounded(modes, criterion, design, what)
  list(
    mode = lapply(modes, `[`, 1), modes = modes, trace = search$traces[[1]], grid = search$grid,
    is_unbounded = search$is_unbounded, evaluation = search$at_best
  )
}

warn_unbounded <- function(modes, criterion, design, what) {
  cause <- if (criterion == "ML") {
    paste0(
      "a direction outside the span of ", backtick(design$label), " is fitted exactly by the ",
      "fixed effects (as when its columns are centred), so the ", what,
      " tends to infinity as the residual variance tends to 0"
    )
  } else {
    paste0(
      "the fixed effects and ", backtick(design$label), " reproduce the response exactly, so the ",
      "restricted likelihood tends to infinity as the residual variance tends to 0"
    )
  }
  outcome <- switch(modes$kind[1],
    one = "The residual variance is set to 0",
    zero = "The mode at the boundary pve = 0 is returned",
    "The interior mode is returned"
  )
  advice <- if (criterion == "ML") "; REML does not have this defect"
  warn("unbounded_likelihood", cause, ". ", outcome, advice, ".")
}

warn_not_converged <- function(result) {
  if (!result$is_converged) warn("not_converged", "the fit did not converge: ", result$reason, ".")
}

termination_reason <- function(termination) {
  switch(termination,
    converged = "the step in log(sigma_b^2 / sigma_e^2) fell below `tol`",
    iteration_limit = "`max_iter` steps were made",
    tolerance_unattainable =
      "`tol` is below machine precision; the estimates are as exact as doubles allow"
  )
}

likelihood_result <- function(problem, method, best) {
  fixed <- problem$fixed
  system <- problem$system
  design <- lone_design(problem)
  share <- list(h = best$mode$h, nu = best$mode$nu)
  e <- best$evaluation
  if (is.null(e)) e <- cpp_evaluate(system, share$h, share$nu)
  df <- if (method == "REML") nrow(fixed$q) - fixed$rank else nrow(fixed$q)
  tau2 <- e$rss / df
  loglik <- best$mode$value + loglik_constant(fixed, method)
  trace <- best$trace
  if (anyNA(trace$tau2)) trace$tau2[is.na(trace$tau2)] <- tau2
  result <- assemble_result(problem, e, share, tau2, method)
  boundary <- switch(best$mode$kind, zero = "random", one = "residual", "none")
  c(result, list(
    loglik = loglik, value = best$mode$value, boundary = boundary,
    is_unbounded = best$is_unbounded,
    modes = mode_table(best$modes, fixed, method),
    grid = best$grid,
    convergence = trace_table(trace, system, problem, method),
    is_converged = best$mode$termination == "converged",
    reason = if (best$mode$kind == "interior") termination_reason(best$mode$termination) else
      "the maximum lies on the boundary"
  ))
}

# Everything that follows from the variances alone.
assemble_result <- function(problem, e, share, tau2, method) {
  fixed <- problem$fixed
  system <- problem$system
  design <- lone_design(problem)
  variances <- user_variances(tau2, share, system, problem)
  projection <- project_response(problem, e$delta, share, tau2)
  delta <- meet_effects(e$delta, projection$effects, design, fixed)
  omega <- fixed$omega
  omega[fixed$kept] <- omega[fixed$kept] + unscale_coefficients(fixed, delta)
  hk <- share$h / system$kappa
  expected <- log_information(e, hk, method)
  list(
    omega = omega, vcov = unscale_covariance(fixed, tau2 * e$covariance),
    variances = variances, tau2 = tau2, share = share,
    kappa = user_kappa(design),
    pve = stats::setNames(if (design$kappa_scaled > 0) share$h else 0, design$label),
    effects = stats::setNames(
      list(user_effects(problem$units, projection$effects, design$label)), design$label
    ),
    alpha = projection$py, system = projection$system, information = expected,
    observed = observed_information(e, hk, tau2, expected),
    sensitivity = list(
      random = tau2 * hk * e$covariance_k, residual = tau2 * e$covariance_noise
    )
  )
}

# delta that fits the effects b along the constant o, whose residuals are zero: o'(y - Q delta) =
# o'o m'b, m the column means. In spectral coordinates m'b has the rounding of the smallest
# eigenvalues, and so would the difference between predictions of the fitted rows and the fit.
meet_effects <- function(delta, effects, design, fixed) {
  constant <- constant_rows(design, fixed)
  if (is.null(constant)) return(delta)
  o <- drop(crossprod(fixed$q, constant))
  left <- sum(constant * fixed$residual) - sum(o * delta)
  delta + o * (left / sum(o^2) - sum(design$mean_columns * effects))
}

# Expected information on (log sigma_b^2, log sigma_e^2): 1/2 tr(P V_k P V_l) with the variances
# themselves multiplied in (Searle, Casella & McCulloch 1992, section 6.6); V^-1 for P under ML.
log_information <- function(e, hk, method) {
  traces <- if (method == "REML") e[c("tr_pk", "tr_pkpk", "tr_p_noise")] else
    e[c("tr_vk", "tr_vkvk", "tr_v_noise")]
  parts <- information_parts(traces[[1]], traces[[2]], traces[[3]], hk)
  matrix(c(parts$random, parts$cross, parts$cross, parts$residual) / 2, 2)
}

# Twice its cells, for any number of fits: tr(P K), tr(P K P K) and the trace of P by the noise.
information_parts <- function(trace, trace2, noise, hk) {
  cross <- pmax(0, hk * trace - hk^2 * trace2)
  list(random = hk^2 * trace2, cross = cross, residual = pmax(0, noise - cross))
}

# Observed information on the same where the slopes are zero: y'P V_k P V_l P y less the expected
# one, for REML and ML alike. NULL where it is not positive definite, as beside a boundary.
observed_information <- function(e, hk, tau2, expected) {
  random <- hk^2 * e$quad_kk
  cross <- hk * e$quad_k - random
  quadratic <- matrix(c(random, cross, cross, e$quad_noise - cross), 2) / tau2
  out <- quadratic - expected
  size <- out[1] * out[4]
  if (isTRUE(out[1] > 0 && size - out[2]^2 > 1e-10 * size)) out
}

# Attribute phi: log(sigma_b^2 / sigma_e^2) inside, which knows more of a pve that rounds to 1.
mode_table <- function(modes, fixed, method) {
  where <- c(interior = "interior", zero = "pve = 0", one = "pve = 1")
  table <- frame_of(list(
    pve = modes$h, logLik = modes$value + loglik_constant(fixed, method),
    where = unname(where[modes$kind])
  ))
  structure(table, phi = modes$phi)
}

trace_table <- function(trace, system, problem, method) {
  inside <- list(trace$tau2 * trace$h / system$kappa, trace$tau2 * trace$nu)
  names(inside) <- names(problem$units$variance)
  frame_of(c(
    list(
      iteration = seq_along(trace$value),
      objective = trace$value + loglik_constant(problem$fixed, method)
    ),
    Map(function(x, name) user_variance(problem$units, x, name), inside, names(inside))
  ))
}
