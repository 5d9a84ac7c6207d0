# Many responses of one basis of the fixed effects in the units of the core, where each has an
# exponent of its own, and back.

# As fit_fixed() has one response: list(residual [n x m] on Q, omega [c x m] by least squares, ky
# [m], size [m], is_usable [m]). y [n x m]; a cell that a response misses is 0 within, which no
# answer sees.
response_data <- function(problem, y) {
  fixed <- problem$fixed
  model <- problem$model
  root <- value_or(fixed$root, 1)
  if (!is.null(model$offset)) y <- y - model$offset
  is_missing <- is.na(y)
  y0 <- if (is.null(fixed$constant)) numeric(ncol(y)) else apply(y, 2, middle_of_known)
  y <- y - rep(y0, each = nrow(y))
  y[is_missing] <- 0
  is_usable <- colSums(!is.finite(y)) == 0
  y[, !is_usable] <- 0
  ky <- apply(y, 2, scale_exponent)
  y <- times_two_to(y, rep(ky, each = nrow(y))) * root
  along <- cpp_crossprod(fixed$q, y)
  residual <- y - fixed$q %*% along
  rest <- cpp_crossprod(fixed$q, residual)
  residual <- residual - fixed$q %*% rest
  omega <- user_coefficient_changes(fixed, ky, along + rest)
  if (!is.null(fixed$constant)) omega <- omega + outer(fixed$constant[fixed$kept], y0)
  size <- sqrt(colSums((abs(y) + root * rep(times_two_to(abs(y0), ky), each = nrow(y)))^2))
  list(
    residual = residual, omega = omega, ky = ky, size = size,
    is_usable = is_usable & sqrt(colSums(residual^2)) > 64 * .Machine$double.eps * size
  )
}

# new_units() of response k.
response_units <- function(problem, data, k) {
  fixed <- problem$fixed
  fixed$ky <- data$ky[[k]]
  new_units(fixed, problem$designs)
}

middle_of_known <- function(y) {
  y <- y[!is.na(y)]
  if (length(y) > 0) middle_value(y) else 0
}

user_coefficient_changes <- function(fixed, ky, delta) {
  shared <- list(rank = fixed$rank, r = fixed$r, kz = fixed$kz, ky = 0)
  times_two_to(unscale_changes(shared, delta), rep(-ky, each = fixed$rank))
}

# Fixed effects [c0 x m] of the responses `at` from coefficients of Q that are added to those by
# least squares.
response_coefficients <- function(fixed, data, at, delta) {
  out <- matrix(NA_real_, length(fixed$omega), length(at), FALSE, list(names(fixed$omega), NULL))
  out[fixed$kept, ] <- data$omega[, at] + user_coefficient_changes(fixed, data$ky[at], delta)
  out
}

# Covariance of the fixed effects of response k.
response_covariance <- function(fixed, data, k, covariance) {
  fixed$ky <- data$ky[k]
  unscale_covariance(fixed, matrix(covariance, fixed$rank))
}

# [2 x m], numbers that a double may not hold. inside: of the random term and of the residual.
response_variances <- function(problem, data, at, inside) {
  design <- lone_design(problem)
  ky <- data$ky[at]
  out <- rbind(
    times_two_to(inside[1, ], 2 * (design$exponent - ky)),
    times_two_to(inside[2, ], -2 * (problem$fixed$kw + ky))
  )
  rownames(out) <- c(design$label, "Residual")
  out
}

# loglik_constants() of the responses `at`, which lack the rows `missing`, under a criterion.
response_constants <- function(fixed, criterion, data, at, missing) {
  n <- nrow(fixed$q)
  logs <- if (is.null(fixed$root)) numeric(n) else log(fixed$root)
  log_root <- sum(logs) - vapply(missing, function(rows) sum(logs[rows]), 0)
  loglik_constants(n - lengths(missing), data$ky[at], log_root, fixed$kz, fixed$r)[[criterion]]
}
