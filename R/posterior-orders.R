# Which moments of the variances the posterior has. It falls like a power at infinity, and
# E(sigma^2k) exists where that power is beyond k.

# c(random, residual). With the fixed effects integrated out the likelihood falls like sigma_b^-q
# as sigma_b^2 grows alone, q the directions of X that the fixed effects leave free, and like
# sigma_e^-m, m the degrees of freedom, as sigma_e^2 or both grow; priors add their own powers.
variance_orders <- function(problem, prior) {
  parts <- problem$system$parts
  is_flat <- is.null(problem$fixed$prior_precision)
  rank <- length(parts$d)
  free <- if (is_flat) rank - (ncol(parts$z) - length(parts$null_scale)) else rank
  degrees <- parts$n - if (is_flat) problem$fixed$rank else 0
  second <- tail_order(prior$second)
  if (prior$on_shares) {
    near_one <- if (prior$first$kind == "beta") prior$first$b else 1
    both <- degrees / 2 + second
    return(c(random = min(free / 2 + second + near_one, both), residual = both))
  }
  first <- tail_order(prior$first)
  both <- degrees / 2 + first + second
  c(random = min(free / 2 + first, both), residual = min(degrees / 2 + second, both))
}

# a where the density of a variance falls like x^(-a - 1).
tail_order <- function(density) {
  switch(density$kind, inverse_gamma = density$a, half_t = density$a / 2, jeffreys = 0, flat = -1)
}

# Moments that do not exist: means become medians, second moments infinite.
with_existing_moments <- function(moments, orders, posterior, kappa) {
  for (name in names(orders)[!(orders > 1) | is.na(moments$mean)]) {
    moments$mean[[name]] <- variance_quantiles(posterior, name, kappa, 0.5)
  }
  bad <- names(orders)[!(orders > 2) | is.na(diag(moments$covariance))]
  moments$covariance[bad, ] <- NA_real_
  moments$covariance[, bad] <- NA_real_
  for (name in bad) moments$covariance[name, name] <- Inf
  moments
}

missing_mean_notes <- function(orders, labels) {
  bad <- labels[!(orders > 1)]
  if (length(bad) == 0) return(NULL)
  paste0(
    "the posterior of the variance of ", enumerate(backtick(bad), Inf, "and"), " has no mean, for ",
    "its prior or the data are too vague: its median is shown"
  )
}

# Where a variance per unit tau^2 does not vanish as sigma_b^2 outgrows sigma_e^2, what it belongs
# to has no variance when sigma_b^2 has no mean.
infinite_where <- function(variance, at_one, at_half) {
  ifelse(at_one > 1e-9 * at_half, Inf, variance)
}
