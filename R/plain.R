# What base R does in many steps, in few: a small fit spends half of its time on the way.

# A data frame of columns of one length, which nothing checks.
frame_of <- function(columns) {
  attr(columns, "row.names") <- .set_row_names(length(columns[[1]]))
  class(columns) <- "data.frame"
  columns
}

# Columns of a matrix by name.
columns_of <- function(m) lapply(stats::setNames(nm = colnames(m)), function(name) m[, name])

# Diagonal of a square matrix, without names.
diagonal <- function(m) {
  n <- nrow(m)
  if (n > 0) m[seq.int(1, length(m), n + 1)] else numeric()
}

value_or <- function(x, default) if (is.null(x)) default else x

value_or_infinite <- function(x) if (is.na(x)) Inf else x
