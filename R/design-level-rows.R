# Rows of (x | g): a level, and the values of its r coefficients. Those of new data are the rows of
# a grouped design with the attribute `values` [m x r], in the user's units.

#' @export
read_rows.level_design <- function(design, expr, source) {
  at <- read_levels(design$group, design$level_names, source)
  attr(at, "values") <- left_rows(design$left, source)
  at
}

# The columns of the left side at new rows [m x r].
left_rows <- function(left, source) {
  names <- variable_names(left$terms)
  variables <- stats::setNames(as.list(attr(left$terms, "variables"))[-1], names)
  frame <- structure(
    lapply(names, function(name) left_variable(variables[[name]], name, left, source)),
    names = names, class = "data.frame", row.names = seq_len(source$m), terms = left$terms
  )
  x <- fixed_matrix(left$terms, frame, left$contrasts)
  matrix(x[, left$at], source$m, length(left$at))
}

left_variable <- function(expr, name, left, source) {
  value <- source$evaluate(expr, source$rules[[name]])
  if (NROW(value) != source$m) {
    bad_input(
      backtick(name), " has ", counted(NROW(value), "row"), " in `newdata`; ", source$m,
      " are expected."
    )
  }
  known <- left$xlevels[[name]]
  if (is.null(known)) return(value)
  text <- as.character(value)
  unseen <- setdiff(text[!is.na(text)], known)
  if (length(unseen) > 0) stop_new_levels(unseen, name)
  factor(text, known, exclude = NULL)
}

# The columns of the left side at rows, in the user's units [m x r].
user_level_values <- function(design, rows) {
  if (!rows$is_fitted) return(attr(rows$x, "values"))
  scale_columns(design$core$values, -design$exponent)
}

# list(unit [m], values [m x r] in the core's units, is_missing [m]); an unseen level has no unit.
level_points <- function(design, rows, at = seq_len(rows$m)) {
  if (rows$is_fitted) {
    values <- design$core$values[at, , drop = FALSE]
    return(list(unit = design$core$x[at], values = values, is_missing = rep(FALSE, length(at))))
  }
  unit <- as.vector(rows$x)[at]
  unseen <- value_or(attr(rows$x, "unseen"), rep(FALSE, rows$m))[at]
  values <- scale_columns(attr(rows$x, "values")[at, , drop = FALSE], design$exponent)
  list(unit = unit, values = values, is_missing = is.na(unit) & !unseen)
}

#' @exportS3Method
row_cells.level_design <- function(design, rows) level_points(design, rows)

# Places [m x r] of the coefficients of every row among those of all levels; NA where the level is
# missing or not known.
row_places <- function(design, rows) {
  level <- if (rows$is_fitted) design$core$x else as.vector(rows$x)
  r <- length(design$columns)
  outer((level - 1) * r, seq_len(r), `+`)
}

# Given beta -------------------------------------------------------------------------------

#' @export
effect_values.level_design <- function(design, rows, beta, inside) {
  place <- row_places(design, rows)
  values <- user_level_values(design, rows)
  out <- 0
  for (a in seq_len(ncol(values))) out <- out + values[, a] * beta[place[, a], , drop = FALSE]
  if (any(attr(rows$x, "unseen"))) out[which(attr(rows$x, "unseen")), ] <- 0
  out
}

#' @export
effect_mean.level_design <- function(design, rows, beta) {
  drop(effect_values(design, rows, as.matrix(beta), NULL))
}

# Moments ----------------------------------------------------------------------------------

#' @export
term_points.level_design <- function(design, rows, at, relative, inside) {
  point <- level_points(design, rows, at)
  own <- design$core$values * value_or(inside$fixed$root, 1)
  same <- outer(design$core$x, point$unit, `==`)
  same[is.na(same)] <- FALSE
  covariance <- tcrossprod(own %*% relative, point$values) * same
  prior <- rowSums((point$values %*% relative) * point$values)
  covariance[, is.na(prior) | point$is_missing] <- NA
  list(covariance = covariance, prior = prior)
}

#' @export
point_covariance.level_design <- function(design, rows, at, z, inside) {
  term_points(design, rows, at, diag(length(design$columns)), inside)
}

#' @export
joint_covariance.level_design <- function(design, rows, z, inside) {
  values <- level_points(design, rows)$values
  list(
    covariance = point_covariance(design, rows, seq_len(rows$m), z, inside)$covariance,
    prior = tcrossprod(values) * unit_covariances(design, row_units(design, rows))
  )
}

#' @export
unit_covariances.level_design <- function(design, unit) outer(unit, unit, `==`) * 1

#' @export
explained_rows.level_design <- function(design, rows, covariance, inside) {
  x <- user_level_values(design, rows)
  rowSums((x %*% covariance) * x)
}

#' @export
row_variances.level_design <- function(design, rows, inside) {
  rowSums(user_level_values(design, rows)^2)
}

#' @export
weighted_squares.level_design <- function(design, rows, variance, unseen, inside) {
  squares <- user_level_values(design, rows)^2
  own <- matrix(variance[row_places(design, rows)], nrow(squares))
  own[which(value_or(attr(rows$x, "unseen"), FALSE)), ] <- unseen
  rowSums(squares * own)
}

# Draws ------------------------------------------------------------------------------------

# Of one coefficient a level, by standard deviations; fresh_block() draws any number by covariance.
#' @export
fresh_effects.level_design <- function(design, rows, sd, inside) {
  user_level_values(design, rows)[, 1] * fresh_units(design, row_units(design, rows), sd)
}

#' @export
unseen_effects.level_design <- function(design, rows, sd) {
  if (any(attr(rows$x, "unseen"))) user_level_values(design, rows)[, 1] * NextMethod() else 0
}

#' @export
fresh_block.level_design <- function(design, rows, covariance, draws, inside) {
  fresh_levels(user_level_values(design, rows), row_units(design, rows), covariance, draws)
}

#' @export
unseen_block.level_design <- function(design, rows, covariance, draws) {
  unseen <- which(value_or(attr(rows$x, "unseen"), FALSE))
  if (length(unseen) == 0) return(0)
  out <- matrix(0, rows$m, draws)
  values <- user_level_values(design, rows)[unseen, , drop = FALSE]
  out[unseen, ] <- fresh_levels(values, row_units(design, rows)[unseen], covariance, draws)
  out
}

# values [m x r], unit [m]; NA stays.
fresh_levels <- function(values, unit, covariance, draws) {
  r <- ncol(values)
  root <- covariance_root(covariance)  # R with R'R = Sigma
  distinct <- sort(unique(unit))
  at <- match(unit, distinct)
  out <- matrix(0, length(unit), draws)
  for (s in seq_len(draws)) {
    beta <- matrix(cpp_normals(length(distinct) * r, 1), ncol = r) %*% root
    out[, s] <- rowSums(values * beta[at, , drop = FALSE])
  }
  out
}

#' @export
prior_effects.level_design <- function(design, covariance, draws) {
  root <- covariance_root(covariance)
  r <- nrow(covariance)
  xi <- matrix(cpp_normals(design$n_cols, draws), r)
  matrix(crossprod(root, xi), design$n_cols, draws)
}
