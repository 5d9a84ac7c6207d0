# re(X) with a sparse matrix: products and Gram matrices over the stored cells only.

build_sparse <- function(term, x, options, model) {
  rows <- fitted_rows(model)
  if (!is.null(rows)) x <- x[rows, , drop = FALSE]
  n <- nrow(x)
  names <- colnames(x)
  column <- rep.int(seq_len(ncol(x)), diff(x@p))
  tally <- function(flag) tabulate(column[flag], ncol(x))
  n_missing <- tally(is.na(x@x))
  stop_infinite_cells(tally(is.infinite(x@x)), names, term$label)
  if (options$na == "fail") stop_missing_cells(n_missing, names, term$label)
  fill <- NULL
  if (any(n_missing > 0)) {
    seen <- x
    seen@x[is.na(seen@x)] <- 0
    fill <- Matrix::colSums(seen) / (n - n_missing)
    x@x[is.na(x@x)] <- fill[column[is.na(x@x)]]
  }
  exponent <- scale_exponent(x@x)
  moments <- sparse_moments(x, times_two_to(1, exponent), n)
  scaled <- transform_columns(moments, options, n, exponent)
  raw_mean <- times_two_to(moments$mean, -exponent)
  list(
    kind = "sparse", label = term$label, text = term$text, n_cols = ncol(x), names = names,
    core = list(
      kind = "sparse", x = x, shift = if (options$center) raw_mean, scale = scaled$factor
    ),
    center = if (options$center) raw_mean, scale = scaled$divisor, fill = fill,
    exponent = scaled$exponent, effect_exponent = scaled$exponent,
    mean_columns = NULL,
    kappa_scaled = sum(scaled$squares) / (n - 1),
    has_constant = any(moments$squares == 0 & moments$mean != 0) && !options$center,
    notes = c(
      imputed_note(n_missing, term$label),
      zero_column_note(diff(x@p) == 0, term$label)
    ),
    spread = column_spread(scaled$squares)
  )
}

# Column means and centred sums of squares of factor * x, zeros included.
sparse_moments <- function(x, factor, n) {
  x@x <- x@x * factor
  mean <- Matrix::colSums(x) / n
  counts <- diff(x@p)
  deviations <- x
  deviations@x <- (x@x - rep.int(mean, counts))^2
  squares <- Matrix::colSums(deviations) + (n - counts) * mean^2
  list(mean = unname(mean), squares = unname(squares))
}
