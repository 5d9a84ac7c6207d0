# Next to no noise beside a term of fewer columns than rows: REML is then least squares on all
# columns, and what is left of the digits is enough for its standard errors.

little_noise <- function(scale) {
  set.seed(41)
  data <- data.frame(x = rnorm(40), g = gl(5, 8))
  data$X <- matrix(rnorm(40 * 20, mean = 0.3) * scale, 40)
  data$y <- drop(-1 + 2 * data$x + data$X %*% rnorm(20, sd = 3) + rnorm(40, sd = 2))
  data$z <- -1 + 2 * data$x + 3 * scale * rnorm(5)[data$g] + rnorm(40, sd = 2)
  data
}

test_that("fixed effects, limits and hat values are those of least squares on all columns", {
  for (scale in c(1e4, 1e6, 1e8)) {
    data <- little_noise(scale)
    ols <- lm(y ~ x + X, data)
    table <- summary(ols)$coefficients
    for (algorithm in c("direct", "em", "pxem")) {
      fit <- lmm(y ~ x + re(X), data, algorithm = algorithm)
      expect_equal(sqrt(diag(vcov(fit))), table[1:2, 2], tolerance = 1e-6)  # of 1 / scale^2
      expect_equal(sigma(fit), sigma(ols), tolerance = 1e-5)  # EM's own tolerance
      # the columns are shrunk by their share of the noise
      expect_below(c(omega = max(abs(fixef(fit) - coef(ols)[1:2]) / table[1:2, 2])), 1e-3)
      expect_equal(hatvalues(fit), hatvalues(ols), tolerance = 1e-6, ignore_attr = TRUE)
      expect_equal(
        unname(confint(fit, method = "wald")[1:2, ]), unname(confint(ols)[1:2, ]),
        tolerance = 1e-5
      )
      limits <- confint(fit)
      expect_true(all(limits[, 1] <= limits[, 2]))
      expect_true(all(diff(t(limits[1:2, ])) < 5 * table[1:2, 2]))
      pve <- pve(fit)
      expect_true(pve$lower > 1 - 1e-4 && pve$upper <= 1)
    }
    grouped <- lmm(z ~ x + (1 | g), data)
    expect_equal(
      sqrt(vcov(grouped)["x", "x"]), summary(lm(z ~ x + g, data))$coefficients["x", 2],
      tolerance = 1e-6
    )
  }
})

test_that("the posterior has an integral wherever the noise of the data lies", {
  data <- little_noise(1e8)
  ols <- lm(y ~ x + X, data)
  quadrature <- lmm(y ~ x + re(X), data, method = "Bayes")
  draws <- lmm(
    y ~ x + re(X), data, method = "Bayes", algorithm = "gibbs",
    control = lmm_control(draws = 2000, warmup = 500, chains = 2, seed = 1)
  )
  # a flat share leaves sigma_e^2 a flat density near 0, so that its mean is rss / (df - 4)
  expect_equal(
    varcomp(quadrature)[["Residual"]], deviance(ols) / (df.residual(ols) - 4), tolerance = 1e-5
  )
  expect_equal(varcomp(draws), varcomp(quadrature), tolerance = 0.1)  # Monte Carlo
  for (prior in list(
    lmm_prior(random = prior_half_t(3, 1), residual = prior_half_t(3, 1)),
    lmm_prior(random = prior_inverse_gamma(2, 1), residual = prior_inverse_gamma(2, 1)),
    lmm_prior(pve = prior_beta(1, 1), total = prior_half_t(3, 1))
  )) {
    fit <- lmm(y ~ x + re(X), data, method = "Bayes", prior = prior)
    expect_true(fit$is_converged)
    expect_true(all(is.finite(varcomp(fit))))
  }
})

test_that("densities of draws are densities where all draws of pve are 1 to rounding", {
  for (scale in c(1, 1e8)) {
    data <- little_noise(scale)
    fit <- lmm(
      y ~ x + re(X), data, method = "Bayes", algorithm = "gibbs",
      control = lmm_control(draws = 400, chains = 2, seed = 1)
    )
    curves <- posterior_density(fit)
    expect_true(all(is.finite(curves$density)))
    pve <- curves[curves$parameter == "pve", ]
    # a density is as high as its width, that of 1 - pve, allows
    variances <- posterior_sample(fit, 400)$variances
    odds <- variances[, "Residual"] / variances[, "X"] / fit$kappa
    width <- stats::sd(odds / (1 + odds))
    expect_gt(max(pve$density) * width, 0.2)
    expect_lt(max(pve$density) * width, 2)
  }
})
