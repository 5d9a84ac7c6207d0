# Terms whose coefficients covary within a level, (x | g): blocks of r coefficients with one
# covariance Sigma [r x r]. To every other design r is 1 and Sigma a variance. The methods of level
# designs are in design-level.R and design-level-rows.R.

# How many coefficients a level has, r.
coefficient_width <- function(design) UseMethod("coefficient_width")

#' @exportS3Method
coefficient_width.design <- function(design) 1L

# What multiplies the coefficients of a level in the fitted rows, [n x r] in the core's units; NULL
# where rows are not so made.
level_values <- function(design) UseMethod("level_values")

#' @exportS3Method
level_values.design <- function(design) NULL

# Their names [r].
block_names <- function(design) UseMethod("block_names")

#' @exportS3Method
block_names.design <- function(design) coefficient_name(design)

# Sum over levels of X_j'C X_j / (n - 1) inside [r x r], C the centring matrix: its inner product
# with Sigma is the expected sample variance of the term.
term_moments <- function(design) UseMethod("term_moments")

#' @exportS3Method
term_moments.design <- function(design) matrix(design$kappa_scaled)

# Rows `at` as points in the core's units, for a relative covariance S [r x r]:
# list(covariance = X (I (x) S) x [n x length(at)], prior = x'(I (x) S) x [length(at)]).
term_points <- function(design, rows, at, relative, inside) UseMethod("term_points")

#' @exportS3Method
term_points.design <- function(design, rows, at, relative, inside) {
  z <- basis_coordinates(inside$fixed, rows$z[at, , drop = FALSE])
  out <- point_covariance(design, rows, at, z, inside)
  list(covariance = out$covariance * relative[1], prior = out$prior * relative[1])
}

# The few coefficients of every row, in the core's units: list(unit [m], values [m x r], is_missing
# [m]), where an unseen level has no unit; NULL for designs whose rows have many.
row_cells <- function(design, rows) UseMethod("row_cells")

#' @exportS3Method
row_cells.design <- function(design, rows) NULL

# Variance of x'beta at every row, beta drawn anew with covariance Sigma in the user's units [m].
explained_rows <- function(design, rows, covariance, inside) UseMethod("explained_rows")

#' @exportS3Method
explained_rows.design <- function(design, rows, covariance, inside) {
  row_variances(design, rows, inside) * covariance[1]
}

# x'beta at rows [m x s], one beta drawn anew from N(0, Sigma) for each of s draws.
fresh_block <- function(design, rows, covariance, draws, inside) UseMethod("fresh_block")

#' @exportS3Method
fresh_block.design <- function(design, rows, covariance, draws, inside) {
  fresh_effects(design, rows, rep(sqrt(covariance[1]), draws), inside)
}

# The same at levels that the fit does not know; 0 at the others.
unseen_block <- function(design, rows, covariance, draws) UseMethod("unseen_block")

#' @exportS3Method
unseen_block.design <- function(design, rows, covariance, draws) {
  unseen_effects(design, rows, rep(sqrt(covariance[1]), draws))
}

# A draw of all effects of a term from N(0, I (x) Sigma), as a fit has them [p x s].
prior_effects <- function(design, covariance, draws) UseMethod("prior_effects")

#' @exportS3Method
prior_effects.design <- function(design, covariance, draws) {
  xi <- cpp_normals(design$n_cols, draws) * sqrt(covariance[1])
  root <- effect_root(design, seq_len(design$n_cols))
  if (is.null(root)) xi else user_unit_effects(design, cpp_crossprod(root, xi))
}

# Effects of a term, or what is counted as they are, as users see them: by name, of a block a matrix
# [levels x coefficients].
shaped_effects <- function(design, x) {
  r <- coefficient_width(design)
  if (r == 1) return(stats::setNames(x, effect_names(design)))
  matrix(x, ncol = r, byrow = TRUE, dimnames = list(level_names(design), block_names(design)))
}
