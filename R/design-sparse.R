# re(X) with a sparse matrix: products and Gram matrices over the stored cells only.

#' @export
build_columns.dgCMatrix <- function(x, term, options, model, centre_weights, host) {
  whole <- x
  rows <- fitted_rows(model)
  if (!is.null(rows)) x <- x[rows, , drop = FALSE]
  n <- nrow(x)
  names <- colnames(x)
  column <- rep.int(seq_len(ncol(x)), diff(x@p))
  tally <- function(flag) tabulate(column[flag], ncol(x))
  n_missing <- tally(is.na(x@x))
  stop_infinite_cells(tally(is.infinite(x@x)), names, term$label)
  stop_empty_columns(n_missing, n, names, term$label)
  if (options$na == "fail") stop_missing_cells(n_missing, names, term$label)
  fill <- NULL
  if (any(n_missing > 0)) {
    seen <- x
    seen@x[is.na(seen@x)] <- 0
    fill <- Matrix::colSums(seen) / (n - n_missing)
    x@x[is.na(x@x)] <- fill[column[is.na(x@x)]]
  }
  largest <- vapply(split(abs(x@x), factor(column, seq_len(ncol(x)))), max0, 0)
  moments <- sparse_moments(x, column_exponents(largest), n)
  moments$all <- cpp_column_facts(moments$own, moments$mean, moments$squares, largest)
  scaled <- transform_columns(moments, options, n, term$label)
  if (is_hidden_by_means(moments, scaled, n)) {
    # such columns have hardly a zero: a dense matrix, whose means are taken out cell by cell, is
    # smaller than what is stored of them
    if (3 * length(x@x) > 2 * length(x)) {
      return(build_columns(as.matrix(whole), term, options, model, centre_weights, host))
    }
    warn_hidden_columns(term$label)
  }
  column_design(
    "sparse", term, x, column_facts(moments$all, scaled, options, n),
    core = list(shift = if (options$center) moments$mean, scale = scaled$factor),
    center = if (options$center) moments$mean, fill = fill, mean_columns = NULL,
    notes = c(
      imputed_note(n_missing, term$label),
      zero_column_note(diff(x@p) == 0, term$label)
    )
  )
}

#' @export
describe_design.sparse_design <- function(design) paste0(NextMethod(), " (sparse)")

# Whether six digits or more of what columns differ by are lost beside the squares of their means.
is_hidden_by_means <- function(moments, scaled, n) {
  spread <- max(0, times_two_to(sqrt(moments$squares) * scaled$factor, -moments$own)^2)
  spread > 0 && any(n * (moments$mean * scaled$factor)^2 > 1e6 * spread)
}

warn_hidden_columns <- function(label) {
  warn(
    "badly_scaled", "columns of ", backtick(label), " have means that are far larger than what ",
    "their values differ by, and digits are lost as means of a sparse matrix are not taken out ",
    "cell by cell: leave them out, subtract the means, or give a dense matrix."
  )
}

max0 <- function(x) max(0, x)

# Column means, and centred sums of squares of 2^own x, zeros included.
sparse_moments <- function(x, own, n) {
  counts <- diff(x@p)
  x@x <- times_two_to(x@x, rep.int(own, counts))
  mean <- Matrix::colSums(x) / n
  deviations <- x
  deviations@x <- (x@x - rep.int(mean, counts))^2
  squares <- Matrix::colSums(deviations) + (n - counts) * mean^2
  list(own = own, mean = times_two_to(unname(mean), -own), squares = unname(squares))
}
