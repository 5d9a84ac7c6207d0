# Draws of effects whose covariance has no full rank.

test_that("simulated data of a kernel of low rank have its variances and covariances", {
  set.seed(1)
  z <- matrix(rnorm(40 * 5), 40)
  kernel <- tcrossprod(z)
  y <- drop(z %*% rnorm(5)) + rnorm(40)
  fit <- lmm(y ~ re(kernel = kernel))
  draws <- 8000
  found <- stats::cov(t(as.matrix(simulate(fit, draws, seed = 1))))
  expected <- varcomp(fit)[[1]] * kernel + diag(sigma(fit)^2, 40)
  scale <- sqrt(diag(expected))
  # a correlation of so many draws is off by 1 / sqrt(draws); 820 of them, by 5 times as much
  error <- abs(found - expected) / tcrossprod(scale)
  expect_lt(max(error), 5 * sqrt(2 / draws))
})

test_that("posterior draws of effects of a kernel of low rank lie in its columns", {
  set.seed(2)
  z <- matrix(rnorm(30 * 3), 30)
  kernel <- tcrossprod(z)
  y <- drop(z %*% rnorm(3)) + rnorm(30)
  beta <- posterior_sample(lmm(y ~ re(kernel = kernel)), 20, seed = 1, beta = TRUE)$beta
  outside <- qr.resid(qr(z), t(beta))
  # rounding; the root itself is found to the root of it
  expect_lt(max(abs(outside)), 1e-6 * max(abs(beta)))
})
