# Profile limits of variances and fixed effects, from the curve of the one decomposition.

# rss and log-determinant of the criterion as functions of phi, and the constants around them.
criterion_parts <- function(fit, criterion, phi) {
  curve <- cpp_curve(fit$internal$system, criterion, phi)
  n <- fit$dims$n - if (criterion == "REML") fit$dims$n_fixed else 0
  log_det <- -2 * curve$value - n * (log(2 * pi) + 1 + log(curve$tau2))
  list(h = curve$h, nu = curve$nu, rss = curve$tau2 * n, log_det = log_det, n = n)
}

# How many of the values of a criterion along a grid lie in the basin of its mode: an unbounded one
# turns up again beyond, and what lies there belongs to no estimate. is_beyond: the mode's far side.
basin_size <- function(value, is_beyond, is_unbounded) {
  beyond <- which(is_beyond)
  if (!is_unbounded || length(beyond) == 0) return(length(value))
  beyond[which.min(value[beyond])]
}

mode_phi <- function(fit) log_ratio(fit$modes$pve[1], fit$internal$system$kappa)

# list(phi, mode, is_unbounded) of the marginal likelihood, whatever the criterion of the fit; mode
# is NULL where it has none.
marginal_modes <- function(fit) {
  search <- cpp_search(
    fit$internal$system, "ML", search_options(fit$control), make_host(fit$control)
  )
  list(
    phi = search$grid$phi, mode = if (nrow(search$modes) > 0) search$modes$phi[1],
    is_unbounded = search$is_unbounded
  )
}

# stats::optimize() without its warnings where a criterion is -Inf or no number, on a range that may
# be a point.
local_maximum <- function(f, range, tol) {
  largest <- .Machine$double.xmax
  finite <- function(x) {
    value <- f(x)
    if (is.nan(value)) -largest else max(-largest, min(value, largest))
  }
  if (!(range[1] < range[2])) return(list(maximum = range[1], objective = finite(range[1])))
  stats::optimize(finite, range, maximum = TRUE, tol = tol)
}

# Largest value over phi of a function given by parts, from a grid and golden sections round its
# best points.
maximise_over_ratio <- function(fit, criterion, value) {
  phi <- fit$grid$phi
  if (is.infinite(mode_phi(fit))) {
    # beside a mode at pve = 0 all lies beyond: its basin is that of the profile itself
    phi <- phi[seq_len(basin_size(fit$grid$value, phi == phi, fit$is_unbounded))]
  }
  on_grid <- value(criterion_parts(fit, criterion, phi))
  if (is.finite(mode_phi(fit))) {
    on_grid <- on_grid[seq_len(basin_size(on_grid, phi > mode_phi(fit), fit$is_unbounded))]
  }
  best <- which.max(on_grid)
  range <- phi[c(max(1, best - 1), min(length(on_grid), best + 1))]
  inside <- local_maximum(function(x) value(criterion_parts(fit, criterion, x)), range, 1e-6)
  max(inside$objective, on_grid[best])
}

# One variance held at v, the other maximised out.
profile_variance_limits <- function(fit, name, level) {
  if (name == "Residual" && is_zero_design(fit)) return(lone_variance_limits(fit, level))
  if (is.null(fit$grid) || is.infinite(fit$loglik)) return(c(NA_real_, NA_real_))
  internal <- fit$internal
  is_residual <- name == "Residual"
  # held in internal units; tau^2 = v kappa / h or v / nu
  kappa <- internal$system$kappa
  constant <- loglik_constant(internal$fixed, fit$method)
  held <- function(v) {
    maximise_over_ratio(fit, fit$method, function(parts) {
      tau2 <- if (is_residual) v / parts$nu else v * kappa / parts$h
      -0.5 * (parts$n * log(2 * pi * tau2) + parts$log_det + parts$rss / tau2)
    }) + constant
  }
  gap <- function(log_v) held(exp(log_v)) - fit$loglik + stats::qchisq(level, 1) / 2
  estimate <- inside_variance(internal$units, fit$variances[[name]], name)
  at_zero <- zero_variance_gap(fit, is_residual, level)
  scale <- if (estimate > 0) estimate else internal$tau2 / if (is_residual) 1 else kappa
  start <- log(scale)
  # from a boundary estimate, down to where the interval has begun
  for (i in seq_len(100)) if (estimate == 0 && gap(start) < 0) start <- start - 4 else break
  limits <- c(
    if (at_zero >= 0) 0 else exp(outward_root(gap, start, -1)),
    exp(outward_root(gap, start, 1))
  )
  user_variance(internal$units, limits, name)
}

# Without another variance: df (log(v / v0) + v0 / v - 1) = chi^2.
lone_variance_limits <- function(fit, level) {
  df <- fit$dims$n - if (fit$method == "REML") fit$dims$n_fixed else 0
  gap <- function(x) stats::qchisq(level, 1) - df * (x + expm1(-x))
  fit$variances[["Residual"]] * exp(c(outward_root(gap, 0, -1), outward_root(gap, 0, 1)))
}

