# Prior densities of several terms by their formulae, in the user's units: the log density of
# (lower triangles of Sigma_k, sigma_e^2) by volume where `stated` is FALSE, else by the parameter
# on which it is stated. sigma: list of Sigma_k; moments: list of M_k.

log_multigamma <- function(r, x) {
  r * (r - 1) / 4 * log(pi) + sum(lgamma(x - (seq_len(r) - 1) / 2))
}

dense_variance_prior <- function(density, x, stated) {
  a <- density$a
  b <- density$b
  half_t <- function(s) {
    lgamma((a + 1) / 2) - lgamma(a / 2) - log(a * pi) / 2 - log(b) + log(2) -
      (a + 1) / 2 * log1p(s^2 / (a * b^2))
  }
  switch(density$kind,
    flat = 0, jeffreys = -log(x),
    inverse_gamma = a * log(b) - lgamma(a) - (a + 1) * log(x) - b / x,
    half_t = half_t(sqrt(x)) - if (stated) 0 else log(2 * sqrt(x))
  )
}

# Huang & Wand (2013), their mixing scales integrated out one by one by the gamma function.
dense_block_prior <- function(density, sigma, stated) {
  if (density$kind == "flat") return(0)
  r <- nrow(sigma)
  nu <- density$a
  scale <- rep_len(density$b, r)
  q <- diag(solve(sigma))
  log_det <- as.numeric(determinant(sigma)$modulus)
  out <- nu * r / 2 * log(nu) + r * (r - 1) / 2 * log(nu) - log_multigamma(r, (nu + r - 1) / 2) -
    (nu + 2 * r) / 2 * log_det +
    sum(lgamma((nu + r) / 2) - log(pi) / 2 - log(scale) - (nu + r) / 2 * log(nu * q + 1 / scale^2))
  if (stated) out + r * log(2) + r / 2 * sum(log(diag(sigma))) else out
}

dense_terms_prior <- function(prior, sigma, sigma2, moments, stated) {
  if (is.null(prior$pve)) {
    own <- vapply(names(sigma), function(label) {
      random <- prior$random
      density <- if (inherits(random, "lmm_density")) random else random[[label]]
      s <- sigma[[label]]
      if (nrow(s) > 1) dense_block_prior(density, s, stated) else
        dense_variance_prior(density, s[1], stated)
    }, 0)
    return(sum(own) + dense_variance_prior(prior$residual, sigma2, stated))
  }
  kappa <- mapply(function(m, s) sum(m * s), moments, sigma)
  total <- sum(kappa) + sigma2
  h <- c(kappa, sigma2) / total
  k <- length(kappa)
  random <- sum(kappa) / total
  power <- function(p, x) if (p == 0) 0 else p * log(x)
  if (prior$pve$kind == "dirichlet") {
    alpha <- prior$pve$alpha
    if (!is.null(names(alpha))) alpha <- alpha[c(names(sigma), "Residual")]
    shares <- sum(mapply(power, alpha - 1, h)) + lgamma(sum(alpha)) - sum(lgamma(alpha))
  } else {
    a <- if (prior$pve$kind == "flat") 1 else prior$pve$a
    b <- if (prior$pve$kind == "flat") 1 else prior$pve$b
    shares <- power(a - 1, random) + power(b - 1, h[k + 1]) - lbeta(a, b) + lgamma(k)
    if (!stated) shares <- shares - (k - 1) * log(random)
  }
  out <- shares + dense_variance_prior(prior$total, total, stated)
  if (stated) return(out)
  directions <- mapply(function(m, kappa) {
    r <- nrow(m)
    size <- r * (r + 1) / 2
    volume <- log_multigamma(r, (r + 1) / 2) - lgamma(size) -
      (r + 1) / 2 * as.numeric(determinant(m)$modulus)
    (size - 1) * log(kappa) + volume
  }, moments, kappa)
  out - k * log(total) - sum(directions)
}

# Sigma_k of the core from that of the user.
inside_block <- function(units, design, sigma) {
  hdlmm:::scale_block(sigma, -hdlmm:::coefficient_units(units, design))
}
