# Profile limits of variances and fixed effects, from the curve of the one decomposition.

# One variance held, the other maximised out.
profile_variance_limits <- function(fit, name, level) {
  if (name == "Residual" && is_zero_design(fit)) return(lone_variance_limits(fit, level))
  if (is.null(fit$grid) || is.infinite(fit$loglik)) return(c(NA_real_, NA_real_))
  internal <- fit$internal
  criterion <- fit$uncertainty$criterion
  is_residual <- name == "Residual"
  held <- list(
    is_residual = is_residual,
    estimate = inside_variance(internal$units, fit$variances[[name]], name),
    scale = internal$tau2 / if (is_residual) 1 else internal$system$kappa
  )
  limits <- cpp_variance_limits(
    internal$system, criterion, searched_curve(fit$grid, mode_phi(fit), fit$is_unbounded), held,
    fit$loglik - loglik_constant(internal$fixed, criterion) - stats::qchisq(level, 1) / 2,
    make_host(fit$control)
  )
  user_variance(internal$units, limits, name)
}

# Without another variance: df (log(v / v0) + v0 / v - 1) = chi^2.
lone_variance_limits <- function(fit, level) {
  df <- criterion_df(fit)
  gap <- function(x) stats::qchisq(level, 1) - df * (x + expm1(-x))
  fit$variances[["Residual"]] * exp(c(outward_root(gap, 0, -1), outward_root(gap, 0, 1)))
}

# Fixed effects held one by one, both variances maximised out anew: a matrix with a row for each of
# the names.
profile_fixed_limits <- function(fit, names, level) {
  limits <- matrix(NA_real_, length(names), 2, dimnames = list(names, NULL))
  if (length(names) == 0 || is.infinite(fit$loglik)) return(limits)
  if (is.null(fit$grid)) {
    for (name in names) limits[name, ] <- no_ratio_limits(fit, name, level)
    return(limits)
  }
  host <- make_host(fit$control)
  internal <- fit$internal
  search <- cpp_search(internal$system, "ML", search_options(fit$control), host)
  if (nrow(search$modes) == 0) return(limits)
  fixed <- internal$fixed
  j <- match(names, names(fit$fixed$estimate)[fit$fixed$kept])
  # row j of r^-1 turns coefficients of the basis into the user's
  rows <- t(backsolve(fixed$r, diag(fixed$rank)[, j, drop = FALSE], transpose = TRUE))
  here <- internal$share
  centre <- rows %*% cpp_evaluate(internal$system, here$h, here$nu)$delta
  curve <- searched_curve(search$grid, search$modes$phi[1], search$is_unbounded)
  found <- cpp_coefficient_limits(
    internal$system, curve, rows, stats::qchisq(level, 1) / 2, host
  )
  limits[] <- fit$fixed$estimate[names] +
    user_coefficients(internal$units, found - drop(centre), j)
  limits
}

# Without a ratio to maximise over: n log(1 + (v - omega)^2 / (C rss)) = chi^2, in closed form.
no_ratio_limits <- function(fit, name, level) {
  growth <- expm1(stats::qchisq(level, 1) / fit$dims$n)
  half <- sqrt(fit$fixed$vcov[name, name] * criterion_df(fit) * growth)
  fit$fixed$estimate[[name]] + c(-1, 1) * half
}