# Gap at the boundary value 0 of a variance: nonnegative when 0 belongs to the interval.
zero_variance_gap <- function(fit, is_residual, level) {
  value <- criterion_at(fit, as.numeric(is_residual), as.numeric(!is_residual)) +
    loglik_constant(fit$internal$fixed, fit$method)
  if (is_residual && fit$is_unbounded) return(-Inf)
  value - fit$loglik + stats::qchisq(level, 1) / 2
}

# Root of gap beyond `start` in a direction, found by doubling steps; NA where `start` itself is not
# inside, infinite where nothing is known to be outside.
outward_root <- function(gap, start, direction) {
  step <- 0.25
  inside <- start
  if (!isTRUE(gap(start) >= 0)) return(NA_real_)
  for (i in seq_len(60)) {
    outside <- start + direction * step
    found <- gap(outside)
    if (is.nan(found)) break
    if (found < 0) {
      return(stats::uniroot(gap, sort(c(inside, outside)), tol = 1e-7)$root)
    }
    inside <- outside
    step <- 2 * step
  }
  direction * Inf
}

# Fixed effect held at v: the residual sum of squares grows by (v - omega_j)^2 / C_jj at each ratio.
profile_fixed_limits <- function(fit, name, level) {
  if (is.infinite(fit$loglik)) return(c(NA_real_, NA_real_))
  if (is.null(fit$grid)) return(no_ratio_limits(fit, name, level))
  marginal <- marginal_modes(fit)
  if (is.null(marginal$mode)) return(c(NA_real_, NA_real_))
  is_beyond <- c(FALSE, marginal$phi > marginal$mode)
  table <- fixed_curve(fit, name, c(0, ratio_to_h(marginal$phi, fit$internal$system$kappa)))
  n <- fit$dims$n
  value <- function(parts, v) {
    rss <- parts$rss + (v - parts$estimate)^2 / parts$variance
    -0.5 * (n * log(rss) + parts$log_det)
  }
  in_basin <- function(v) {
    all <- value(table, v)
    all[seq_len(basin_size(all, is_beyond, marginal$is_unbounded))]
  }
  on_grid <- in_basin(table$estimate)
  peak <- max(on_grid)
  at_peak <- table[which.max(on_grid), ]
  best <- function(v) {
    on_grid <- in_basin(v)
    at <- which.max(on_grid)
    near <- table$h[c(max(1, at - 1), min(length(on_grid), at + 1))]
    if (diff(near) < 1e-12) return(on_grid[at])
    max(on_grid[at], local_maximum(
      function(h) value(fixed_curve(fit, name, h), v), near, 1e-7
    )$objective)
  }
  peak <- max(peak, local_maximum(
    function(h) {
      one <- fixed_curve(fit, name, h)
      value(one, one$estimate)
    },
    table$h[pmin(nrow(table), pmax(1, which(table$h == at_peak$h)[1] + c(-1, 1)))], 1e-9
  )$objective)
  gap <- function(v) best(v) - peak + stats::qchisq(level, 1) / 2
  unit <- sqrt(at_peak$variance * at_peak$rss / n)
  root <- function(direction) {
    at_peak$estimate + unit * outward_root(
      function(x) gap(at_peak$estimate + unit * x), 0, direction
    )
  }
  j <- match(name, names(fit$fixed$estimate)[fit$fixed$kept])
  change <- c(root(-1), root(1)) - fixed_centre(fit, j)
  fit$fixed$estimate[[name]] + user_coefficients(fit$internal$units, change, j)
}

# Without a ratio to maximise over: n log(1 + (v - omega)^2 / (C rss)) = chi^2, in closed form.
no_ratio_limits <- function(fit, name, level) {
  n <- fit$dims$n
  df <- if (fit$method == "REML") n - fit$dims$n_fixed else n
  growth <- expm1(stats::qchisq(level, 1) / n)
  fit$fixed$estimate[[name]] + c(-1, 1) * sqrt(fit$fixed$vcov[name, name] * df * growth)
}

# Internal coefficient j at the fit's own share: origin of the profile.
fixed_centre <- function(fit, j) {
  share <- fit$internal$share
  e <- cpp_evaluate(fit$internal$system, share$h, share$nu)
  backsolve(fit$internal$fixed$r, e$delta)[j]
}

# Internal estimate of one coefficient, its variance per tau^2, rss and log|V| at shares h.
fixed_curve <- function(fit, name, h) {
  internal <- fit$internal
  j <- match(name, names(fit$fixed$estimate)[fit$fixed$kept])
  unit <- as.numeric(seq_len(internal$fixed$rank) == j)
  row <- backsolve(internal$fixed$r, unit, transpose = TRUE)
  # r^-1 row j: e_j' r^-1 = (r^-T e_j)'
  values <- vapply(h, function(one) {
    e <- cpp_evaluate(internal$system, one, 1 - one)
    c(sum(row * e$delta), sum(row * (e$covariance %*% row)), e$rss, e$log_det_v)
  }, numeric(4))
  data.frame(
    h = h, estimate = values[1, ], variance = values[2, ], rss = values[3, ],
    log_det = values[4, ]
  )
}
