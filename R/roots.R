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
