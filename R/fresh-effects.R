# Random effects drawn anew from their prior: one way for simulate(), posterior_predict() and
# prior_predict(). `fit` is a fit, or a list of the same designs, internal$fixed and
# internal$mean_columns.

# x'beta at rows [m x draws] in the user's units, with one beta for each standard deviation of it:
# rows of one level, or with related x, share the draw.
fresh_values <- function(fit, rows, sd) {
  design <- fit$designs[[1]]
  if (rows$is_fitted && all(sd == 0)) return(cpp_zeros(rows$m, length(sd)))
  if (design$kind %in% c("grouped", "kernel")) {
    return(fresh_units(design, row_units(design, rows), sd))
  }
  out <- cpp_zeros(rows$m, length(sd))
  for (at in blocks_of(length(sd), 64)) {
    beta <- cpp_normals(design$n_cols, length(at))
    out[, at] <- effect_values(fit, rows, beta) * rep(sd[at], each = rows$m)
  }
  out
}

# Effects of levels or of individuals of a kernel, those that occur in `unit` [m]; NA stays.
fresh_units <- function(design, unit, sd) {
  distinct <- sort(unique(unit))
  root <- if (design$kind == "kernel" && length(distinct) > 0) {
    # scaled by a power of four, so that cells of any size have a root
    chol_root(design$core$x[distinct, distinct, drop = FALSE] * design$core$scale)
  }
  out <- cpp_zeros(length(unit), length(sd))
  for (at in blocks_of(length(sd), 64)) {
    fresh <- cpp_normals(length(distinct), length(at))
    if (!is.null(root)) fresh <- user_unit_effects(design, cpp_crossprod(root, fresh))
    out[, at] <- fresh[match(unit, distinct), , drop = FALSE] * rep(sd[at], each = length(unit))
  }
  out
}

# The coefficient that each row picks from a grouping factor or a kernel, [m]; levels that the fit
# does not know are counted on from its own.
row_units <- function(design, rows) {
  if (rows$is_fitted) {
    return(if (design$kind == "grouped") design$core$x else design$core$unit)
  }
  unit <- as.vector(rows$x)
  if (!any(attr(rows$x, "unseen"))) return(unit)
  unseen <- which(attr(rows$x, "unseen"))
  level <- attr(rows$x, "level")[unseen]
  unit[unseen] <- design$n_cols + match(level, unique(level))
  unit
}

# Variance of x'beta at every row over sigma_b^2, beta drawn anew: x'x, [m].
row_variances <- function(fit, rows) {
  design <- fit$designs[[1]]
  switch(design$kind,
    grouped = rep(1, rows$m),
    kernel = diag(design$core$x)[row_units(design, rows)],
    column_squares(fit, rows, rep(1, design$n_cols))
  )
}

# sum_j x_j^2 variance_j at every row, [m], for designs of columns.
column_squares <- function(fit, rows, variance) {
  design <- fit$designs[[1]]
  if (rows$is_fitted) return(fitted_squares(fit, design, variance))
  variance <- variance / value_or(design$scale, 1)^2
  sum_over_columns(rows$x, function(at) {
    x <- rows$x[, at, drop = FALSE]
    if (!is.null(design$center)) x <- as.matrix(x) - rep(design$center[at], each = rows$m)
    as.vector(x^2 %*% variance[at])
  })
}
