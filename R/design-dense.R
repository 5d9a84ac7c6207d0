# re(X) with a base matrix of doubles, integers, logicals or raw: read in place, block by block.

build_dense <- function(term, x, options, model, centre_weights, host) {
  rows <- fitted_rows(model)
  is_weighted <- !is.null(centre_weights) && any(centre_weights != 1)
  summary <- cpp_summarise_columns(x, rows, if (is_weighted) centre_weights, host)
  names <- colnames(x)
  if (!summary$is_finite) stop_infinite_cells(summary$n_infinite, names, term$label)
  if (!summary$is_complete) {
    stop_empty_columns(summary$n_missing, length(model$rows), names, term$label)
  }
  if (!summary$is_complete && options$na == "fail") {
    stop_missing_cells(summary$n_missing, names, term$label)
  }
  n <- length(model$rows)
  centred <- if (!options$center && !is_weighted && !is.null(centre_weights)) {
    rounded_centring(x, summary)
  }
  if (!is.null(centred)) options$center <- TRUE
  scaled <- transform_columns(summary, options, n, term$label)
  centre <- internal_centre(summary, scaled, centre_weights, options)
  fill <- if (!summary$is_complete) summary$mean
  c(design_head("dense", term, ncol(x), names), list(
    core = list(
      kind = "dense", x = x, rows = rows, shift = centre$shift, scale = scaled$factor, fill = fill
    ),
    center = if (options$center) summary$mean, fill = fill, mean_columns = centre$mean,
    notes = c(
      if (!is.null(centred)) {
        paste0(
          "columns of ", backtick(term$label), ", stored ", centred, ", are centred up to their ",
          "rounding and are taken as exactly centred"
        )
      },
      if (!summary$is_complete) imputed_note(summary$n_missing, term$label),
      if (summary$all$has_zero) zero_column_note(summary$max_abs == 0, term$label)
    )
  ), column_facts(summary$all, scaled, options, n))
}

design_head <- function(kind, term, n_cols, names) {
  list(kind = kind, label = term$label, n_cols = n_cols, names = names)
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

# With a constant in the span of Z the column means can be taken out before the decomposition,
# exactly accounted for in the core (MeanShift): K then keeps its digits however large they are.
internal_centre <- function(summary, scaled, centre_weights, options) {
  if (options$center) return(list(shift = summary$mean, mean = NULL))
  if (is.null(centre_weights)) return(list(shift = NULL, mean = NULL))
  mean <- summary$weighted_mean
  # means that are rounding only: the columns are centred already
  mean[abs(mean) <= 1e-13 * summary$max_abs] <- 0
  list(shift = mean, mean = if (any(mean != 0)) mean * scaled$factor)
}

# Rows of new data for dense and sparse designs: list(x = matrix or dgCMatrix [m x p]) matched by
# column names, with the fit's imputation.
newdata_columns <- function(design, value, m, ...) {
  term <- list(label = design$label)
  x <- as_design_matrix(value, term)
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
