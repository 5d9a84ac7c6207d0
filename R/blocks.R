# Long work in R goes by blocks: straight code on a whole matrix hears no interrupt until it is
# through, and holds several copies of it. R itself listens every thousand evaluations only, so a
# block begins with cpp_poll() unless it calls C++ that listens.

# 1 .. n in runs of at most `size`.
blocks_of <- function(n, size) {
  if (n <= size) return(if (n > 0) list(seq_len(n)))
  unname(split(seq_len(n), (seq_len(n) - 1) %/% size))
}

# Columns of a matrix of so many rows in blocks of about a million cells.
column_blocks <- function(rows, columns) {
  blocks_of(columns, max(1, 2^20 %/% max(1, rows)))
}

# What f makes of the columns `at` of x [rows x columns], summed over blocks of them.
sum_over_columns <- function(x, f) {
  total <- 0
  for (at in column_blocks(nrow(x), ncol(x))) {
    cpp_poll()
    total <- total + f(at)
  }
  total
}
