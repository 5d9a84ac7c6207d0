# Rows of designs of columns: those of the fit by the core, new ones in R.

#' @export
read_rows.column_design <- function(design, expr, source) {
  value <- source$evaluate(expr, design$rule)
  if (!is.null(design$rule)) value <- as_fitted_columns(value, design, source$values)
  new_columns(design, match_new_rows(value, source$newdata, design$label), source$m)
}

# What an expression gives every row its fitted values with has the columns of the fit, unless a
# factor brings levels that the fit does not know.
as_fitted_columns <- function(value, design, values) {
  for (name in names(Filter(is.factor, design$rule$raw))) {
    unseen <- setdiff(levels(values[[name]]), levels(design$rule$raw[[name]]))
    if (length(unseen) > 0) stop_new_levels(unseen, name)
  }
  if (!is.null(design$names) && identical(ncol(value), as.integer(design$n_cols))) {
    colnames(value) <- design$names
  }
  value
}

# Rows of new data: a matrix or dgCMatrix [m x p] matched by column names, with the fit's
# imputation. A class of the user's own is read into memory: new rows are few.
new_columns <- function(design, value, m) {
  term <- list(label = design$label)
  x <- as_design_matrix(value, term)
  if (!methods::is(x, "dgCMatrix")) x <- as.matrix(x)
  name <- backtick(design$label)
  if (nrow(x) != m) {
    bad_input(name, " has ", counted(nrow(x), "row"), " in `newdata`; ", m, " are expected.")
  }
  x <- match_columns(x, design, name)
  if (!methods::is(x, "dgCMatrix") && !is.double(x)) storage.mode(x) <- "double"
  cells <- if (methods::is(x, "dgCMatrix")) x@x else x
  if (cpp_has_infinite(cells)) bad_input(name, " has infinite values in `newdata`.")
  if (!is.null(design$fill) && anyNA(cells)) {
    at <- which(is.na(x), arr.ind = TRUE)
    x[at] <- design$fill[at[, 2]]
  }
  x
}

match_columns <- function(x, design, name) {
  have <- colnames(x)
  if (is.null(have) || is.null(design$names)) {
    if (ncol(x) != design$n_cols) {
      bad_input(
        name, " has ", counted(ncol(x), "column"), " in `newdata`; the fit has ", design$n_cols, "."
      )
    }
    return(x)
  }
  if (identical(have, design$names)) return(x)
  at <- match(design$names, have)
  if (anyNA(at) || anyDuplicated(design$names)) {
    lacking <- design$names[is.na(at)]
    bad_input(
      name, " in `newdata` has ", counted(ncol(x), "column"), ", the fit has ", design$n_cols, "; ",
      if (length(lacking)) paste0("lacking: ", enumerate(backtick(lacking))) else
        "duplicated names that differ in order", "."
    )
  }
  x[, at, drop = FALSE]
}

#' @export
effect_values.column_design <- function(design, rows, beta, inside) {
  if (rows$is_fitted) return(fitted_effects(design, beta, inside))
  if (!is.null(design$scale)) beta <- beta / design$scale
  shift <- if (is.null(design$center)) 0 else drop(crossprod(beta, design$center))
  product_of_rows(rows$x, beta) - rep(shift, each = rows$m)
}

# X beta at the fitted rows, of any design.
fitted_effects <- function(design, beta, inside) {
  root <- inside$fixed$root
  beta <- inside_effects(inside$units, beta, design$label)
  out <- cpp_product(design$core, root, beta) / value_or(root, 1)
  mean <- design$mean_columns
  if (!is.null(mean)) out <- out + rep(drop(crossprod(beta, mean)), each = nrow(out))
  user_response(inside$units, out)
}

#' @export
effect_mean.column_design <- function(design, rows, beta) {
  if (!is.null(design$scale)) beta <- beta / design$scale
  shift <- if (is.null(design$center)) 0 else sum(design$center * beta)
  as.vector(product_of_rows(rows$x, beta)) - shift
}

# x b [m x s] for rows x of columns, dense or sparse, and b [p x s]. NA stays NA.
product_of_rows <- function(x, b) {
  kind <- if (methods::is(x, "dgCMatrix")) "sparse" else "dense"
  core <- list(kind = kind, x = x, rows = NULL, shift = NULL, scale = NULL, fill = NULL)
  out <- cpp_product(core, NULL, as.matrix(b))
  out[is.nan(out)] <- NA
  out
}

#' @export
point_covariance.column_design <- function(design, rows, at, z, inside) {
  root <- inside$fixed$root
  u <- if (rows$is_fitted) fitted_columns(design, at, inside) else
    column_points(design, rows$x, at, z, inside)
  list(covariance = cpp_product(design$core, root, u), prior = colSums(u^2))
}

#' @export
joint_covariance.column_design <- function(design, rows, z, inside) {
  u <- column_points(design, rows$x, seq_len(rows$m), z, inside)
  list(
    covariance = cpp_product(design$core, inside$fixed$root, u), prior = cpp_crossprod(u, u)
  )
}

# Fitted rows as points: S X' column by column, [p x length(at)].
fitted_columns <- function(design, at, inside) {
  n <- nrow(inside$fixed$q)
  root <- value_or(inside$fixed$root, rep(1, n))
  pick <- matrix(0, n, length(at))
  pick[cbind(at, seq_along(at))] <- 1 / root[at]
  cpp_covariance_product(design$core, inside$fixed$root, pick)
}

# New rows as points [p x length(at)]: columns are moved and scaled as in the fit.
column_points <- function(design, x, at, z, inside) {
  x <- t(as.matrix(x[at, , drop = FALSE]))
  center <- value_or(design$center, 0)
  u <- (x - center) * design$core$scale
  # z'a, with 1 = Z a: one for every honest row of Z. Without a there is nothing left of the columns
  # but their means, which only a fit without variances has.
  constant <- inside$system$parts$mean$constant
  if (!is.null(constant)) u <- u - outer(design$mean_columns, drop(z %*% constant))
  u[is.na(u)] <- NA_real_
  u
}

#' @export
row_variances.column_design <- function(design, rows, inside) {
  weighted_squares(design, rows, rep(1, design$n_cols), NULL, inside)
}

#' @export
weighted_squares.column_design <- function(design, rows, variance, unseen, inside) {
  if (rows$is_fitted) return(fitted_squares(design, variance, inside))
  variance <- variance / value_or(design$scale, 1)^2
  sum_over_columns(rows$x, function(at) {
    x <- rows$x[, at, drop = FALSE]
    if (!is.null(design$center)) x <- as.matrix(x) - rep(design$center[at], each = rows$m)
    as.vector(x^2 %*% variance[at])
  })
}

fitted_squares <- function(design, variance, inside) {
  root <- inside$fixed$root
  variance <- inside_effect_variances(inside$units, variance, design$label)
  mean <- value_or(design$mean_columns, numeric(design$n_cols))
  total <- numeric(nrow(inside$fixed$q))
  for (at in blocks_of(design$n_cols, 256)) {
    cpp_poll()
    x <- cpp_covariance_columns(design$core, root, at) / value_or(root, 1)
    total <- total + drop((x + rep(mean[at], each = nrow(x)))^2 %*% variance[at])
  }
  user_response_variance(inside$units, total)
}

#' @export
fresh_effects.column_design <- function(design, rows, sd, inside) {
  out <- cpp_zeros(rows$m, length(sd))
  for (at in blocks_of(length(sd), 64)) {
    beta <- cpp_normals(design$n_cols, length(at))
    out[, at] <- effect_values(design, rows, beta, inside) * rep(sd[at], each = rows$m)
  }
  out
}
