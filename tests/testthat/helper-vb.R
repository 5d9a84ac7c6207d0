# Variational inference against plain loops: a textbook coordinate ascent and a textbook fully
# variational algorithm, written from the model alone, in the units of the data.

# Coordinate ascent for y = Z omega + X beta + e, single coefficients, variances estimated.
# Returns the bound of each sweep and the state.
textbook_cavi <- function(model, v, sweeps, mu = numeric(ncol(model$a)),
                          omega = numeric(ncol(model$z))) {
  root <- sqrt(model$w)
  y <- root * model$y
  z <- root * model$z
  x <- root * model$a
  n <- length(y)
  p <- ncol(x)
  lambda <- colSums(x^2)
  trace <- numeric(sweeps)
  for (sweep in seq_len(sweeps)) {
    s2 <- 1 / (lambda / v[2] + 1 / v[1])
    for (j in seq_len(p)) {
      rest <- y - z %*% omega - x[, -j, drop = FALSE] %*% mu[-j]
      mu[j] <- s2[j] * sum(x[, j] * rest) / v[2]
    }
    if (ncol(z)) omega <- solve(crossprod(z), crossprod(z, y - x %*% mu))
    fit <- sum((y - z %*% omega - x %*% mu)^2) + sum(lambda * s2)
    v <- c(sum(mu^2 + s2) / p, fit / n)
    trace[sweep] <- sum(log(root)) - n / 2 * log(2 * pi * v[2]) - fit / (2 * v[2]) -
      p / 2 * log(2 * pi * v[1]) - sum(mu^2 + s2) / (2 * v[1]) +
      sum(log(2 * pi * exp(1) * s2)) / 2
  }
  list(trace = trace, v = v, mu = mu, omega = drop(omega))
}

# A factor of one variance: prior list(kind, a, b) in the units of the data, m normal numbers.
textbook_variance <- function(prior, m) {
  kind <- prior$kind
  list(
    prior = prior, shape = m / 2 + switch(kind,
      inverse_gamma = prior$a, half_t = prior$a / 2, flat = -1, jeffreys = 0
    ), scale = 1, inverse_w = NULL
  )
}

textbook_update <- function(f, sum2) {
  b <- value_or(f$prior$b, 0)
  if (f$prior$kind == "half_t") {
    f$w <- c((f$prior$a + 1) / 2, 1 / b^2 + f$prior$a * f$shape / f$scale)
    b <- f$prior$a * f$w[1] / f$w[2]
  }
  if (f$prior$kind %in% c("flat", "jeffreys")) b <- 0
  f$scale <- b + sum2 / 2
  f
}

entropy_inverse_gamma <- function(a, b) a + log(b) + lgamma(a) - (1 + a) * digamma(a)

# E log p(x) + entropy, with every constant.
textbook_variance_terms <- function(f) {
  a <- f$prior$a
  mean_log <- log(f$scale) - digamma(f$shape)
  precision <- f$shape / f$scale
  own <- entropy_inverse_gamma(f$shape, f$scale)
  own + switch(f$prior$kind,
    flat = 0, jeffreys = -mean_log,
    inverse_gamma = a * log(f$prior$b) - lgamma(a) - (a + 1) * mean_log - f$prior$b * precision,
    half_t = {
      log_w <- log(f$w[2]) - digamma(f$w[1])
      inverse_w <- f$w[1] / f$w[2]
      a / 2 * (log(a) - log_w) - lgamma(a / 2) - (a / 2 + 1) * mean_log -
        a * inverse_w * precision - log(f$prior$b) - lgamma(1 / 2) - 3 / 2 * log_w -
        inverse_w / f$prior$b^2 + entropy_inverse_gamma(f$w[1], f$w[2])
    }
  )
}

