# Which moments of the variances the posterior has. It falls like a power at infinity, and
# E(sigma^2k) exists where that power is beyond k.

# c(random, residual), with attribute "both". With the fixed effects integrated out the likelihood
# falls like sigma_b^-q as sigma_b^2 grows alone, q the directions of X that the fixed effects leave
# free, and like sigma_e^-m, m the degrees of freedom, as sigma_e^2 or both grow; priors add their
# own powers.
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
    return(structure(
      c(random = min(free / 2 + second + near_one, both), residual = both), both = both
    ))
  }
  first <- tail_order(prior$first)
  both <- degrees / 2 + first + second
  structure(
    c(random = min(free / 2 + first, both), residual = min(degrees / 2 + second, both)),
    both = both
  )
}

# a where the density of a variance falls like x^(-a - 1).
tail_order <- function(density) {
  switch(density$kind, inverse_gamma = density$a, half_t = density$a / 2, jeffreys = 0, flat = -1)
}

# Moments that do not exist: a mean is NA and so is what is counted from it; a second moment about a
# mean that does exist is infinite. `centre` has numbers to work at: in their place median(name).
with_existing_moments <- function(moments, orders, median) {
  moments$centre <- moments$mean
  bad <- names(orders)[!(orders > 1) | is.na(moments$mean)]
  for (name in bad) moments$centre[[name]] <- median(name)
  moments$mean[bad] <- NA_real_
  infinite <- names(orders)[!(orders > 2) | is.na(diag(moments$covariance))]
  moments$covariance[infinite, ] <- moments$covariance[, infinite] <- NA_real_
  for (name in setdiff(infinite, bad)) moments$covariance[name, name] <- Inf
  moments
}

missing_mean_notes <- function(orders, labels) {
  bad <- labels[!(orders > 1)]
  if (length(bad) == 0) return(NULL)
  paste0(
    "the posterior of the variance of ", enumerate(backtick(bad), Inf, "and"), " has no mean, for ",
    "its prior or the data are too vague: it is NA; posterior_summary() has quantiles"
  )
}

# The posterior variance of what has variance v(h, tau) per unit tau^2 at a share h, once averaged:
# it does not exist where v does not vanish as a variance that has no mean grows. (A normal prior of
# the fixed effects bounds what it reaches, so that v falls like 1 / tau^2.)
existing_variance <- function(variance, orders, v) {
  if (all(orders > 1)) return(variance)
  usual <- v(0.5, 1)
  grows <- function(x) which(v(stats::plogis(x), 1e60) > 1e-9 * usual)
  out <- variance
  if (!(attr(orders, "both") > 1)) out[grows(0)] <- Inf
  if (!(orders[["random"]] > 1)) out[grows(30)] <- Inf
  if (!(orders[["residual"]] > 1)) out[grows(-30)] <- Inf
  out
}

# Where the fixed effects explain y exactly and have a normal prior, the likelihood grows like
# tau^-m as all variances fall together, m the degrees of freedom: the posterior has an integral
# only where the priors of the variances fall faster.
stop_improper_exact <- function(problem) {
  fixed <- problem$fixed
  if (!fixed$is_exact) return(invisible())
  prior <- problem$prior
  terms <- if (is.null(prior$pve)) lapply(problem$designs, function(design) {
    power_at_zero(term_density(prior, design), coefficient_width(design))
  })
  scale <- power_at_zero(if (is.null(prior$pve)) prior$residual else prior$total, 1)
  degrees <- length(fixed$residual) - fixed$rank
  if (sum(unlist(terms), scale) > degrees / 2) return(invisible())
  abort(
    "improper_prior", "the response is explained exactly by the fixed effects, so the posterior ",
    "under this prior does not fall where all variances tend to 0: use prior_inverse_gamma() for ",
    "one of them, or leave `fixed` out of lmm_prior()."
  )
}

# a where the density of a r x r covariance v S, by log v, falls like v^a as v tends to 0.
power_at_zero <- function(density, r) {
  switch(density$kind, inverse_gamma = Inf, half_t = r / 2, jeffreys = 0, flat = r * (r + 1) / 2)
}
