# Brute-force Bayes, the referee of priors, MAP and both ways to the exact posterior: the model of
# helper-dense.R, log densities by R's own d-functions, and the integral over both log variances by
# a plain lattice. Lattice sums of smooth densities on the whole line converge faster than any power
# of the step; the range is wide because half-t priors fall only like sigma^-df.
#
# A prior is an lmm_prior() of the package, read as plain data; its density is written out here.

# Log density of x = log variance.
dense_log_density <- function(density, x) {
  a <- density$a
  b <- density$b
  switch(density$kind,
    flat = x, jeffreys = 0 * x,
    inverse_gamma = stats::dgamma(exp(-x), a, rate = b, log = TRUE) - x,
    half_t = stats::dt(exp(x / 2) / b, a, log = TRUE) - log(b) + x / 2
  )
}

# Log density of (log sigma_b^2, log sigma_e^2), normalised where it can be.
dense_log_prior <- function(prior, u, v, kappa) {
  if (is.null(prior$pve)) {
    return(dense_log_density(prior$random, u) + dense_log_density(prior$residual, v))
  }
  x <- u + log(kappa) - v
  log_h <- stats::plogis(x, log.p = TRUE)
  log_nu <- stats::plogis(-x, log.p = TRUE)
  total <- v - log_nu
  share <- if (prior$pve$kind == "flat") log_h + log_nu else
    prior$pve$a * log_h + prior$pve$b * log_nu - lbeta(prior$pve$a, prior$pve$b)
  share + dense_log_density(prior$total, total)
}

# Log density where each part counts by the parameter on which it is stated: what MAP maximises.
# Constants of the parts are left in; a half t is a density of the standard deviation.
dense_stated_prior <- function(prior, u, v, kappa) {
  jacobian <- function(density, x) if (density$kind == "half_t") x / 2 - log(2) else x
  if (is.null(prior$pve)) {
    return(
      dense_log_prior(prior, u, v, kappa) - jacobian(prior$random, u) -
        jacobian(prior$residual, v)
    )
  }
  x <- u + log(kappa) - v
  log_shares <- stats::plogis(x, log.p = TRUE) + stats::plogis(-x, log.p = TRUE)
  total <- v - stats::plogis(-x, log.p = TRUE)
  dense_log_prior(prior, u, v, kappa) - log_shares - jacobian(prior$total, total)
}

# The model with independent rows of variance sigma_b^2 d + sigma_e^2: rotated by the eigenvectors
# of W^1/2 A S A' W^1/2, whose zero eigenvalues are zeros.
dense_rotated <- function(model) {
  root <- sqrt(model$w)
  parts <- eigen(root * t(root * model$gram), symmetric = TRUE)
  d <- parts$values
  d[d < 1e-10 * max(d, 1e-300)] <- 0
  turn <- t(root * parts$vectors)
  list(
    d = d, turn = turn, y = drop(turn %*% model$y), z = turn %*% model$z,
    half_log_w = sum(log(model$w)) / 2
  )
}

# Log marginal likelihood, fixed effects integrated out (flat: by their Lebesgue measure), at
# sigma_b^2 / sigma_e^2 = exp(r) and sigma_e^2 = exp(t), t a vector. Under omega ~ N(m, D) what is
# left is an eigenproblem in c dimensions.
dense_marginal <- function(rotated, fixed, r, t) {
  n <- length(rotated$y)
  c <- ncol(rotated$z)
  root <- sqrt(exp(r) * rotated$d + 1)
  log_det <- 2 * sum(log(root))
  y <- rotated$y / root
  z <- rotated$z / root
  if (c == 0) {
    return(rotated$half_log_w - 0.5 * (n * (log(2 * pi) + t) + log_det + sum(y^2) * exp(-t)))
  }
  if (fixed$kind == "flat") {
    fit <- qr(z)
    rss <- sum(qr.resid(fit, y)^2)
    log_det <- log_det + 2 * sum(log(abs(diag(qr.R(fit)))))
    return(
      rotated$half_log_w - 0.5 * ((n - c) * (log(2 * pi) + t) + log_det + rss * exp(-t))
    )
  }
  y <- y - drop(z %*% rep_len(fixed$mean, c))
  parts <- svd(z %*% diag(rep_len(fixed$sd, c), c))
  total <- outer(exp(t), parts$d^2, `+`)
  inside <- drop(crossprod(parts$u, y))
  outside <- sum((y - parts$u %*% inside)^2)
  rotated$half_log_w - 0.5 * (
    n * log(2 * pi) + log_det + rowSums(log(total)) + drop((1 / total) %*% inside^2) +
      (n - c) * t + outside * exp(-t)
  )
}

# The posterior on a lattice of (r, t): list(log_evidence, r, t, weight [r x t], ...). sheared: t
# moves with r so that log(sigma_b^2 + sigma_e^2) stays in range where r is large (then dense_cdf()
# knows r alone).
dense_posterior <- function(model, prior, kappa = dense_kappa(model), step = 0.2,
                            r = seq(-60, 60, by = step), t = seq(-40, 50, by = step),
                            rotated = dense_rotated(model), sheared = FALSE) {
  log_weight <- t(vapply(r, function(one) {
    at <- t - if (sheared) max(one, 0) else 0
    dense_marginal(rotated, prior$fixed, one, at) + dense_log_prior(prior, one + at, at, kappa)
  }, t))
  top <- max(log_weight)
  weight <- exp(log_weight - top)
  list(
    log_evidence = top + log(sum(weight)) + 2 * log(step), weight = weight / sum(weight),
    r = r, t = t, step = step, kappa = kappa, model = model, prior = prior, rotated = rotated
  )
}

