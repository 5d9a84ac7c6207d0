# Terms whose coefficients covary within a level, (x | g): blocks of r coefficients with one
# covariance Sigma [r x r]. To every other design r is 1 and Sigma a variance.
#
# A level design has, beside what every design has: coefficients, the names of its r columns;
# core = list(kind = "level", x = level of each row [n], n_levels, values [n x r], each column scaled
# by a power of two); exponent [r], effect_exponent [r J], level by level as the effects are. Its
# new rows are those of a grouped design with the attribute "values" [m x r] in the user's units.

# How many coefficients a level has, r.
coefficient_width <- function(design) UseMethod("coefficient_width")

#' @exportS3Method
coefficient_width.design <- function(design) 1L

#' @exportS3Method
coefficient_width.level_design <- function(design) length(design$coefficients)

# Their names [r].
block_names <- function(design) UseMethod("block_names")

#' @exportS3Method
block_names.design <- function(design) coefficient_name(design)

#' @exportS3Method
block_names.level_design <- function(design) design$coefficients

# Sum over levels of X_j'C X_j / (n - 1) inside [r x r], C the centring matrix: its inner product
# with Sigma is the expected sample variance of the term.
term_moments <- function(design) UseMethod("term_moments")

#' @exportS3Method
term_moments.design <- function(design) matrix(design$kappa_scaled)

#' @exportS3Method
term_moments.level_design <- function(design) {
  x <- design$core$values
  sums <- rowsum(x, design$core$x)
  unname(crossprod(x) - crossprod(sums) / nrow(x)) / max(1, nrow(x) - 1)
}

# Rows `at` as points in the core's units, for a relative covariance S [r x r]:
# list(covariance = X (I (x) S) x [n x length(at)], prior = x'(I (x) S) x [length(at)]); of designs
# whose column means are not taken out.
term_points <- function(design, rows, at, relative, inside) UseMethod("term_points")

#' @exportS3Method
term_points.design <- function(design, rows, at, relative, inside) {
  z <- matrix(0, length(at), inside$fixed$rank)
  out <- point_covariance(design, rows, at, z, inside)
  list(covariance = out$covariance * relative[1], prior = out$prior * relative[1])
}

#' @exportS3Method
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

# Variance of x'beta at every row, beta drawn anew with covariance Sigma in the user's units [m].
explained_rows <- function(design, rows, covariance, inside) UseMethod("explained_rows")

#' @exportS3Method
explained_rows.design <- function(design, rows, covariance, inside) {
  row_variances(design, rows, inside) * covariance[1]
}

#' @exportS3Method
explained_rows.level_design <- function(design, rows, covariance, inside) {
  x <- user_level_values(design, rows)
  rowSums((x %*% covariance) * x)
}

# The columns of the left side at rows, in the user's units [m x r].
user_level_values <- function(design, rows) {
  if (!rows$is_fitted) return(attr(rows$x, "values"))
  scale_columns(design$core$values, -design$exponent)
}

# x'beta at rows [m x s], one beta drawn anew from N(0, Sigma) for each of s draws.
fresh_block <- function(design, rows, covariance, draws, inside) UseMethod("fresh_block")

#' @exportS3Method
fresh_block.design <- function(design, rows, covariance, draws, inside) {
  fresh_effects(design, rows, rep(sqrt(covariance[1]), draws), inside)
}

#' @exportS3Method
fresh_block.level_design <- function(design, rows, covariance, draws, inside) {
  fresh_levels(user_level_values(design, rows), row_units(design, rows), covariance, draws)
}

# The same at levels that the fit does not know; 0 at the others.
unseen_block <- function(design, rows, covariance, draws) UseMethod("unseen_block")

#' @exportS3Method
unseen_block.design <- function(design, rows, covariance, draws) {
  unseen_effects(design, rows, rep(sqrt(covariance[1]), draws))
}

#' @exportS3Method
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

# A draw of all effects of a term from N(0, I (x) Sigma), as a fit has them [p x s].
prior_effects <- function(design, covariance, draws) UseMethod("prior_effects")

#' @exportS3Method
prior_effects.design <- function(design, covariance, draws) {
  xi <- cpp_normals(design$n_cols, draws) * sqrt(covariance[1])
  root <- effect_root(design, seq_len(design$n_cols))
  if (is.null(root)) xi else user_unit_effects(design, cpp_crossprod(root, xi))
}

#' @exportS3Method
prior_effects.level_design <- function(design, covariance, draws) {
  root <- covariance_root(covariance)
  r <- nrow(covariance)
  xi <- matrix(cpp_normals(design$n_cols, draws), r)
  matrix(crossprod(root, xi), design$n_cols, draws)
}
