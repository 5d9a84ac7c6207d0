# Roots of covariance matrices.

# A square root with m = root' root, m positive semidefinite.
chol_root <- function(m) {
  if (nrow(m) == 0) return(m)
  found <- cpp_pivoted_root(m)
  root <- found$root
  root[, found$pivot] <- found$root
  root
}

# The same for a covariance whose variances differ by any factor.
covariance_root <- function(m) {
  sd <- sqrt(diagonal(m))
  unit <- ifelse(sd > 0, sd, 1)
  root <- chol_root(t(t(m / unit) / unit))
  root * rep(sd, each = nrow(root))
}

# Lower triangular L with L L' = m for m positive semidefinite; a column of zeros where a pivot is
# rounding only.
lower_root <- function(m) {
  r <- nrow(m)
  l <- matrix(0, r, r)
  if (anyNA(m)) return(replace(l, lower.tri(l, TRUE), NA_real_))
  for (j in seq_len(r)) {
    before <- seq_len(j - 1)
    rest <- m[j:r, j] - l[j:r, before, drop = FALSE] %*% l[j, before]
    if (rest[1] > 1e-14 * m[j, j]) l[j:r, j] <- rest / sqrt(rest[1])
  }
  l
}
