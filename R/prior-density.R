# Densities of priors, normalised.

# At x, on the scale of a proportion, a variance or a coefficient; NA where the prior is improper.
# The half t is of a standard deviation, x its square; `index`: which of several means or scales.
prior_density_at <- function(density, x, index = 1) {
  pick <- function(values) values[[min(index, length(values))]]
  out <- switch(density$kind,
    beta = stats::dbeta(x, density$a, density$b),
    inverse_gamma = ifelse(x > 0, inverse_gamma_density(x, density$a, density$b), 0),
    half_t = half_t_variance_density(x, density$a, pick(density$b)),
    normal = stats::dnorm(x, pick(density$mean), pick(density$sd))
  )
  value_or(out, rep(NA_real_, length(x)))
}

inverse_gamma_density <- function(x, shape, scale) {
  exp(shape * log(scale) - lgamma(shape) - (shape + 1) * log(x) - scale / x)
}

half_t_variance_density <- function(x, df, scale) {
  sd <- sqrt(pmax(x, 0))
  ifelse(x > 0, 2 * stats::dt(sd / scale, df) / scale / (2 * sd), 0)
}

# The share of one of several terms, or of all random terms together (label NULL): of Dirichlet and
# uniformly split beta priors a beta density too, where it has a closed form.
share_prior <- function(pve, labels, label = NULL) {
  if (is.null(pve)) return(NULL)
  shares <- shares_density(pve, labels)
  if (shares$is_split) {
    is_total <- is.null(label) || length(labels) == 1
    return(if (is_total) prior_beta(shares$alpha[1], shares$alpha[2]))
  }
  alpha <- stats::setNames(shares$alpha, c(labels, "Residual"))
  own <- if (is.null(label)) sum(alpha[labels]) else alpha[[label]]
  prior_beta(own, sum(alpha) - own)
}
