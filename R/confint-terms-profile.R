# Profile limits of fits with several random terms: roots of the signed root of twice the loss of
# log-likelihood, on a scale on which it is nearly straight.

profile_terms_limits <- function(fit, names, kind, level) {
  if (is.infinite(fit$loglik)) return(limits_by_name(names, function(name) c(NA_real_, NA_real_)))
  if (kind == "fixed") return(profile_terms_fixed(fit, names, level))
  report <- profile_progress(fit, names)
  limits_by_name(names, function(name) {
    report(name)
    held <- held_parameter(fit, name, kind)
    scale <- profile_scale(held$kind)
    loss <- terms_profile(fit, held)
    inside <- profile_limits(function(u) loss(scale$value(u)), held, scale, level)
    held$user(scale$value(inside))
  })
}

# Says of which parameter the limits are being found, where the host shows progress.
profile_progress <- function(fit, names) {
  progress <- make_host(fit$control)$progress
  function(name) {
    if (!is.null(progress)) progress("profile limits", (match(name, names) - 1) / length(names))
  }
}

# list(kind, term, at, estimate, se, user(x)): what is held, in the units of the core.
held_parameter <- function(fit, name, kind) {
  if (kind == "pve") return(held_share(fit, name))
  table <- terms_correlations(fit)
  is_correlation <- kind == "correlation"
  i <- if (is_correlation) table$at[table$name == name] else match(name, fit$parameters$name)
  one <- fit$parameters[i, ]
  if (is.na(one$term)) kind <- "Residual"
  units <- fit$internal$units
  list(
    kind = kind, term = one$term, at = unique(c(one$row, one$column)),
    estimate = if (is_correlation) table$estimate[table$name == name] else
      inside_parameter(units, fit$designs, one, fit$variances[[i]]),
    se = if (is_correlation) terms_correlation_se(fit, table[table$name == name, ]) else
      sqrt(terms_parameter_covariance(fit)[i, i]),
    unit = if (is_correlation) 1 else sqrt(prior_size(fit, one$term)),
    user = if (is_correlation) identity else
      function(x) user_parameter(units, fit$designs, one, x)
  )
}

held_share <- function(fit, name) {
  at <- match(name, paste0("pve.", names(shares(fit))))
  list(
    kind = "share", term = if (at > length(fit$pve)) NA_integer_ else at,
    estimate = shares(fit)[[at]], se = pve_se(fit)[at], unit = 0.1, user = identity
  )
}

# A variance that would matter, for a step from an estimate of 0.
prior_size <- function(fit, term) {
  if (is.na(term)) return(fit$internal$tau2)
  moments <- inside_moments(fit$internal$units, fit$designs[[term]])
  0.1 * fit$internal$tau2 / max(moments)
}

# Between a parameter and a scale on which its signed root is nearly straight: u(value), value(u),
# slope(value) = du / dvalue, and the ends.
profile_scale <- function(kind) {
  switch(kind,
    variance = list(
      u = sqrt, value = function(u) u^2, slope = function(x) 1 / (2 * sqrt(x)), ends = c(0, Inf)
    ),
    Residual = list(u = log, value = exp, slope = function(x) 1 / x, ends = c(-Inf, Inf)),
    covariance = list(
      u = identity, value = identity, slope = function(x) 1, ends = c(-Inf, Inf)
    ),
    correlation = list(
      u = asin, value = sin, slope = function(x) 1 / sqrt(1 - x^2), ends = c(-1, 1) * pi / 2
    ),
    share = list(
      u = function(x) asin(sqrt(x)), value = function(u) sin(u)^2,
      slope = function(x) 1 / (2 * sqrt(x * (1 - x))), ends = c(0, pi / 2)
    )
  )
}

# Limits on the scale u.
profile_limits <- function(loss, held, scale, level) {
  here <- scale$u(held$estimate)
  step <- held$se * scale$slope(held$estimate)
  if (!isTRUE(is.finite(step) && step > 0)) step <- held$unit
  wanted <- stats::qchisq(level, 1)
  vapply(c(-1, 1), function(direction) {
    profile_limit(loss, here, direction * step, scale$ends[(direction + 3) / 2], wanted)
  }, 0)
}

# The root beyond `here` in the direction of step: an end that is no worse is the limit.
profile_limit <- function(loss, here, step, end, wanted) {
  gap <- function(u) {
    value <- loss(u)
    if (is.finite(value)) sign(value) * sqrt(abs(value)) - sqrt(wanted) else 1e3
  }
  inside <- list(u = here, gap = -sqrt(wanted))
  reach <- sqrt(wanted)
  for (i in seq_len(30)) {
    u <- here + reach * step
    beyond <- (u - end) * sign(step) >= 0
    if (beyond) u <- end
    outside <- list(u = u, gap = gap(u))
    if (outside$gap >= 0) {
      root <- stats::uniroot(
        gap, sort(c(inside$u, u)), tol = 1e-4 * abs(step),
        f.lower = if (step > 0) inside$gap else outside$gap,
        f.upper = if (step > 0) outside$gap else inside$gap
      )
      return(root$root)
    }
    if (beyond) return(end)
    inside <- outside
    reach <- 1.5 * reach
  }
  sign(step) * Inf
}

# Fixed effects held one by one under ML: y less the held part on the other coordinates of Q.
profile_terms_fixed <- function(fit, names, level) {
  fixed <- fit$internal$fixed
  j <- match(names, names(fit$fixed$estimate)[fit$fixed$kept])
  rows <- t(backsolve(fixed$r, diag(fixed$rank)[, j, drop = FALSE], transpose = TRUE))
  best <- search_terms(fit, fixed$residual, criterion = "ML")
  report <- profile_progress(fit, names)
  limits <- vapply(seq_along(j), function(i) {
    report(names[i])
    row <- rows[i, ]
    centre <- sum(row * best$delta)
    step <- sqrt(best$sigma2 * sum(row * (best$covariance %*% row)))
    loss <- function(v) 2 * (best$value - held_maximum(fit, row, v, best$relative))
    found <- vapply(c(-1, 1), function(direction) {
      profile_limit(
        loss, centre, direction * step, direction * Inf, stats::qchisq(level, 1)
      )
    }, 0)
    change <- found - sum(row * fit$internal$delta)
    fit$fixed$estimate[[names[i]]] + user_coefficients(fit$internal$units, change, rep(j[i], 2))
  }, numeric(2))
  t(limits)
}

# The largest log-likelihood with row'delta = v.
held_maximum <- function(fit, row, v, start) {
  fixed <- fit$internal$fixed
  direction <- fixed$q %*% row / sum(row^2)
  # the other coordinates, at right angles to row
  rest <- qr.Q(qr(cbind(row, diag(fixed$rank))))[, seq_len(fixed$rank)[-1], drop = FALSE]
  fixed$residual <- fixed$residual - drop(direction) * v
  fixed$q <- fixed$q %*% rest
  host <- make_host(fit$control)
  system <- build_terms_system(list(designs = fit$designs, fixed = fixed), fit$control, host)
  cpp_terms_search(system, "ML", start, terms_options(fit$control), host)$value
}
