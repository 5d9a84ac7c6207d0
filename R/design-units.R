# Designs of units, (1 | g) and re(kernel = ): every row picks one of several coefficients, or as of
# (x | g) those of one of several levels.

# Prior covariance of units inside, [unit x unit].
unit_covariances <- function(design, unit) UseMethod("unit_covariances")

#' @export
coefficient_name.unit_design <- function(design) "(Intercept)"

#' @export
level_names.unit_design <- function(design) effect_names(design)

#' @export
design_matrix.unit_design <- function(design, n) {
  Matrix::sparseMatrix(
    i = seq_len(n), j = unit_index(design), x = 1, dims = c(n, design$n_cols),
    dimnames = list(NULL, effect_names(design))
  )
}

#' @export
effect_values.unit_design <- function(design, rows, beta, inside) {
  if (rows$is_fitted) return(fitted_effects(design, beta, inside))
  out <- beta[as.vector(rows$x), , drop = FALSE]
  if (any(attr(rows$x, "unseen"))) out[which(attr(rows$x, "unseen")), ] <- 0
  out
}

#' @export
effect_mean.unit_design <- function(design, rows, beta) {
  out <- beta[rows$x]
  out[attr(rows$x, "unseen")] <- 0
  out
}

#' @export
point_covariance.unit_design <- function(design, rows, at, z, inside) {
  x <- if (rows$is_fitted) unit_index(design) else rows$x
  unit <- x[at]
  unseen <- value_or(attr(x, "unseen"), rep(FALSE, length(x)))[at]
  covariance <- matrix(0, nrow(inside$fixed$q), length(at))
  known <- !is.na(unit)
  covariance[, known] <- cpp_covariance_columns(design$core, inside$fixed$root, unit[known])
  prior <- rep(1, length(at))
  prior[known] <- prior_variances(design, unit[known])
  covariance[, !known & !unseen] <- NA
  list(covariance = covariance, prior = prior)
}

#' @export
joint_covariance.unit_design <- function(design, rows, z, inside) {
  out <- point_covariance(design, rows, seq_len(rows$m), z, inside)
  list(covariance = out$covariance, prior = unit_covariances(design, row_units(design, rows)))
}

#' @export
weighted_squares.unit_design <- function(design, rows, variance, unseen, inside) {
  unit <- if (rows$is_fitted) unit_index(design) else as.vector(rows$x)
  out <- variance[unit]
  if (any(attr(rows$x, "unseen"))) out[which(attr(rows$x, "unseen"))] <- unseen
  out
}

#' @export
fresh_effects.unit_design <- function(design, rows, sd, inside) {
  fresh_units(design, row_units(design, rows), sd)
}

#' @export
unseen_effects.unit_design <- function(design, rows, sd) {
  if (!any(attr(rows$x, "unseen"))) return(0)
  unit <- row_units(design, rows)
  unseen <- which(attr(rows$x, "unseen"))
  out <- matrix(0, rows$m, length(sd))
  out[unseen, ] <- fresh_units(design, unit[unseen], sd)
  out
}

# Effects of levels or of individuals of a kernel, those that occur in `unit` [m]; NA stays.
fresh_units <- function(design, unit, sd) {
  distinct <- sort(unique(unit))
  root <- if (length(distinct) > 0) effect_root(design, distinct)
  out <- cpp_zeros(length(unit), length(sd))
  for (at in blocks_of(length(sd), 64)) {
    fresh <- cpp_normals(length(distinct), length(at))
    if (!is.null(root)) fresh <- user_unit_effects(design, cpp_crossprod(root, fresh))
    out[, at] <- fresh[match(unit, distinct), , drop = FALSE] * rep(sd[at], each = length(unit))
  }
  out
}

# The coefficient that each row picks, [m]; levels that the fit does not know are counted on from
# its own.
row_units <- function(design, rows) {
  if (rows$is_fitted) return(unit_index(design))
  unit <- as.vector(rows$x)
  if (!any(attr(rows$x, "unseen"))) return(unit)
  unseen <- which(attr(rows$x, "unseen"))
  level <- attr(rows$x, "level")[unseen]
  unit[unseen] <- design$n_cols + match(level, unique(level))
  unit
}
