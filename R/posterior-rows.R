# What a posterior says of rows z'omega + x'beta: moments, limits, and leave-one-out densities.

# Quantiles of the posterior of the mean, or of the posterior predictive distribution.
mixture_limits <- function(object, rows, asked) {
  weights <- if (asked$interval == "prediction") asked$weights
  if (!is.null(weights)) check_new_weights(weights, rows$m)
  parts <- rows_at_nodes(object, rows, asked$random, weights)
  mixture_quantiles(object$posterior, parts$mean, parts$sd, tail_levels(asked$level))
}

# p(y_i | rest) = 1 / E[1 / p(y_i | rest, theta)] over the posterior of the variances theta, with
# p(y_i | rest, theta) in closed form: exact, not an importance-sampling estimate. Where tau^2 is
# integrated in closed form the conditional is Student t. p: list(py, diagonal) at every node;
# existing(variance): what of the variances of predictions exists.
mixture_loo <- function(fit, p, existing) {
  internal <- fit$internal
  fixed <- internal$fixed
  points <- fit$posterior$points
  root <- value_or(fixed$root, 1)
  py <- p$py[, points$core, drop = FALSE]
  diagonal <- p$diagonal[, points$core, drop = FALSE]
  stop_without_density(py / diagonal, 1 / diagonal)
  part <- conditional_loo(py, diagonal, points, rownames(fit$frame))
  log_weight <- rep(log(points$weight), each = nrow(py)) - part$log_density
  top <- apply(log_weight, 1, max)
  weight <- exp(log_weight - top)
  total <- rowSums(weight)
  weight <- weight / total
  residual <- py / diagonal
  centre <- rowSums(weight * residual)
  variance <- rowSums(weight * (part$variance + (residual - centre)^2))
  variance <- existing(variance)
  unit <- root * user_inverse(internal$units, 1)
  loo_table(
    as.double(fit$frame[[1]]), rownames(fit$frame), centre / unit, variance / unit^2,
    -(top + log(total)) + log(unit)
  )
}

# names [n]: of the rows.
conditional_loo <- function(py, diagonal, points, names) {
  n <- nrow(py)
  if (is.infinite(points$df[1])) {
    variance <- rep(points$scale2, each = n) / diagonal
    return(list(
      variance = variance,
      log_density = stats::dnorm(py / diagonal, 0, sqrt(variance), log = TRUE)
    ))
  }
  shape <- points$df[1] / 2 - 0.5
  whole <- rep(points$scale2 * points$df / 2, each = n)
  scale <- whole - py^2 / diagonal / 2
  # rounding of the difference changes log densities by 0.001 and less
  has_digits <- scale >= 1e3 * .Machine$double.eps * shape * whole
  stop_without_digits(names[rowSums(!has_digits) > 0])
  spread <- sqrt(scale / shape / diagonal)
  list(
    variance = if (shape > 1) spread^2 * shape / (shape - 1) else spread^2 * Inf,
    log_density = stats::dt(py / diagonal / spread, 2 * shape, log = TRUE) - log(spread)
  )
}

stop_without_digits <- function(names) {
  if (length(names) > 0) {
    abort(
      "unsupported", "what is left of the posterior without ",
      ngettext(length(names), "row ", "rows "), enumerate(names), " is rounding, so far from the ",
      "others is its response: look at it, or use cv_lmm(), which fits the others."
    )
  }
}
