# The fixed part: scaled, whitened, reduced to an orthonormal basis, and y to its residual on it.
#
# Inside, y_in = 2^ky sqrt(w) (y - offset - y0), w = 4^kw weights, and column j of Z is multiplied
# by 2^kz_j: all numbers are of moderate size whatever the user's units.

alias_tolerance <- 1e-11

# prior: a normal one of the fixed effects lets there be as many of them as rows.
fit_fixed <- function(model, prior = NULL) {
  n <- length(model$y)
  y <- if (is.null(model$offset)) model$y else model$y - model$offset
  kw <- if (is.null(model$weights)) 0 else floor(scale_exponent(model$weights) / 2)
  root <- if (!is.null(model$weights)) sqrt(times_two_to(model$weights, 2 * kw))
  kz <- vapply(seq_len(ncol(model$z)), function(j) scale_exponent(model$z[, j]), 0)
  z <- scale_columns(model$z, kz)
  independent <- independent_columns(z, root)
  if (!is.null(root)) z <- z * root
  constant <- find_constant(model, z, root, kz)
  y0 <- if (is.null(constant)) 0 else middle_value(y)
  y <- y - y0
  if (any(!is.finite(y))) abort("overflow", "differences between values of the response overflow.")
  ky <- scale_exponent(y)
  y_in <- times_two_to(y, ky)
  if (!is.null(root)) y_in <- y_in * root
  ls <- cpp_least_squares(if (is.null(independent)) z else z[, independent, drop = FALSE], y_in,
    alias_tolerance)
  if (!is.null(independent)) ls$kept <- independent[ls$kept]
  rank <- length(ls$kept)
  if (n <= rank && (is.null(prior) || prior$fixed$kind == "flat")) {
    abort(
      "no_residual_df", "no residual degrees of freedom: ", counted(n, "fitted row"), " and ",
      counted(rank, "fixed effect"), "."
    )
  }
  names <- colnames(model$z)
  omega <- stats::setNames(rep(NA_real_, ncol(model$z)), names)
  shift <- rep(0, ncol(model$z))
  shift[ls$kept] <- times_two_to(ls$omega, kz[ls$kept] - ky)
  omega[ls$kept] <- shift[ls$kept]
  if (!is.null(constant)) omega[ls$kept] <- omega[ls$kept] + y0 * constant[ls$kept]
  size <- sqrt(sum((times_two_to(abs(model$y) + abs(value_or(model$offset, 0)), ky) *
    value_or(root, 1))^2))
  list(
    omega = omega, kept = ls$kept, aliased = names[setdiff(seq_along(names), ls$kept)],
    q = ls$q, r = ls$r, inverse = ls$inverse, residual = ls$residual, rank = rank, ky = ky,
    kz = kz[ls$kept], kw = kw, root = root, has_constant = !is.null(constant),
    constant = constant, y0 = y0,
    is_exact = !(sqrt(sum(ls$residual^2)) > 8 * .Machine$double.eps * size),
    constants = loglik_constants(n, ky, sum(log(value_or(root, 1))), kz[ls$kept], ls$r)
  )
}

# Columns of Z that the rounding of far larger rows could take for independent of those before them:
# which do depend is then told without weights, as for positive ones it is the same. NULL: no need.
independent_columns <- function(z, root) {
  if (is.null(root) || ncol(z) < 2 || max(root) <= 1e4 * min(root)) return(NULL)
  cpp_least_squares(z, numeric(nrow(z)), alias_tolerance)$kept
}

# What the units of y and Z and the weights add to both log-likelihoods: n, ky, log_root (the sum of
# log root) of one response or of many.
loglik_constants <- function(n, ky, log_root, kz, r) {
  whole <- n * ky * log(2) + log_root
  restricted <- whole - length(kz) * ky * log(2) + sum(kz) * log(2) - sum(log(abs(diagonal(r))))
  list(ML = whole, REML = restricted)
}

# One of the values in the middle of y, which no outlier moves.
middle_value <- function(y) cpp_order_statistics(y, (length(y) + 1) %/% 2)

scale_columns <- function(z, kz) {
  for (j in seq_len(ncol(z))[kz != 0]) z[, j] <- times_two_to(z[, j], kz[j])
  z
}