# Log evidence of sigma_b^2 = 0: one dimension, the prior of the residual (or total) variance.
dense_null_evidence <- function(model, prior, step = 0.05) {
  t <- seq(-40, 50, by = step)
  second <- if (is.null(prior$pve)) prior$residual else prior$total
  model$gram <- 0 * model$gram
  value <- dense_marginal(dense_rotated(model), prior$fixed, 0, t) + dense_log_density(second, t)
  top <- max(value)
  top + log(sum(exp(value - top))) + log(step)
}

# Mean and standard deviation of a function of the variances f(sigma_b^2, sigma_e^2).
dense_moments <- function(posterior, f) {
  value <- outer(posterior$r, posterior$t, function(r, t) f(exp(r + t), exp(t)))
  mean <- sum(posterior$weight * value)
  c(mean = mean, sd = sqrt(sum(posterior$weight * (value - mean)^2)))
}

dense_share <- function(posterior) {
  function(b, e) posterior$kappa * b / (posterior$kappa * b + e)
}

# Mass of r, t or u = r + t on the lattice, whose densities are exact there: list(at, mass), the
# points that count.
dense_margin <- function(posterior, what) {
  w <- posterior$weight
  at <- switch(what,
    r = posterior$r, t = posterior$t,
    u = posterior$r[1] + posterior$t[1] + posterior$step * (seq_len(nrow(w) + ncol(w) - 1) - 1)
  )
  mass <- switch(what,
    r = rowSums(w), t = colSums(w), u = as.vector(rowsum(as.vector(w), as.vector(row(w) + col(w))))
  )
  keep <- range(which(mass > 1e-25))
  keep <- keep[1]:keep[2]
  list(at = at[keep], log_mass = log(pmax(mass[keep], 1e-300)))
}

# Distribution function: logarithms of the mass go by a spline on a lattice 40 times as fine.
dense_cdf <- function(posterior, what) {
  margin <- dense_margin(posterior, what)
  fine <- seq(
    margin$at[1], margin$at[length(margin$at)], length.out = 40 * length(margin$at)
  )
  density <- exp(stats::spline(margin$at, margin$log_mass, xout = fine)$y)
  sums <- cumsum(density) - density / 2
  stats::approxfun(fine, sums / sum(density), yleft = 0, yright = 1)
}

# Density of r, t or u at x.
dense_density <- function(posterior, what, x) {
  margin <- dense_margin(posterior, what)
  exp(stats::spline(margin$at, margin$log_mass, xout = x)$y) / posterior$step
}

# Mixture of normals for z'omega + a'b + noise at rows z [m x c], a [m x q]; the noise has variance
# sigma_e^2 noise[i]. list(weight [k], mean, sd [m x k]) over the lattice points that count.
dense_mixture <- function(posterior, z, a, noise = numeric(nrow(z))) {
  at <- which(posterior$weight > 1e-9 * max(posterior$weight), arr.ind = TRUE)
  weight <- posterior$weight[at]
  m <- nrow(z)
  prior <- diag(a %*% posterior$model$s %*% t(a))
  cross <- posterior$rotated$turn %*% posterior$model$a %*% posterior$model$s %*% t(a)
  parts <- vapply(seq_len(nrow(at)), function(k) {
    e <- exp(posterior$t[at[k, 2]])
    one <- dense_conditional(posterior, exp(posterior$r[at[k, 1]]) * e, e, z, prior, cross)
    c(one$mean, sqrt(pmax(0, one$variance) + noise * e))
  }, numeric(2 * m))
  list(
    weight = weight / sum(weight), mean = parts[seq_len(m), , drop = FALSE],
    sd = parts[m + seq_len(m), , drop = FALSE]
  )
}

# Mean and variance of z'omega + a'b given y and both variances; omega by its normal equations.
dense_conditional <- function(posterior, b, e, z, prior, cross) {
  rotated <- posterior$rotated
  fixed <- posterior$prior$fixed
  root <- sqrt(b * rotated$d + e)
  y <- rotated$y / root
  zz <- rotated$z / root
  f <- b * cross / root
  c <- ncol(zz)
  mean <- drop(crossprod(f, y))
  variance <- b * prior - colSums(f^2)
  if (c == 0) return(list(mean = mean, variance = variance))
  information <- crossprod(zz)
  right <- crossprod(zz, y)
  if (fixed$kind == "normal") {
    precision <- diag(1 / rep_len(fixed$sd, c)^2, c)
    information <- information + precision
    right <- right + precision %*% rep_len(fixed$mean, c)
  }
  rest <- t(z) - crossprod(zz, f)
  list(
    mean = mean + drop(crossprod(rest, solve(information, right))),
    variance = variance + colSums(rest * solve(information, rest))
  )
}

dense_mixture_moments <- function(mixture) {
  mean <- drop(mixture$mean %*% mixture$weight)
  variance <- drop((mixture$sd^2 + (mixture$mean - mean)^2) %*% mixture$weight)
  list(mean = mean, sd = sqrt(variance))
}

# P(row i <= q[i])
dense_mixture_cdf <- function(mixture, q) {
  drop(stats::pnorm((q - mixture$mean) / mixture$sd) %*% mixture$weight)
}
