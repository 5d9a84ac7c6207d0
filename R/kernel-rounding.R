# How well the stored numbers of a kernel say what its eigenvalues are. Kernels come from files, in
# single precision or with few digits, and what is zero in the kernel itself is then a small number
# of either sign.

# list(absolute = how far an eigenvalue may be off, cell = how far the largest cell, text), judged
# by the digits that all cells have; absolute = 0 where those are the digits of a double, or so few
# that the numbers are as likely exact.
stored_rounding <- function(kernel) {
  exact <- list(absolute = 0, cell = 0, text = "")
  n <- nrow(kernel)
  cells <- c(kernel[round(seq(1, length(kernel), length.out = min(n^2, 257)))], kernel[, 1])
  cells <- cells[cells != 0]
  few <- cells[seq_len(min(8, length(cells)))]
  if (!length(few) || !(all(has_bits(few, 24)) || all(has_digits(few, 12, 2^-50)))) return(exact)
  formats <- stored_formats(cells)
  formats <- Filter(function(format) has_format(kernel, format), formats)
  bounds <- lapply(formats, rounding_bound, kernel = kernel)
  c(bounds, list(exact))[[which.max(c(vapply(bounds, `[[`, 0, "absolute"), 0))]]
}

# Ways of rounding that leave all these cells as they are: list(kind, count, slack). Numbers of few
# bits or of fewer than `least_digits` digits are taken for exact.
stored_formats <- function(cells, least_digits = 4) {
  if (all(has_bits(cells, 20))) return(list())
  is_single <- all(has_bits(cells, 24))
  slack <- if (is_single) 2^-23 else 2^-50
  whole <- ceiling(log10(max(abs(cells))))  # digits before the point
  digits <- seq_len(if (is_single) 6 else 12)
  least <- function(test) value_or(Find(function(count) all(test(count)), digits), Inf)
  significant <- least(function(count) has_digits(cells, count, slack))
  decimals <- least(function(count) has_decimals(cells, count - whole, slack))
  found <- c(significant, decimals)
  if (any(found < least_digits)) return(list())
  out <- list(
    list(kind = "digits", count = significant, slack = slack),
    list(kind = "decimals", count = decimals - whole, slack = slack)
  )[is.finite(found)]
  if (is_single && !length(out)) list(list(kind = "bits", count = 24, slack = 0)) else out
}

has_format <- function(x, format) {
  test <- switch(format$kind, bits = has_bits, digits = has_digits, decimals = has_decimals)
  for (columns in column_blocks(nrow(x), ncol(x))) {
    cpp_poll()
    if (!all(test(x[, columns], format$count, format$slack), na.rm = TRUE)) return(FALSE)
  }
  TRUE
}

has_bits <- function(x, count, slack = 0) {
  unit <- 2^(floor(log2(abs(x))) + 1 - count)
  x == 0 | round(x / unit) * unit == x
}

has_digits <- function(x, count, slack) abs(signif(x, count) - x) <= slack * abs(x)

has_decimals <- function(x, count, slack) {
  scaled <- x * 10^count
  abs(scaled - round(scaled)) <= slack * abs(scaled)
}

# Half a unit in the last place of every cell.
half_unit <- function(x, format) {
  switch(format$kind,
    bits = 2^-24 * abs(x),
    digits = ifelse(x == 0, 0, 0.5 * 10^(floor(log10(abs(x))) + 1 - format$count)),
    decimals = replace(x, TRUE, 0.5 * 10^-format$count)
  )
}

# Those of all cells, E [n x n], move no eigenvalue by more than |E|: at most its Frobenius norm,
# and about twice the length of a row where cells err independently (Wigner). Equal cells err alike.
rounding_bound <- function(format, kernel) {
  squares <- unlist(lapply(column_blocks(nrow(kernel), ncol(kernel)), function(columns) {
    cpp_poll()
    colSums(half_unit(kernel[, columns, drop = FALSE], format)^2)
  }))
  shown <- unique(round(seq(1, ncol(kernel), length.out = 16)))
  distinct <- min(vapply(shown, function(j) length(unique(abs(kernel[, j]))), 0L))
  list(
    absolute = min(sqrt(sum(squares)), 2 * sqrt(nrow(kernel) / distinct * max(squares))),
    cell = half_unit(max(abs(kernel)), format),
    text = format_text(format)
  )
}

format_text <- function(format) {
  switch(format$kind,
    bits = "in single precision", digits = paste("with", format$count, "significant digits"),
    decimals = paste("with", format$count, "decimals")
  )
}

# In what the cells of a design are stored if all its columns are centred but for rounding to that;
# NULL otherwise. As in K = X X' of such columns, nothing but rounding is then left of the constant.
rounded_centring <- function(x, summary) {
  mean <- abs(summary$mean)
  largest <- summary$max_abs
  if (!is.double(x) || !all(mean <= 0.01 * largest) || all(mean <= 1e-13 * largest)) return(NULL)
  cells <- x[round(seq(1, length(x), length.out = min(length(x), 257)))]
  cells <- cells[is.finite(cells) & cells != 0]
  if (length(cells) == 0) return(NULL)
  for (format in stored_formats(cells, 2)) {
    if (all(mean <= half_unit(largest, format)) && has_format(x, format)) {
      return(format_text(format))
    }
  }
  NULL
}
