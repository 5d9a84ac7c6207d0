# Variances of z'omega + x'beta given y, in the user's units, in blocks of rows.

mean_variance <- function(object, rows, random) {
  if (is_bayes(object)) {
    parts <- row_components(object, rows, random)
    posterior <- object$posterior
    variance <- mixture_moments(posterior, parts$mean, parts$sd)$variance
    return(existing_variance(variance, posterior$orders, function(h, tau) {
      row_components(object, rows, random, core = one_node(posterior$core, h, tau))$sd[, 1]^2
    }))
  }
  if (!is.null(object$q)) return(variational_variance(object, rows, random))
  if (!random) return(fixed_variance(object, rows$z))
  out <- numeric(rows$m)
  for (at in point_blocks(object, rows$m)) out[at] <- block_variance(object, rows, at)
  out
}

# Rows in blocks, of which each takes as many columns of the length of the data and of X.
point_blocks <- function(object, m) {
  blocks_of(m, max(1, min(256, 2^22 %/% max(object$dims$n, object$designs[[1]]$n_cols))))
}

fixed_variance <- function(object, z) {
  z <- z[, object$fixed$kept, drop = FALSE]
  rowSums((z %*% object$fixed$vcov) * z)
}

block_variance <- function(object, rows, at) {
  internal <- object$internal
  design <- object$designs[[1]]
  z <- basis_coordinates(internal$fixed, rows$z[at, , drop = FALSE])
  point <- if (rows$is_fitted) fitted_covariance(object, design, at) else
    covariance_verb(design)(object, design, rows$x, at, z)
  is_missing <- !stats::complete.cases(z, t(point$covariance))
  z[is_missing, ] <- 0
  point$covariance[, is_missing] <- 0
  variance <- cpp_latent_variances(
    design$core, internal$fixed$root, full_system(object), internal$share$h, internal$share$nu,
    point$covariance, point$prior, z
  )
  variance[is_missing] <- NA
  user_response_variance(internal$units, variance * internal$tau2)
}

covariance_verb <- function(design) {
  switch(design$kind, grouped = unit_covariance, kernel = unit_covariance, column_covariance)
}

# list(covariance = X S x [n x m], prior = x'S x [m]) for points that pick one coefficient each.
unit_covariance <- function(object, design, x, at, z) {
  unit <- x[at]
  unseen <- value_or(attr(x, "unseen"), rep(FALSE, length(x)))[at]
  covariance <- matrix(0, object$dims$n, length(at))
  known <- !is.na(unit)
  covariance[, known] <- cpp_covariance_columns(
    design$core, object$internal$fixed$root, unit[known]
  )
  prior <- rep(1, length(at))
  if (design$kind == "kernel") prior[known] <- diag(design$core$x)[unit[known]] * design$core$scale
  covariance[, !known & !unseen] <- NA
  list(covariance = covariance, prior = prior)
}

# The same for points given by rows of columns; columns are moved and scaled as in the fit.
column_covariance <- function(object, design, x, at, z) {
  u <- column_points(object, design, x, at, z)
  list(
    covariance = cpp_product(design$core, object$internal$fixed$root, u), prior = colSums(u^2)
  )
}

# The points themselves, [p x m].
column_points <- function(object, design, x, at, z) {
  x <- t(as.matrix(x[at, , drop = FALSE]))
  center <- value_or(design$center, 0)
  u <- (x - center) * design$core$scale
  mean_columns <- object$internal$mean_columns[[1]]
  if (!is.null(mean_columns)) u <- u - outer(mean_columns, constant_coordinate(object, z))
  u[is.na(u)] <- NA_real_
  u
}

# z'a, with 1 = Z a: one for every honest row of Z.
constant_coordinate <- function(object, z) {
  drop(z %*% object$internal$system$parts$mean$constant)
}

# Fitted rows are points of the design itself: X S X' column by column.
fitted_covariance <- function(object, design, at) {
  internal <- object$internal
  root <- value_or(internal$fixed$root, rep(1, object$dims$n))
  if (design$kind %in% c("grouped", "kernel")) {
    unit <- if (design$kind == "grouped") design$core$x else design$core$unit
    return(unit_covariance(object, design, unit, at, NULL))
  }
  pick <- matrix(0, object$dims$n, length(at))
  pick[cbind(at, seq_along(at))] <- 1 / root[at]
  u <- cpp_covariance_product(design$core, internal$fixed$root, pick)
  list(covariance = cpp_product(design$core, internal$fixed$root, u), prior = colSums(u^2))
}
