# (x | g), (0 + x | g): every level of g has r coefficients, of the columns of the left side. They
# stand level by level, the a-th of level j at (j - 1) r + a, and those of a level have one
# covariance Sigma [r x r], which is a variance where r is 1.
#
# Beside what every design has: n_levels, level_names [J]; columns [r], the names of the columns;
# left: what rebuilds them at new rows; core = list(kind = "level", x = level of each row [n],
# n_levels, values [n x r], column a times 2^exponent[a]); exponent [r], effect_exponent [J r] (one
# number where r is 1); kappa_scaled, a number or [r x r], see level_moments().

#' @export
settle_term.level_term <- function(term, model) {
  term$side <- left_side(term, model)
  columns <- colnames(term$side$x)
  if (!term$is_independent) return(list(with_columns(term, columns, seq_along(columns))))
  lapply(seq_along(columns), function(at) independent_term(term, columns[at], at))
}

# One column gives the term its name, as in `Subject.Days`; a block is called as its group.
with_columns <- function(term, columns, at) {
  if (length(columns) == 1) term$label <- shortened(paste0(term$label, ".", columns))
  term$columns <- columns
  term$at <- at
  term
}

# One column of (x || g), as a term of its own.
independent_term <- function(term, column, at) {
  is_intercept <- column == "(Intercept)"
  own <- if (is_intercept) 1 else call("+", 0, as.name(column))
  term$expr <- call("(", call("|", own, term$group))
  if (!is_intercept) return(with_columns(term, column, at))
  term$at_new_rows <- term$group
  class(term) <- c("group_term", "random_term")
  term
}

#' @export
build_design.level_term <- function(term, model, data, env, centre_weights, host) {
  group <- fitted_groups(term, model$frame)
  left <- term$side
  x <- left$x[, term$at, drop = FALSE]
  check_independent(x, term)
  exponent <- unname(apply(x, 2, scale_exponent))
  values <- scale_columns(unname(x), exponent)
  level <- as.integer(group)
  n_levels <- nlevels(group)
  new_design(
    "level", "unit", term, n_levels * ncol(x), level_effect_names(levels(group), term$columns),
    group = term$group, n_levels = n_levels, level_names = levels(group), columns = term$columns,
    left = c(left[c("terms", "xlevels", "contrasts")], list(at = term$at)),
    core = list(kind = "level", x = level, n_levels = n_levels, values = values),
    exponent = exponent,
    effect_exponent = if (length(exponent) == 1) exponent else rep(exponent, n_levels),
    mean_columns = NULL, kappa_scaled = level_moments(values, level),
    has_constant = n_levels == 1 && any(is_constant(values)), notes = NULL, log10_spread = 0
  )
}

# The left side as the data have it, which a term holds until its design is built: its matrix [n x
# all its columns], and what rebuilds that. As in lme4, `contrasts` of lmm() are those of the fixed
# effects.
left_side <- function(term, model) {
  terms <- left_terms(term$left)
  what <- paste("the left side of", backtick(term_text(term)))
  x <- build_fixed_matrix(terms, model$frame, NULL, model$rows, what)
  if (ncol(x) == 0) bad_input(what, " has no columns.")
  list(
    x = matrix(x, nrow(x), dimnames = list(NULL, colnames(x))), terms = terms,
    xlevels = stats::.getXlevels(terms, model$frame), contrasts = attr(x, "contrasts")
  )
}

# Of dependent columns any part of Sigma can be moved to others.
check_independent <- function(x, term) {
  if (ncol(x) == 1) return(invisible())
  # sixteen digits less those that the offset of a year or of a coordinate takes up
  found <- qr(scale_columns(x, apply(x, 2, scale_exponent)), tol = 1e-11)
  if (found$rank == ncol(x)) return(invisible())
  bad <- colnames(x)[sort(found$pivot[-seq_len(found$rank)])]
  abort(
    "not_identified", "the covariance of ", backtick(term_text(term)), " is not identified: ",
    enumerate(backtick(bad)), if (length(bad) == 1) " is" else " are", " a linear combination of ",
    "the other columns of its left side in the fitted rows (as a constant is of the intercept)."
  )
}

is_constant <- function(x) apply(x, 2, function(column) all(column == column[1]) && column[1] != 0)

level_effect_names <- function(levels, columns) {
  if (length(columns) == 1) return(levels)
  paste(rep(levels, each = length(columns)), columns, sep = ".")
}

# kappa_ab with sum_ab kappa_ab Sigma_ab = sum over levels of tr(C X_j Sigma X_j') / (n - 1), the
# expected sample variance of the term; C = I - 11'/n. By squares within levels and of their means,
# which do not cancel: sum_j [W_j + s_j s_j' (1 / n_j - 1 / n)], s_j the sums of a level.
level_moments <- function(values, level) {
  n <- nrow(values)
  counts <- tabulate(level)
  sums <- rowsum(values, level)
  within <- values - (sums / counts)[level, , drop = FALSE]
  total <- crossprod(within) + crossprod(sums * sqrt(1 / counts - 1 / n))
  out <- unname(total) / max(1, n - 1)
  if (ncol(values) == 1) drop(out) else out
}

# In words and numbers -----------------------------------------------------------------------

#' @export
describe_design.level_design <- function(design) {
  each <- if (length(design$columns) == 1) paste("a coefficient of", design$columns) else
    counted(length(design$columns), "coefficient")
  paste0(counted(design$n_levels, "level"), " of ", short_text(design$group), ", ", each, " each")
}

#' @export
coefficient_name.level_design <- function(design) design$columns

#' @export
level_coefficient.level_design <- function(design) design$columns

#' @export
coefficient_width.level_design <- function(design) length(design$columns)

#' @export
block_names.level_design <- function(design) design$columns

#' @export
level_names.level_design <- function(design) design$level_names

#' @export
level_values.level_design <- function(design) design$core$values

#' @export
unit_index.level_design <- function(design) design$core$x

#' @export
term_moments.level_design <- function(design) as.matrix(design$kappa_scaled)

#' @export
term_size.level_design <- function(design, kappa) {
  mean(row_variances(design, list(is_fitted = TRUE), NULL))
}

#' @export
smaller_side.level_design <- function(design, n) {
  if (length(design$columns) > 1) min(n, design$n_cols)
}

#' @export
is_by_rows.level_design <- function(design, n) FALSE

#' @export
identity_words.level_design <- function(design, is_reml) {
  paste("every level of", backtick(short_text(design$group)), "has one row")
}

#' @export
design_matrix.level_design <- function(design, n) {
  r <- length(design$columns)
  Matrix::sparseMatrix(
    i = rep(seq_len(n), r), j = (design$core$x - 1) * r + rep(seq_len(r), each = n),
    x = as.vector(user_level_values(design, list(is_fitted = TRUE))), dims = c(n, design$n_cols),
    dimnames = list(NULL, effect_names(design))
  )
}
