# Designs of columns, re(X): a row holds the numbers that multiply the coefficients.

#' @export
build_design.matrix_term <- function(term, model, data, env, centre_weights, host) {
  arguments <- term_arguments(term, data, env)
  x <- as_design_matrix(arguments$x, term)
  if (nrow(x) != model$n_total) {
    bad_input(
      backtick(term$label), " has ", counted(nrow(x), "row"), "; ",
      backtick(deparse1(model$terms[[2]])), " has ", model$n_total, "."
    )
  }
  options <- column_options(arguments)
  if (ncol(x) == 0) return(empty_design(term))
  own <- if (!is.null(rownames(x))) data_row_names(model, data, env)
  at <- match_rows(rownames(x), own, term$label, is_of_columns(term$main, data))
  if (!is.null(at)) x <- x[at, , drop = FALSE]
  design <- build_columns(x, term, options, model, centre_weights, host)
  if (!is.null(at)) design$notes <- c(matched_note(term$label), design$notes)
  with_rule(design, term$main, arguments$x, model)
}

column_options <- function(arguments) {
  list(
    center = check_flag(value_or(arguments$center, FALSE), "center"),
    scale = check_flag(value_or(arguments$scale, FALSE), "scale"),
    na = check_choice(value_or(arguments$na, "fail"), c("fail", "mean"), "na")
  )
}

# The design of what as_design_matrix() made of the user's x.
build_columns <- function(x, term, options, model, centre_weights, host) {
  UseMethod("build_columns")
}

# core: what the core needs beside the columns x themselves.
column_design <- function(kind, term, x, facts, core, ...) {
  design <- new_design(
    kind, "column", term, ncol(x), colnames(x), core = c(list(kind = kind, x = x), core), ...
  )
  design[names(facts)] <- facts
  design
}

# What fits and warnings need to know of the columns of a dense or sparse design.
column_facts <- function(all, scaled, options, n) {
  list(
    scale = scaled$divisor, exponent = scaled$exponent, effect_exponent = scaled$exponent,
    kappa_scaled = scaled$squares / max(1, n - 1),
    has_constant = n > 1 && all$has_constant && !options$center,
    log10_spread = if (options$scale) 0 else all$log10_spread
  )
}

# Powers of two and the user's scaling, folded into one factor a column. summary: of every column
# `own`, its mean, and the squares of 2^own times it, and `all` of them together. squares: the sum
# of those of the design inside.
transform_columns <- function(summary, options, n, label) {
  own <- summary$own
  if (!options$scale) {
    common <- summary$all$common
    return(list(
      factor = rep(times_two_to(1, common), length(own)), divisor = NULL,
      squares = summary$all$squares, exponent = common
    ))
  }
  sd <- sqrt(summary$squares / max(1, n - 1))
  constant <- !(sd > 0)
  sd[constant] <- times_two_to(rep(1, sum(constant)), own[constant])  # stays as it is
  divisor <- times_two_to(sd, -own)
  if (any(!is.finite(1 / divisor))) {
    abort("overflow", "columns of ", backtick(label), " are too small to be scaled.")
  }
  list(factor = 1 / divisor, divisor = divisor, squares = sum(summary$squares / sd^2), exponent = 0)
}

#' @export
describe_design.column_design <- function(design) {
  paste0(counted(design$n_cols, "column"), " of ", design$label)
}

#' @export
coefficient_name.column_design <- function(design) "coefficient"

#' @export
unit_index.column_design <- function(design) NULL

#' @export
is_by_rows.column_design <- function(design, n) design$n_cols >= n

# Missing cells are filled by means of the rows that are fitted.
#' @export
has_row_products.column_design <- function(design) is.null(design$fill)

#' @export
identity_words.column_design <- function(design, is_reml) {
  paste0(
    backtick(design$label), " times its transpose is proportional to the identity",
    if (is_reml) " on the residual space"
  )
}

#' @export
design_matrix.column_design <- function(design, n) {
  x <- design$core$x
  if (!is.null(design$core$rows)) x <- x[design$core$rows, , drop = FALSE]
  if (is.matrix(x)) storage.mode(x) <- "double"
  if (is.matrix(x) && !is.null(design$fill) && anyNA(x)) {
    at <- which(is.na(x), arr.ind = TRUE)
    x[at] <- design$fill[at[, 2]]
  }
  if (!is.null(design$center)) x <- sweep(as.matrix(x), 2, design$center)
  if (is.null(design$scale)) return(x)
  if (is.matrix(x)) return(sweep(x, 2, design$scale, `/`))
  x %*% Matrix::Diagonal(x = 1 / design$scale)
}
