# Variational inference with several random terms by dense matrices: blocks of coefficients, one
# after the other, in the units of the data.

# y ~ x + (x | a) + (1 | b) + re(X) in small_terms_data(), weights w: list(y, z, x [n x q_k] a term,
# level by level, r), rows times root weights.
dense_terms_model <- function(d) {
  root <- sqrt(d$w)
  of <- function(f) outer(as.integer(f), seq_len(nlevels(f)), `==`) * 1
  a <- of(d$a)
  slopes <- cbind(a, a * d$x)[, order(rep(seq_len(ncol(a)), 2))]
  x <- list(a = slopes, b = of(d$b), X = unclass(d$X))
  list(
    y = root * d$y, z = root * cbind(1, d$x), x = lapply(x, function(m) unname(root * m)),
    r = c(2L, 1L, 1L), log_root = sum(log(root))
  )
}

# Columns of the blocks of every term.
dense_blocks <- function(model, choice) {
  Map(function(x, r, own) {
    p <- ncol(x)
    switch(own,
      coefficients = as.list(seq_len(p)), terms = list(seq_len(p)),
      levels = split(seq_len(p), (seq_len(p) - 1) %/% r)
    )
  }, model$x, model$r, rep_len(choice, length(model$x)))
}

# sum over the levels of b_j b_j' for b [p], or of the diagonal blocks of a covariance [p x p].
level_sum <- function(b, r) tcrossprod(matrix(b, r))
level_block_sum <- function(cov, r) {
  first <- seq(1, ncol(cov), r)
  Reduce(`+`, lapply(first, function(j) cov[j + seq_len(r) - 1, j + seq_len(r) - 1, drop = FALSE]))
}

# q(beta) at E[Sigma^-1] and E[1 / sigma_e^2]: covariances [p x p] of every term.
dense_spread <- function(model, blocks, precision, noise) {
  Map(function(x, r, own, p) {
    a <- noise * crossprod(x) + kronecker(diag(ncol(x) / r), p)
    out <- matrix(0, ncol(x), ncol(x))
    for (b in own) out[b, b] <- solve(a[b, b, drop = FALSE])
    out
  }, model$x, model$r, blocks, precision)
}

# One round over all blocks of all terms; mu: means by term.
dense_means <- function(model, blocks, precision, noise, mu, omega) {
  spread <- dense_spread(model, blocks, precision, noise)
  residual <- model$y - drop(model$z %*% omega) - Reduce(`+`, Map(`%*%`, model$x, mu))
  for (k in seq_along(mu)) {
    x <- model$x[[k]]
    prior <- kronecker(diag(ncol(x) / model$r[k]), precision[[k]])
    for (b in blocks[[k]]) {
      gradient <- noise * crossprod(x[, b, drop = FALSE], residual) - (prior %*% mu[[k]])[b]
      step <- spread[[k]][b, b, drop = FALSE] %*% gradient
      mu[[k]][b] <- mu[[k]][b] + step
      residual <- residual - x[, b, drop = FALSE] %*% step
    }
  }
  list(mu = mu, spread = spread, residual = drop(residual))
}

# The bound where variances are points: E log p(y, beta) + entropy.
dense_terms_bound <- function(model, blocks, sigma, s2, mu, omega) {
  precision <- lapply(sigma, solve)
  spread <- dense_spread(model, blocks, precision, 1 / s2)
  residual <- model$y - drop(model$z %*% omega) - Reduce(`+`, Map(`%*%`, model$x, mu))
  n <- length(model$y)
  fit <- sum(residual^2) + sum(mapply(function(x, c) sum((x %*% c) * x), model$x, spread))
  out <- model$log_root - n / 2 * log(2 * pi * s2) - fit / (2 * s2)
  for (k in seq_along(mu)) {
    r <- model$r[k]
    p <- length(mu[[k]])
    second <- level_sum(mu[[k]], r) + level_block_sum(spread[[k]], r)
    out <- out - p / 2 * log(2 * pi) - p / r / 2 * log_det(sigma[[k]]) -
      sum(precision[[k]] * second) / 2
    for (b in blocks[[k]]) {
      out <- out + length(b) / 2 * log(2 * pi * exp(1)) +
        log_det(spread[[k]][b, b, drop = FALSE]) / 2
    }
  }
  out
}

# log p(y) at given covariances, and the gap by the whole A.
dense_terms_evidence <- function(model, sigma, s2, omega) {
  v <- s2 * diag(length(model$y)) + Reduce(`+`, Map(function(x, s) {
    x %*% kronecker(diag(ncol(x) / nrow(s)), s) %*% t(x)
  }, model$x, sigma))
  residual <- model$y - drop(model$z %*% omega)
  model$log_root - 0.5 * (length(residual) * log(2 * pi) + log_det(v) +
    sum(residual * solve(v, residual)))
}

dense_terms_gap <- function(model, blocks, sigma, s2) {
  x <- do.call(cbind, unname(model$x))
  prior <- Map(function(x, s) kronecker(diag(ncol(x) / nrow(s)), solve(s)), model$x, sigma)
  a <- crossprod(x) / s2
  before <- cumsum(c(0, vapply(model$x, ncol, 0L)))
  own <- 0
  for (k in seq_along(prior)) {
    at <- before[k] + seq_len(ncol(prior[[k]]))
    a[at, at] <- a[at, at] + prior[[k]]
    for (b in blocks[[k]]) own <- own + log_det(a[at[b], at[b], drop = FALSE])
  }
  (own - log_det(a)) / 2
}

# Means by term, level by level.
stacked_effects <- function(fit) lapply(fit$effects, as.vector)

# Where coordinate ascent begins: list of Sigma_k and s2.
start_of <- function(fit, model) {
  internal <- fit$internal
  problem <- list(designs = fit$designs, units = internal$units, fixed = internal$fixed)
  problem$host <- hdlmm:::make_host(fit$control)
  start <- hdlmm:::terms_start(problem, hdlmm:::terms_system(fit))
  sigma <- Map(function(s, design) {
    hdlmm:::user_block(internal$units, design, s * start$sigma2)
  }, start$relative, unname(fit$designs))
  s2 <- hdlmm:::user_variance(internal$units, start$sigma2, "Residual")
  c(stats::setNames(sigma, names(fit$designs)), s2 = s2)
}
