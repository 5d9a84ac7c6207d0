# Brute-force Bayes for two random terms: V = sigma_1^2 K_1 + sigma_2^2 K_2 + sigma_e^2 W^-1 by
# dense algebra on a plain lattice of both log ratios and of log sigma_e^2; see
# helper-dense-bayes.R.

# model: list(y, z, k: list of two Gram matrices, w); r: the lattice of log sigma_k^2 / sigma_e^2.
dense_pair_posterior <- function(model, prior, r = seq(-22, 14, by = 0.5),
                                 t = seq(-9, 12, by = 0.3)) {
  n <- length(model$y)
  kappa <- vapply(model$k, function(k) (sum(diag(k)) - sum(k) / n) / (n - 1), 0)
  at <- expand.grid(first = r, second = r)
  log_weight <- vapply(seq_len(nrow(at)), function(i) {
    ratio <- exp(c(at$first[i], at$second[i]))
    root <- chol(ratio[1] * model$k[[1]] + ratio[2] * model$k[[2]] + diag(1 / model$w))
    white <- backsolve(root, cbind(model$y, model$z), transpose = TRUE)
    rotated <- list(
      d = numeric(n), y = white[, 1], z = white[, -1, drop = FALSE],
      half_log_w = -sum(log(diag(root)))
    )
    dense_marginal(rotated, prior$fixed, 0, t) +
      dense_pair_prior(prior, unlist(at[i, ]), t, kappa)
  }, t)
  top <- max(log_weight)
  weight <- exp(log_weight - top)
  cell <- (r[2] - r[1])^2 * (t[2] - t[1])
  list(
    log_evidence = top + log(sum(weight) * cell), weight = weight / sum(weight), at = at, t = t,
    kappa = kappa, model = model, prior = prior
  )
}

# Log density of (log sigma_1^2, log sigma_2^2, log sigma_e^2) at log ratios r [2] and t.
dense_pair_prior <- function(prior, r, t, kappa) {
  if (is.null(prior$pve)) {
    random <- prior$random
    if (inherits(random, "lmm_density")) random <- list(random, random)
    return(
      dense_log_density(random[[1]], r[1] + t) + dense_log_density(random[[2]], r[2] + t) +
        dense_log_density(prior$residual, t)
    )
  }
  size <- c(kappa * exp(r), 1)
  h <- size / sum(size)
  share <- if (prior$pve$kind == "dirichlet") {
    alpha <- prior$pve$alpha
    sum(alpha * log(h)) + lgamma(sum(alpha)) - sum(lgamma(alpha))
  } else {
    # the total share has its density, and is split uniformly
    a <- if (prior$pve$kind == "flat") c(1, 1) else c(prior$pve$a, prior$pve$b)
    stats::dbeta(1 - h[3], a[1], a[2], log = TRUE) - log(1 - h[3]) + sum(log(h))
  }
  share + dense_log_density(prior$total, t + log(sum(size)))
}

# Mean and standard deviation of f(sigma_1^2, sigma_2^2, sigma_e^2).
dense_pair_moments <- function(posterior, f) {
  e <- exp(posterior$t)
  value <- vapply(seq_len(nrow(posterior$at)), function(i) {
    f(exp(posterior$at$first[i]) * e, exp(posterior$at$second[i]) * e, e)
  }, e)
  mean <- sum(posterior$weight * value)
  c(mean = mean, sd = sqrt(sum(posterior$weight * (value - mean)^2)))
}

# Mixture of normals for z'omega + a_1'b_1 + a_2'b_2 + noise at rows z [m x c], a: list of [m x
# q_k], under a flat prior of omega; see dense_mixture().
dense_pair_mixture <- function(posterior, z, a, noise = numeric(nrow(z))) {
  model <- posterior$model
  mass <- colSums(posterior$weight)
  points <- which(mass > 1e-7 * max(mass))
  parts <- lapply(points, function(i) {
    ratio <- exp(c(posterior$at$first[i], posterior$at$second[i]))
    v <- ratio[1] * model$k[[1]] + ratio[2] * model$k[[2]] + diag(1 / model$w)
    k <- ratio[1] * model$a[[1]] %*% t(a[[1]]) + ratio[2] * model$a[[2]] %*% t(a[[2]])
    prior <- ratio[1] * rowSums(a[[1]]^2) + ratio[2] * rowSums(a[[2]]^2)
    solved <- solve(v, cbind(model$z, model$y, k))
    c <- ncol(model$z)
    vz <- solved[, seq_len(c)]
    information <- crossprod(model$z, vz)
    omega <- solve(information, crossprod(vz, model$y))
    vk <- solved[, -seq_len(c + 1), drop = FALSE]
    rest <- t(z) - crossprod(model$z, vk)
    mean <- drop(z %*% omega) + drop(crossprod(vk, model$y - model$z %*% omega))
    variance <- unname(prior - colSums(k * vk) + colSums(rest * solve(information, rest)) + noise)
    keep <- which(posterior$weight[, i] > 1e-9)
    list(
      weight = posterior$weight[keep, i], mean = matrix(mean, nrow(z), length(keep)),
      sd = sqrt(outer(variance, exp(posterior$t[keep])))
    )
  })
  weight <- unlist(lapply(parts, `[[`, "weight"))
  list(
    weight = weight / sum(weight), mean = do.call(cbind, lapply(parts, `[[`, "mean")),
    sd = do.call(cbind, lapply(parts, `[[`, "sd"))
  )
}
