# Priors of several random terms, or of blocks, in the units of the core.

# What the core reads (see src/r_prior.h), and beside it
#   log_constant  what the core's log density by volume, its own constant added, lacks of that of
#                 the user's covariances: the units of flat parts, whose density is one there
#   fixed_precision, is_proper as in internal_prior()
internal_terms_prior <- function(problem) {
  prior <- problem$prior
  units <- problem$units
  designs <- problem$designs
  on_shares <- !is.null(prior$pve)
  check_prior_terms(prior, names(designs))
  second <- internal_density(if (on_shares) prior$total else prior$residual, units, "Residual")
  parameters <- terms_parameters(designs)
  is_flat <- is.na(parameters$term) & second$core$kind == "flat"
  if (on_shares) {
    out <- list(
      shares = shares_density(prior$pve, names(designs)),
      moments = lapply(designs, inside_moments, units = units)
    )
  } else {
    terms <- lapply(designs, internal_term_density, prior = prior, units = units)
    flat <- which(vapply(terms, `[[`, "", "kind") == "flat")
    is_flat <- is_flat | parameters$term %in% flat
    out <- list(terms = unname(terms), widths = coefficient_widths(designs))
  }
  c(out, list(
    on_shares = on_shares, second = second$core,
    log_constant = log(2) * sum(parameter_units(units, designs, parameters)[is_flat]),
    fixed_precision = problem$fixed$prior_precision, is_proper = is_proper(prior)
  ))
}

# list(kind, a, b), b a number or, of the half t of a block, squared scales.
internal_term_density <- function(design, prior, units) {
  density <- term_density(prior, design)
  if (coefficient_width(design) == 1) {
    return(internal_density(density, units, design$label)$core)
  }
  b <- 0
  if (density$kind == "half_t") {
    b <- inside_coefficient_variances(units, design, density$b^2)
    check_inside_scale(b, density)
  }
  list(kind = density$kind, a = value_or(density$a, 0), b = b)
}
