# Model data of some of the fitted rows, as lmm(subset = ) would make them of the same data.

# at: positions among the rows of `model`; contrasts: as lmm() was given them.
rows_of_model <- function(model, at, contrasts) {
  keep <- seq_along(model$y) %in% at
  frame <- drop_rows(model$frame, keep, FALSE)
  rows <- model$rows[keep]
  model$z <- build_fixed_matrix(model$terms, frame, contrasts, rows)
  model$xlevels <- if (length(attr(model$terms, "variables")) > 2) {
    stats::.getXlevels(model$terms, frame)
  }
  model$contrasts <- attr(model$z, "contrasts")
  for (name in c("y", "weights", "offset", "row_names")) {
    if (!is.null(model[[name]])) model[[name]] <- model[[name]][keep]
  }
  model$frame <- frame
  model$rows <- rows
  model["na_action"] <- list(NULL)
  model$dropped[c("missing", "zero_weight")] <- list(0L, 0L)
  model
}

# The matrix of the fixed effects of other rows of the same frame [m x c], with the columns that a
# fit has; NA in rows of levels that it does not know.
fixed_rows <- function(frame, model) {
  for (name in names(model$xlevels)) {
    known <- model$xlevels[[name]]
    frame[[name]] <- factor(as.character(frame[[name]]), known, ordered = is.ordered(frame[[name]]))
  }
  out <- fixed_matrix(stats::delete.response(model$terms), frame, model$contrasts)
  unname(out[, , drop = FALSE])
}

# A term that holds the values of its expressions at all rows of the data, so that designs of any
# rows are built without the user's data; `design` is that of the fitted rows. `values` [by name]:
# what source$evaluate() of read_rows() finds, NULL for a term whose variables the frame has.
resolved_term <- function(term, design, model, data, env) UseMethod("resolved_term")

#' @exportS3Method
resolved_term.random_term <- function(term, design, model, data, env) {
  term$is_named <- TRUE  # its label stays
  term
}

# Settled already: of the columns of its left side those that other rows have.
#' @exportS3Method
resolved_term.level_term <- function(term, design, model, data, env) {
  class(term) <- c("settled_term", class(term))
  NextMethod()
}

#' @export
settle_term.settled_term <- function(term, model) {
  term$side <- left_side(term, model)
  at <- match(term$columns, colnames(term$side$x))
  term$at <- at[!is.na(at)]
  term$columns <- term$columns[!is.na(at)]
  if (length(term$at) > 0) list(term) else list()
}

#' @exportS3Method
resolved_term.matrix_term <- function(term, design, model, data, env) {
  arguments <- term_arguments(term, data, env)
  x <- as_design_matrix(arguments$x, term)
  own <- if (!is.null(rownames(x))) data_row_names(model, data, env)
  at <- match_rows(rownames(x), own, term$label, is_of_columns(term$main, data))
  if (!is.null(at)) x <- x[at, , drop = FALSE]
  term$options <- column_options(arguments)
  with_values(term, "cells", list(x = x), as.name("x"))
}

# A kernel is read and judged once, whichever rows are fitted.
#' @exportS3Method
resolved_term.kernel_term <- function(term, design, model, data, env) {
  unit <- rep(NA_integer_, model$n_total)
  unit[model$rows] <- design$core$unit
  over_units(term, design, unit)
}

# Whether the model has a kernel, read and judged already, and no other term.
is_kernel_alone <- function(model) {
  length(model$random) == 1 && inherits(model$random[[1]], "units_term")
}

# The term of a kernel design and of the row of the kernel that each row of the data has.
over_units <- function(term, design, unit) {
  design$id <- as.name("id")
  design["names"] <- list(NULL)
  design["rule"] <- list(NULL)
  term$design <- design
  with_values(term, "units", list(id = unit), as.name("id"))
}

with_values <- function(term, kind, values, at_new_rows) {
  term$arguments <- NULL
  term$values <- values
  term$at_new_rows <- at_new_rows
  term$is_named <- TRUE
  class(term) <- c(paste0(kind, "_term"), "random_term")
  term
}

#' @export
build_design.cells_term <- function(term, model, data, env, centre_weights, host) {
  x <- term$values$x
  if (ncol(x) == 0) return(empty_design(term))
  build_columns(x, term, term$options, model, centre_weights, host)
}

#' @export
build_design.units_term <- function(term, model, data, env, centre_weights, host) {
  design <- term$design
  unit <- term$values$id[model$rows]
  design$core$unit <- unit
  design$kappa_scaled <- kernel_kappa(design$core$x, unit, design$core$scale, length(unit))
  design
}
