# Variances of z'omega + x'beta given y, in the user's units, in blocks of rows.

# Given the variances.
held_variance <- function(object, rows, random) {
  if (!random) return(fixed_variance(object, rows$z))
  out <- numeric(rows$m)
  for (at in point_blocks(object, rows$m)) out[at] <- block_variance(object, rows, at)
  out
}

# Rows in blocks, of which each takes as many columns of the length of the data and of X.
point_blocks <- function(object, m) {
  blocks_of(m, max(1, min(256, 2^22 %/% max(object$dims$n, sum(object$dims$p)))))
}

fixed_variance <- function(object, z) {
  z <- z[, object$fixed$kept, drop = FALSE]
  rowSums((z %*% object$fixed$vcov) * z)
}

block_variance <- function(object, rows, at) {
  internal <- object$internal
  design <- lone_design(object)
  z <- basis_coordinates(internal$fixed, rows$z[at, , drop = FALSE])
  point <- point_covariance(design, term_rows(rows, design), at, z, internal)
  is_missing <- !stats::complete.cases(z, t(point$covariance))
  z[is_missing, ] <- 0
  point$covariance[, is_missing] <- 0
  variance <- cpp_latent_variances(
    design$core, internal$fixed$root, full_system(object), internal$share$h, internal$share$nu,
    point$covariance, point$prior, z
  )
  variance[is_missing] <- NA
  user_response_variance(internal$units, variance * internal$tau2)
}
