# The profiled criterion along phi = log(sigma_b^2 / sigma_e^2), boundaries included.

# phi = log(sigma_b^2 / sigma_e^2) inside <-> h.
log_ratio <- function(h, kappa) stats::qlogis(h) - log(kappa)

# How many of the values of a criterion along a grid lie in the basin of its mode: an unbounded one
# turns up again beyond, and what lies there belongs to no estimate. is_beyond: the mode's far side.
basin_size <- function(value, is_beyond, is_unbounded) {
  beyond <- which(is_beyond)
  if (!is_unbounded || length(beyond) == 0) return(length(value))
  beyond[which.min(value[beyond])]
}

mode_phi <- function(fit) attr(fit$modes, "phi")[1]

# What a search found, for the profiles of other parameters.
searched_curve <- function(grid, mode_phi, is_unbounded) {
  list(grid = grid, mode_phi = mode_phi, is_unbounded = is_unbounded)
}

# The objective of the core along phi, boundaries (infinite phi) included.
objective_at <- function(fit, phi) {
  value <- objective_curve(fit, phi)
  value[is.nan(value)] <- -Inf
  value
}

likelihood_at <- function(fit, phi) {
  value <- numeric(length(phi))
  inside <- is.finite(phi)
  if (any(inside)) {
    value[inside] <- cpp_curve(
      fit$internal$system, fit$uncertainty$criterion, phi[inside]
    )$value
  }
  for (i in which(!inside)) {
    value[i] <- criterion_at(fit, as.numeric(phi[i] > 0), as.numeric(phi[i] < 0))
  }
  value
}

bound_at <- function(fit, phi) {
  problem <- problem_of(fit)
  columns <- vb_columns(problem, fit$control)
  cpp_bound_curve(problem$system, columns, phi, make_host(fit$control))$value
}

# Profiled likelihood of the core at a share, boundaries included.
criterion_at <- function(fit, h, nu) {
  e <- cpp_evaluate(fit$internal$system, h, nu)
  n <- criterion_df(fit)
  log_det <- if (is_restricted(fit$uncertainty)) e$log_det_restricted else e$log_det_v
  value <- -0.5 * (n * (log(2 * pi) + 1 + log(e$rss / n)) + log_det)
  if (is.nan(value)) -Inf else value
}

# The criterion and its slope at the points of the search, then at the modes inside:
# list(phi, value, slope).
known_curve <- function(fit) {
  constant <- loglik_constant(fit$internal$fixed, fit$uncertainty$criterion)
  grid <- fit$grid
  at_modes <- attr(fit$modes, "phi")
  here <- seq_len(basin_size(grid$value, grid$phi > at_modes[1], fit$is_unbounded))
  modes <- which(fit$modes$where == "interior" & at_modes <= max(grid$phi[here]))
  list(
    phi = c(grid$phi[here], at_modes[modes]),
    value = c(grid$value[here], fit$modes$logLik[modes] - constant),
    slope = c(grid$slope[here], rep(0, length(modes)))
  )
}
