# re(kernel = K): effects with known covariance, one an individual, observed any number of times.

#' @export
build_design.kernel_term <- function(term, model, data, env, centre_weights, host) {
  arguments <- term_arguments(term, data, env)
  kernel <- as_kernel(arguments$kernel, term)
  tol <- arguments$tol
  if (!is.null(tol)) check_number(tol, "tol", 0, 0.5)
  rounding <- stored_rounding(kernel)
  kernel <- symmetric_kernel(kernel, rounding, tol, backtick(term$label))
  found <- kernel_units(kernel, arguments$id, model, term, data, env)
  design <- kernel_design(
    kernel, found$unit, term, c(rounding$absolute, value_or(tol, -1)), names = found$names,
    id = term$arguments$id, notes = found$note, stored = rounding$text
  )
  with_rule(design, term$arguments$id, arguments$id, model)
}

# unit [n]: the row of the kernel of every row; rounding: see KernelOperator in the core.
kernel_design <- function(kernel, unit, term, rounding, names, ...) {
  # cells scale by 4^k so that the effects themselves scale by 2^k
  exponent <- 2 * floor(scale_exponent(diag(kernel)) / 2)
  factor <- times_two_to(1, exponent)
  new_design(
    "kernel", "unit", term, nrow(kernel), names,
    core = list(kind = "kernel", x = kernel, scale = factor, unit = unit, rounding = rounding),
    exponent = exponent / 2, effect_exponent = 0, mean_columns = NULL,
    kappa_scaled = kernel_kappa(kernel, unit, factor, length(unit)), has_constant = FALSE,
    log10_spread = 0, ...
  )
}

as_kernel <- function(kernel, term) {
  name <- backtick(term$label)
  if (methods::is(kernel, "Matrix")) kernel <- as.matrix(check_valid(kernel, name))
  if (is.data.frame(kernel)) kernel <- as_matrix_of_numbers(kernel, name)
  if (!is.matrix(kernel) || !is.numeric(kernel)) {
    bad_input(name, " must be a numeric matrix; found ", describe(kernel), ".")
  }
  if (nrow(kernel) != ncol(kernel)) {
    bad_input(name, " must be square; found ", nrow(kernel), " x ", ncol(kernel), ".")
  }
  if (nrow(kernel) == 0) bad_input(name, " is 0 x 0.")
  stop_contradiction(rownames(kernel), colnames(kernel), name)
  if (!is.double(kernel)) storage.mode(kernel) <- "double"
  n_bad <- sum_over_columns(kernel, function(at) sum(!is.finite(kernel[, at])))
  if (n_bad > 0) bad_input(name, " has ", counted(n_bad, "missing or infinite cell"), ".")
  kernel
}

# Names of columns that a data frame has made, of those of the rows or by itself, contradict none.
stop_contradiction <- function(rows, columns, name) {
  if (is.null(rows) || is.null(columns) || identical(rows, columns)) return(invisible())
  if (is_automatic(columns) && !setequal(rows, columns)) return(invisible())
  differs <- which(rows != columns & make.names(rows) != columns)
  if (length(differs) == 0) return(invisible())
  bad_input(
    "row and column names of ", name, " contradict each other: number ", differs[1], " is ",
    dQuote(rows[differs[1]], FALSE), " and ", dQuote(columns[differs[1]], FALSE), "."
  )
}

# Exactly symmetric, if it is so but for rounding.
symmetric_kernel <- function(kernel, rounding, tol, name) {
  asymmetry <- 0
  for (at in column_blocks(nrow(kernel), ncol(kernel))) {
    cpp_poll()
    below <- at[1]:nrow(kernel)
    asymmetry <- max(
      asymmetry, abs(kernel[below, at, drop = FALSE] - t(kernel[at, below, drop = FALSE]))
    )
  }
  if (asymmetry == 0) return(kernel)
  largest <- max(abs(kernel))
  # cells that should be equal may be rounded to neighbours
  allowed <- max(1e-8 * largest, if (is.null(tol)) 4 * rounding$cell else tol * largest)
  if (asymmetry > allowed) {
    bad_input(
      name, " is not symmetric: cells differ by up to ", format(asymmetry, digits = 3), ", beyond ",
      format(allowed, digits = 3), "; see `tol` of re() if that is rounding."
    )
  }
  (kernel + t(kernel)) / 2
}

kernel_kappa <- function(kernel, unit, factor, n) {
  counts <- tabulate(unit, nrow(kernel)) * factor
  total <- sum_over_columns(kernel, function(at) {
    sum(colSums(kernel[, at, drop = FALSE] * counts) * tabulate(unit, nrow(kernel))[at])
  })
  (sum(diag(kernel)[unit] * factor) - total / n) / max(1, n - 1)
}

#' @export
describe_design.kernel_design <- function(design) {
  paste0("kernel ", design$label, " over ", counted(design$n_cols, "individual"))
}

#' @export
unit_index.kernel_design <- function(design) design$core$unit

#' @export
smaller_side.kernel_design <- function(design, n) n

#' @export
is_by_rows.kernel_design <- function(design, n) TRUE

#' @export
identity_words.kernel_design <- function(design, is_reml) {
  paste0(
    backtick(design$label), " is proportional to the identity",
    if (is_reml) " on the residual space"
  )
}

#' @export
require_columns.kernel_design <- function(design, method) {
  abort(
    "unsupported", "method ", dQuote(method, FALSE), " factorises over the columns of a design ",
    "and ", backtick(design$label), " is a covariance matrix, which has none: fit by \"REML\" or ",
    "\"ML\", or give re(X) with ", backtick(design$label), " = X X'."
  )
}

# The directions of the correlation that the rows reach: all of them when the kernel is regular and
# every unit is observed.
#' @export
n_coefficients.kernel_design <- function(design, system) as.double(length(system$parts$d))

#' @export
prior_variances.kernel_design <- function(design, index) {
  diag(design$core$x)[index] * design$core$scale
}

#' @export
unit_covariances.kernel_design <- function(design, unit) {
  design$core$x[unit, unit, drop = FALSE] * design$core$scale
}

# Cells are scaled by a power of four, so that those of any size have a root.
#' @export
effect_root.kernel_design <- function(design, index) chol_root(unit_covariances(design, index))

#' @export
row_variances.kernel_design <- function(design, rows, inside) {
  diag(design$core$x)[row_units(design, rows)]
}

# Rows of new data: rows of the kernel, integer [m].
#' @export
read_rows.kernel_design <- function(design, expr, source) {
  value <- if (!is.null(expr)) source$evaluate(expr, design$rule)
  if (is.null(design$id)) {
    bad_input(
      "prediction at new rows of ", backtick(design$label), " needs `id` in re(kernel = , id = ): ",
      "fit with a kernel that has rows for the new individuals too, and `newdata` brings their ids."
    )
  }
  if (length(value) != source$m) {
    bad_input(
      "`id` has ", counted(length(value), "value"), " in `newdata`; ", source$m, " are expected."
    )
  }
  match_units(value, design$names, design$n_cols, backtick(design$label))
}