# Fully variational: q(omega) prod q(beta_j) q(sigma_b^2) q(sigma_e^2), from the state of a fit;
# fixed = NULL (flat) or the sd of a normal prior.
textbook_full <- function(model, random, residual, fixed, fit, sweeps) {
  root <- sqrt(model$w)
  y <- root * model$y
  z <- root * model$z
  x <- root * model$a
  n <- length(y)
  p <- ncol(x)
  c <- ncol(z)
  mu <- ranef(fit)[[1]]
  omega <- fixef(fit)
  lambda <- colSums(x^2)
  fb <- textbook_variance(random, p)
  fe <- textbook_variance(residual, n)
  fb$scale <- fit$q$random$scale
  fe$scale <- fit$q$residual$scale
  lambda0 <- diag(if (is.null(fixed)) 0 else 1 / fixed^2, c)
  trace <- numeric(sweeps)
  for (sweep in seq_len(sweeps)) {
    eb <- fb$shape / fb$scale
    ee <- fe$shape / fe$scale
    s2 <- 1 / (lambda * ee + eb)
    for (j in seq_len(p)) {
      rest <- y - z %*% omega - x[, -j, drop = FALSE] %*% mu[-j]
      mu[j] <- s2[j] * ee * sum(x[, j] * rest)
    }
    d <- if (c) solve(ee * crossprod(z) + lambda0) else matrix(0, 0, 0)
    if (c) omega <- drop(d %*% (ee * crossprod(z, y - x %*% mu)))
    fit <- sum((y - z %*% omega - x %*% mu)^2) + sum(crossprod(z) * d) + sum(lambda * s2)
    fb <- textbook_update(fb, sum(mu^2 + s2))
    fe <- textbook_update(fe, fit)
    mean_log <- function(f) log(f$scale) - digamma(f$shape)
    trace[sweep] <- sum(log(root)) - n / 2 * (log(2 * pi) + mean_log(fe)) -
      fit / 2 * fe$shape / fe$scale - p / 2 * (log(2 * pi) + mean_log(fb)) -
      sum(mu^2 + s2) / 2 * fb$shape / fb$scale + sum(log(2 * pi * exp(1) * s2)) / 2 +
      c / 2 * log(2 * pi * exp(1)) + log_det(d) / 2 +
      textbook_variance_terms(fb) + textbook_variance_terms(fe)
    if (!is.null(fixed)) {
      trace[sweep] <- trace[sweep] - c / 2 * log(2 * pi * fixed^2) -
        sum(omega^2 + diag(d)) / (2 * fixed^2)
    }
  }
  list(trace = trace, mu = mu, omega = omega, random = fb, residual = fe, omega_vcov = d)
}

vb_kinds <- list(
  wide = list(n = 30, p = 45), tall = list(n = 40, p = 9), one = list(n = 25, p = 1, pve = 0.9),
  sparse = list(n = 30, p = 20, random = "sparse"), weights = list(n = 30, p = 40, weights = TRUE),
  means = list(n = 40, p = 9, shift = 2, pve = 0.9),
  weighted_means = list(n = 40, p = 9, shift = 2, pve = 0.9, weights = TRUE),
  bare = list(n = 30, p = 20, n_fixed = 0), grouped = list(n = 30, p = 6, random = "group")
)

vb_case <- function(kind, seed = 1) do.call(dense_case, c(list(seed = seed), vb_kinds[[kind]]))

# what is said of correlated columns has its own tests
fit_vb_case <- function(case, algorithm = "collapsed", ...) {
  suppressMessages(fit_case(case, "VB", algorithm = algorithm, control = lmm_control(...)))
}

# Levels that have no data count as coefficients of the dense twin only: they are left out.
vb_dense <- function(case) {
  at <- case$effects
  model <- case$dense
  dense_model(model$y, model$z, model$a[, at, drop = FALSE], w = model$w)
}

expect_monotone <- function(fit, info) {
  objective <- convergence(fit)$objective
  size <- abs(objective[length(objective)]) + nobs(fit)
  fall <- if (length(objective) > 1) max(-diff(objective)) else 0
  expect_below(c(fall = fall / size), 1e-9, info)  # rounding only
}