# Coefficients of the constant 1 on the columns of Z, or NULL when it is not in their span.
find_constant <- function(model, z, root, kz) {
  intercept <- which(attr(model$z, "assign") == 0)
  if (length(intercept) == 1) return(as.numeric(seq_len(ncol(z)) == intercept))
  if (ncol(z) == 0) return(NULL)
  one <- value_or(root, rep(1, nrow(z)))
  ls <- cpp_least_squares(z, one, alias_tolerance)
  if (sqrt(sum(ls$residual^2)) > 1e-10 * sqrt(sum(one^2))) return(NULL)
  out <- rep(0, ncol(z))
  out[ls$kept] <- times_two_to(ls$omega, kz[ls$kept])
  out
}

# Condition number of Z with columns of unit length.
basis_condition <- function(r) {
  if (ncol(r) < 2) return(1)
  values <- svd(sweep(r, 2, sqrt(colSums(r^2)), `/`), nu = 0, nv = 0)$d
  max(values) / min(values)
}

# Coefficients in the user's units from coefficients on Q, and a covariance likewise.
unscale_coefficients <- function(fixed, delta) {
  if (fixed$rank == 0) return(numeric())
  out <- if (fixed$rank == 1) delta / drop(fixed$r) else backsolve(fixed$r, delta)
  times_two_to(out, fixed$kz - fixed$ky)
}

# y, or what is counted as y is, in the rows of the core.
inside_response <- function(fixed, y) times_two_to(y, fixed$ky) * value_or(fixed$root, 1)

# What coefficients in the user's units [rank] are of those on Q: their rows [rank x rank].
coefficient_map <- function(fixed) times_two_to(fixed$inverse, fixed$kz - fixed$ky)

# Fixed effects in the user's units [rank x s] from coefficients of Q [rank x s].
unscale_draws <- function(fixed, delta) {
  unscale_changes(fixed, delta) + fixed$omega[fixed$kept]
}

# The same of differences.
unscale_changes <- function(fixed, delta) {
  if (fixed$rank == 0) return(matrix(0, 0, ncol(delta)))
  times_two_to(backsolve(fixed$r, delta), fixed$kz - fixed$ky)
}

unscale_covariance <- function(fixed, covariance) {
  if (fixed$rank == 0) return(covariance)
  half <- fixed$inverse %*% covariance
  out <- tcrossprod(half, fixed$inverse)
  k <- fixed$kz - fixed$ky
  out <- times_two_to((out + t(out)) / 2, rep(k, fixed$rank) + rep(k, each = fixed$rank))
  names <- names(fixed$omega)[fixed$kept]
  variances <- diagonal(out)
  lost <- !is.finite(variances) | (variances == 0 & diagonal(half) != 0)
  if (any(lost) && all(is.finite(covariance))) {
    abort(
      "overflow", "the variance of the coefficient of ", enumerate(backtick(names[lost])),
      " cannot be held by a double in the units of the data; change them."
    )
  }
  if (any(variances < 0)) diag(out)[variances < 0] <- 0  # rounding at a boundary
  dimnames(out) <- list(names, names)
  out
}

# Mean and covariance of the fixed effects in the user's units from those of delta given each node
# of a mixture: mean [c x N], covariance [c^2 x N]; sums: node_weights().
pooled_fixed_moments <- function(fixed, mean, covariance, sums) {
  c <- fixed$rank
  centre <- drop(mean %*% sums$weight)
  apart <- mean - centre
  inside <- matrix(covariance %*% sums$second, c, c) + apart %*% (sums$weight * t(apart))
  omega <- fixed$omega
  omega[fixed$kept] <- omega[fixed$kept] + unscale_coefficients(fixed, centre)
  list(mean = omega, covariance = unscale_covariance(fixed, inside))
}

# Rows of a fixed-effect matrix [m x c0] in the coordinates of Q, times 2^ky: z'omega = zq'delta.
basis_coordinates <- function(fixed, z) {
  if (fixed$rank == 0) return(matrix(0, nrow(z), 0))
  scaled <- scale_columns(z[, fixed$kept, drop = FALSE], fixed$kz)
  t(backsolve(fixed$r, t(scaled), transpose = TRUE))
}

# Derivatives of a contrast's variance v by the parameters of `sensitivity`, relative to v itself,
# whose square may overflow.
variance_slopes <- function(fit, contrast, v) {
  inside <- crossprod(coefficient_map(fit$internal$fixed), as.vector(contrast))
  vapply(fit$fixed$sensitivity, function(m) sum(inside * (m %*% inside)) / v, 0)
}
