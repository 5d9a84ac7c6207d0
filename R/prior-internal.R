# A prior in the units of the core, where y, Z and X are scaled and Z is reduced to Q.

# What the core reads (see src/r_prior.h), and beside it
#   fixed_precision  [c x c] precision of the coefficients of Q, or NULL when flat
#   log_constant     what turns the core's log density (by log variances) into the normalised one
#                    of the user's variances; 0 for the part of an improper prior
#   null_constant    the same for the model without random effects, where only the second counts
internal_prior <- function(problem) {
  prior <- problem$prior
  design <- lone_design(problem)
  fixed <- problem$fixed
  units <- problem$units
  check_prior_terms(prior, design$label)
  densities <- if (is.null(prior$pve)) {
    list(term_density(prior, design), prior$residual)
  } else {
    list(lone_share(prior$pve, design$label), prior$total)
  }
  on_shares <- !is.null(prior$pve)
  first <- internal_density(densities[[1]], units, if (!on_shares) design$label)
  # the total variance is counted as the residual one is
  second <- internal_density(densities[[2]], units, "Residual")
  list(
    on_shares = on_shares, first = first$core, second = second$core,
    kappa = problem$system$kappa, fixed_precision = fixed$prior_precision,
    log_constant = first$log_constant + second$log_constant,
    null_constant = second$log_constant,
    is_proper = is_proper(prior)
  )
}

# One density, of the variance `name` or, where that is NULL, of a share.
internal_density <- function(density, units, name) {
  a <- value_or(density$a, 0)
  b <- value_or(density$b, 0)
  inside <- function(x) if (is.null(name)) x else inside_variance(units, x, name)
  log_unit <- if (is.null(name)) 0 else log_variance_unit(units, name)
  out <- switch(density$kind,
    inverse_gamma = list(
      b = inside(b), log_constant = a * log(b) - lgamma(a) - a * log_unit
    ),
    half_t = list(
      b = inside(b^2),
      log_constant = lgamma((a + 1) / 2) - lgamma(a / 2) - log(a * pi) / 2 - log(b) + log_unit / 2
    ),
    beta = list(b = b, log_constant = -lbeta(a, b)),
    flat = list(b = b, log_constant = log_unit),
    jeffreys = list(b = b, log_constant = 0)
  )
  if (b > 0) check_inside_scale(out$b, density)
  list(
    core = list(kind = density$kind, a = a, b = out$b), log_constant = out$log_constant
  )
}

check_inside_scale <- function(b, density) {
  if (all(is.finite(b) & b > 0)) return(invisible())
  abort(
    "overflow", "the scale of prior_", density$kind, "(), in the units of the data and the ",
    "weights, cannot be held by a double; change them."
  )
}

# The system under the normal prior of the fixed effects at a total variance; see SpectralParts.
at_total <- function(system, root, tau2) {
  if (is.null(root)) return(system)
  system$parts$prior_rows <- sqrt(tau2) * (root %*% system$parts$turn)
  system
}

# log |Lambda| / 2 from its triangular root.
half_log_det <- function(root) sum(log(abs(diagonal(root))))

# The log variance at which a density of a variance turns, NA where it nowhere does.
log_turn <- function(density) {
  switch(density$kind,
    half_t = log(density$a * density$b), inverse_gamma = log(density$b / density$a), NA_real_
  )
}
