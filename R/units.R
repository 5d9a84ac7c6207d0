# The user's units and those inside, where y, Z, X and the weights are scaled by powers of two (see
# fixed.R and the designs). A problem makes its units once and the fit keeps them; floors above the
# model convert by the functions of this file and see no exponent.
#
# Exponents k, so that the user's number is 2^k times the one inside:
#   response      of y and whatever is measured as y is
#   coefficients  of the fixed effects that are kept [rank]
#   variance      by term that has one, then "Residual"; of blocks see units-terms.R
#   effect        by term: one, or one a coefficient
#   weights       of Var(e_i) per unit sigma_e^2, where y is in its own units inside

new_units <- function(fixed, designs) {
  list(
    response = -fixed$ky, coefficients = fixed$kz - fixed$ky, weights = 2 * fixed$kw,
    variance = c(
      vapply(designs[lengths(lapply(designs, `[[`, "exponent")) == 1], function(design) {
        2 * (design$exponent - fixed$ky)
      }, 0),
      Residual = -2 * (fixed$kw + fixed$ky)
    ),
    effect = lapply(designs, function(design) design$effect_exponent - fixed$ky)
  )
}

user_response <- function(units, x) times_two_to(x, units$response)

# Variances and covariances of what is measured as y is.
user_response_variance <- function(units, x) times_two_to(x, 2 * units$response)

inside_response_variance <- function(units, x) times_two_to(x, -2 * units$response)

# What is measured in 1 / y, as P y is.
user_inverse <- function(units, x) times_two_to(x, -units$response)

user_inverse_variance <- function(units, x) times_two_to(x, -2 * units$response)

# Fixed effects that are kept, or rows of whatever is linear in them.
user_coefficients <- function(units, x, index = seq_along(units$coefficients)) {
  times_two_to(x, units$coefficients[index])
}

user_variance <- function(units, x, name) times_two_to(x, units$variance[[name]])

inside_variance <- function(units, x, name) times_two_to(x, -units$variance[[name]])

# A density of a variance, or of anything else that is measured in one over its unit.
user_variance_density <- function(units, y, name) times_two_to(y, -units$variance[[name]])

# log(user's variance / variance inside).
log_variance_unit <- function(units, name) units$variance[[name]] * log(2)

user_variance_covariance <- function(units, covariance, names) {
  k <- units$variance[names]
  times_two_to(times_two_to(covariance, k), rep(k, each = length(k)))
}

# Variances of a fit: numbers that a double can hold, or an error.
checked_variances <- function(units, inside) {
  out <- inside
  for (name in names(inside)) {
    what <- if (name == "Residual") "residual variance" else "variance of the random effects"
    out[[name]] <- rescale_variance(inside[[name]], units$variance[[name]], what)
  }
  out
}

# Random effects of a term, all of them [p] or rows of [p x s], or some by `index`.
user_effects <- function(units, x, name, index = NULL) {
  times_two_to(x, effect_exponents(units, name, index))
}

inside_effects <- function(units, x, name) times_two_to(x, -units$effect[[name]])

user_effect_variances <- function(units, x, name) times_two_to(x, 2 * units$effect[[name]])

inside_effect_variances <- function(units, x, name) times_two_to(x, -2 * units$effect[[name]])

effect_exponents <- function(units, name, index) {
  k <- units$effect[[name]]
  if (is.null(index) || length(k) == 1) k else k[index]
}

# Variances of the noise of rows with these weights, per unit of sigma_e^2 inside and as y is
# measured there: the noise of y itself, not of its weighted rows.
inside_noise <- function(units, weights) 2^-units$weights / weights

# kappa in the user's units of X, a number that a double can hold.
user_kappa <- function(design) {
  out <- rescale_variance(
    design$kappa_scaled, -2 * design$exponent, "average squared deviation of the columns of `X`"
  )
  stats::setNames(out, design$label)
}

# kappa where rows have the weights of the core.
weighted_kappa <- function(design, fixed) {
  kappa <- times_two_to(design$kappa_scaled, 2 * fixed$kw)
  if (!is.finite(kappa) || (kappa < .Machine$double.xmin && design$kappa_scaled > 0)) {
    abort("overflow", "the weights are too far from one for a double; divide them by their mean.")
  }
  kappa
}

# x'x of new rows in the design's own units, from the user's.
inside_squares <- function(design, x2) times_two_to(x2, 2 * design$exponent)

# Products of rows of a design of columns, from those of its own units.
user_products <- function(design, x) times_two_to(x, -2 * design$exponent)

# Effects of levels or individuals drawn with the design's own covariance, in its user's units.
user_unit_effects <- function(design, x) times_two_to(x, -design$exponent)
