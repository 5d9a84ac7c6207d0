# Noise that is far less than the random effects: under a prior of the residual deviation that is
# flat there, (n - c - 1) / 2 and rss / 2 of the fit with all effects fixed are the posterior's.

precise_data <- function(noise) {
  set.seed(5)
  d <- data.frame(
    g = gl(8, 12), x = rep(seq(-1, 1, length.out = 12), 8), h = factor(rep(1:4, 24))
  )
  b <- matrix(rnorm(16), 8) %*% chol(matrix(c(1, 0.8, 0.8, 1), 2))
  e <- rnorm(nrow(d))
  d$crossed <- b[d$g, 1] + rnorm(4)[d$h] + noise * e
  d$slopes <- b[d$g, 1] + b[d$g, 2] * d$x + noise * e
  d
}

one <- prior_half_t(3, 1)
control <- lmm_control(draws = 500, warmup = 200, chains = 2, seed = 1)

# Draws of the residual variance over the mean of its posterior, of a model and of least squares.
residual_draws <- function(formula, fixed, data, random) {
  prior <- lmm_prior(random = random, residual = one)
  fit <- lmm(formula, data, method = "Bayes", algorithm = "gibbs", prior = prior, control = control)
  expect_lt(max(fit$posterior$diagnostics$rhat), 1.05)
  least <- stats::lm(fixed, data)
  df <- stats::df.residual(least)
  draws <- as.matrix(posterior::as_draws_matrix(fit))[, "var_Residual"]
  list(ratio = draws / (stats::deviance(least) / (df - 3)), sd = sqrt(2 / (df - 5)))
}

test_that("the sampler finds a residual variance of 1e-2 to 1e-10 of the random effects'", {
  skip_if_not_installed("posterior")
  K <- diag(8) + 0.5
  dimnames(K) <- list(1:8, 1:8)
  for (noise in 10^-c(1, 3, 5)) {
    d <- precise_data(noise)
    found <- list(
      residual_draws(crossed ~ 1 + (1 | g) + (1 | h), crossed ~ g + h, d, list(g = one, h = one)),
      residual_draws(
        crossed ~ 1 + re(kernel = K, id = g) + (1 | h), crossed ~ g + h, d, list(K = one, h = one)
      ),
      residual_draws(slopes ~ x + (x | g), slopes ~ g * x, d, list(g = prior_half_t(3, c(1, 1))))
    )
    for (one_model in found) {
      error <- one_model$sd / sqrt(250)
      expect_lt(abs(mean(one_model$ratio) - 1), 5 * error)
      expect_lt(abs(sd(one_model$ratio) / one_model$sd - 1), 0.25)
    }
  }
})

test_that("where rounding of the effects is more than the noise, the sampler says so", {
  for (noise in 10^-c(7, 8)) {
    expect_error(
      lmm(
        slopes ~ x + (x | g), precise_data(noise), method = "Bayes", algorithm = "gibbs",
        prior = lmm_prior(random = list(g = prior_half_t(3, c(1, 1))), residual = one),
        control = control
      ),
      "less than the rounding", class = "hdlmm_improper_prior"
    )
  }
})
