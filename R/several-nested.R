# Whether the random terms of one fit are among those of another to the same rows, and where.

# For every term of `full` a list of what `small` has of it, as boundary_tail() wants it; NULL where
# a term of `small` is none of `full`.
nested_parts <- function(full, small) {
  parts <- lapply(full$designs, function(design) list())
  for (design in small$designs) {
    found <- NULL
    for (label in names(parts)) {
      columns <- term_within(full$designs[[label]], design)
      if (!is.null(columns)) found <- list(label = label, columns = columns)
    }
    if (is.null(found)) return(NULL)
    relative <- relative_block(
      design, covariance_of(small, design$label), small$variances[["Residual"]]
    )
    own <- list(columns = found$columns, relative = relative)
    parts[[found$label]] <- c(parts[[found$label]], list(own))
  }
  parts
}

# Columns a [r x r0] by which the coefficients of the larger term are a times those of the smaller
# one; NULL where it does not hold it.
term_within <- function(large, small) {
  x <- level_values(large)
  own <- level_values(small)
  if (is.null(x) || is.null(own)) {
    return(if (identical(uncentred(large)$core, uncentred(small)$core)) matrix(1))
  }
  unit <- unit_index(large)
  is_same <- length(unit) == length(unit_index(small)) && identical(
    match(unit, unit), match(unit_index(small), unit_index(small))
  )
  if (!is_same) return(NULL)
  a <- unname(qr.coef(qr(x), own))
  rest <- own - x %*% a
  if (all(colSums(rest^2) <= 1e-16 * colSums(own^2))) a
}
