# What a posterior says of rows z'omega + x'beta: moments, limits, and leave-one-out densities.

# Posterior of points z'omega + x'beta: list(mean, sd) [m x nodes], sd per unit tau, and `noise`
# [m x nodes], the variance of a new response's error per unit tau^2, zero for latent values.
row_components <- function(fit, rows, random, weights = NULL, core = fit$posterior$core) {
  fixed <- fit$internal$fixed
  units <- fit$internal$units
  m <- rows$m
  mean <- variance <- matrix(0, m, length(core$h))
  base <- drop(rows$z[, fixed$kept, drop = FALSE] %*% fixed$omega[fixed$kept])
  if (!is.null(rows$offset)) base <- base + rows$offset
  for (at in point_blocks(fit, m)) {
    part <- if (random) block_components(fit, rows, at, core) else
      fixed_row_components(fit, rows, at, core)
    mean[at, ] <- part$mean
    variance[at, ] <- part$variance
  }
  if (!is.null(weights)) {
    noise <- outer(inside_noise(units, rep_len(weights, m)), core$nu)
    if (!random) {
      design <- lone_design(fit)
      x2 <- inside_squares(design, row_variances(design, term_rows(rows, design), fit$internal))
      noise <- noise + outer(x2, core$h / fit$posterior$kappa)
    }
    variance <- variance + noise
  }
  list(mean = user_response(units, mean) + base, sd = user_response(units, sqrt(variance)))
}

block_components <- function(fit, rows, at, core) {
  internal <- fit$internal
  design <- lone_design(fit)
  z <- basis_coordinates(internal$fixed, rows$z[at, , drop = FALSE])
  point <- point_covariance(design, term_rows(rows, design), at, z, internal)
  is_missing <- !stats::complete.cases(z, t(point$covariance))
  z[is_missing, ] <- 0
  point$covariance[, is_missing] <- 0
  out <- cpp_mixture_points(
    design$core, internal$fixed$root, internal$system, core, point$covariance,
    point$prior, z, make_host(fit$control)
  )
  out$mean[is_missing, ] <- NA
  out$variance[is_missing, ] <- NA
  out
}

fixed_row_components <- function(fit, rows, at, core) {
  fixed <- fit$internal$fixed
  z <- basis_coordinates(fixed, rows$z[at, , drop = FALSE])
  parts <- cpp_mixture_fixed(fit$internal$system, core)
  variance <- apply(parts$covariance, 2, function(column) {
    rowSums((z %*% matrix(column, fixed$rank)) * z)
  })
  list(mean = z %*% parts$mean, variance = matrix(variance, length(at)))
}

# Of a posterior.
mixture_variance <- function(object, rows, random) {
  parts <- row_components(object, rows, random)
  posterior <- object$posterior
  variance <- mixture_moments(posterior, parts$mean, parts$sd)$variance
  existing_variance(variance, posterior$orders, function(h, tau) {
    row_components(object, rows, random, core = one_node(posterior$core, h, tau))$sd[, 1]^2
  })
}

# Quantiles of the posterior of the mean, or of the posterior predictive distribution.
mixture_limits <- function(object, rows, asked) {
  weights <- if (asked$interval == "prediction") asked$weights
  if (!is.null(weights)) check_new_weights(weights, rows$m)
  parts <- row_components(object, rows, asked$random, weights)
  mixture_quantiles(object$posterior, parts$mean, parts$sd, tail_levels(asked$level))
}

# p(y_i | rest) = 1 / E[1 / p(y_i | rest, theta)] over the posterior of the variances theta, with
# p(y_i | rest, theta) in closed form: exact, not an importance-sampling estimate. Where tau^2 is
# integrated in closed form the conditional is Student t.
mixture_loo <- function(fit) {
  internal <- fit$internal
  fixed <- internal$fixed
  points <- fit$posterior$points
  projections <- function(core) {
    cpp_mixture_projection(
      fit$designs[[1]]$core, fixed$root, internal$system, core, make_host(fit$control)
    )
  }
  p <- projections(fit$posterior$core)
  root <- value_or(fixed$root, 1)
  py <- p$py[, points$core, drop = FALSE]
  diagonal <- p$diagonal[, points$core, drop = FALSE]
  stop_without_density(py / diagonal, 1 / diagonal)
  part <- conditional_loo(py, diagonal, points)
  log_weight <- rep(log(points$weight), each = nrow(py)) - part$log_density
  top <- apply(log_weight, 1, max)
  weight <- exp(log_weight - top)
  total <- rowSums(weight)
  weight <- weight / total
  residual <- py / diagonal
  centre <- rowSums(weight * residual)
  variance <- rowSums(weight * (part$variance + (residual - centre)^2))
  # without a row the posterior has a degree of freedom less
  orders <- structure(fit$posterior$orders - 0.5, both = attr(fit$posterior$orders, "both") - 0.5)
  variance <- existing_variance(variance, orders, function(h, tau) {
    1 / projections(one_node(fit$posterior$core, h, tau))$diagonal[, 1]
  })
  unit <- root * user_inverse(internal$units, 1)
  loo_table(fit, centre / unit, variance / unit^2, -(top + log(total)) + log(unit))
}

conditional_loo <- function(py, diagonal, points) {
  n <- nrow(py)
  if (is.infinite(points$df[1])) {
    variance <- rep(points$scale2, each = n) / diagonal
    return(list(
      variance = variance,
      log_density = stats::dnorm(py / diagonal, 0, sqrt(variance), log = TRUE)
    ))
  }
  shape <- points$df[1] / 2 - 0.5
  scale <- rep(points$scale2 * points$df / 2, each = n) - py^2 / diagonal / 2
  spread <- sqrt(scale / shape / diagonal)
  list(
    variance = if (shape > 1) spread^2 * shape / (shape - 1) else spread^2 * Inf,
    log_density = stats::dt(py / diagonal / spread, 2 * shape, log = TRUE) - log(spread)
  )
}
