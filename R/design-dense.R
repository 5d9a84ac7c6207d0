# re(X) with a base matrix of doubles, integers, logicals or raw: read in place, block by block.

build_dense <- function(term, x, options, model, centre_weights) {
  rows <- fitted_rows(model)
  first <- cpp_summarise_columns(x, rows, NULL, 1)
  names <- colnames(x)
  stop_infinite_cells(first$n_infinite, names, term$label)
  if (options$na == "fail") stop_missing_cells(first$n_missing, names, term$label)
  exponent <- scale_exponent(first$max_abs)
  # means and squares of the scaled cells cannot overflow
  summary <- cpp_summarise_columns(x, rows, centre_weights, times_two_to(1, exponent))
  n <- length(model$rows)
  scaled <- transform_columns(summary, options, n, exponent)
  centre <- internal_centre(summary, scaled, centre_weights, options, exponent)
  raw_mean <- times_two_to(summary$mean, -exponent)
  list(
    kind = "dense", label = term$label, text = term$text, n_cols = ncol(x), names = names,
    core = list(
      kind = "dense", x = x, rows = rows, shift = centre$shift, scale = scaled$factor,
      fill = if (any(first$n_missing > 0)) raw_mean
    ),
    center = if (options$center) raw_mean, scale = scaled$divisor,
    fill = if (any(first$n_missing > 0)) raw_mean,
    exponent = scaled$exponent, effect_exponent = scaled$exponent,
    mean_columns = centre$mean,
    kappa_scaled = sum(scaled$squares) / (n - 1),
    has_constant = any(summary$squares == 0 & summary$mean != 0) && !options$center,
    notes = c(
      imputed_note(first$n_missing, term$label),
      zero_column_note(first$max_abs == 0, term$label)
    ),
    spread = column_spread(scaled$squares)
  )
}

# User scaling and the power of two, folded into one factor a column.
transform_columns <- function(summary, options, n, exponent) {
  if (!options$scale) {
    return(list(
      factor = rep(times_two_to(1, exponent), length(summary$mean)), divisor = NULL,
      squares = summary$squares, exponent = exponent
    ))
  }
  sd_scaled <- sqrt(summary$squares / (n - 1))
  sd_scaled[!(sd_scaled > 0)] <- times_two_to(1, exponent)  # a constant column stays as it is
  divisor <- times_two_to(sd_scaled, -exponent)
  list(
    factor = 1 / divisor, divisor = divisor, squares = summary$squares / sd_scaled^2, exponent = 0
  )
}

# With a constant in the span of Z the column means can be taken out before the decomposition,
# exactly accounted for in the core (MeanShift): K then keeps its digits however large they are.
internal_centre <- function(summary, scaled, centre_weights, options, exponent) {
  if (options$center) {
    mean <- summary$mean
    rest <- NULL
  } else if (is.null(centre_weights)) {
    return(list(shift = NULL, mean = NULL))
  } else {
    mean <- summary$weighted_mean
    rest <- mean * times_two_to(scaled$factor, -exponent)
    # means that are rounding only: the columns are centred already
    negligible <- abs(mean) <= 1e-13 * times_two_to(summary$max_abs, exponent)
    rest[negligible] <- 0
    mean[negligible] <- 0
    if (all(rest == 0)) rest <- NULL
  }
  list(shift = times_two_to(mean, -exponent), mean = rest)
}

column_spread <- function(squares) {
  positive <- squares[squares > 0]
  if (length(positive) < 2) 1 else sqrt(max(positive) / min(positive))
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
  if (any(is.infinite(cells))) bad_input(name, " has infinite values in `newdata`.")
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
