# What one method cannot identify another one can.

identity_case <- function(n = 20) {
  set.seed(1)
  list(d = data.frame(y = rnorm(n), x = rnorm(n)), unit = diag(n), block = diag(n) + 0.5)
}

proper_prior <- function(...) {
  lmm_prior(random = prior_half_t(3, 1), residual = prior_half_t(3, 1), ...)
}

test_that("the posterior under a kernel that is the identity is that of two variances in a sum", {
  case <- identity_case()
  unit <- case$unit
  prior <- proper_prior(fixed = prior_normal(0, 3))
  fit <- lmm(y ~ x + re(kernel = unit), case$d, method = "Bayes", prior = prior)
  # by brute force: y ~ N(0, 9 Z Z' + (a + b) I) on a grid of both standard deviations
  z <- cbind(1, case$d$x)
  spectrum <- eigen(9 * tcrossprod(z), symmetric = TRUE)
  along2 <- drop(crossprod(spectrum$vectors, case$d$y))^2
  s <- seq(0.0025, 6, by = 0.005)
  grid <- expand.grid(a = s, b = s)
  total <- seq(0, 73, length.out = 40001)[-1]
  loglik <- vapply(total, function(t) {
    -0.5 * sum(log(spectrum$values + t) + along2 / (spectrum$values + t))
  }, 0)
  weight <- exp(approx(total, loglik, grid$a^2 + grid$b^2, rule = 2)$y - max(loglik)) *
    dt(grid$a, 3) * dt(grid$b, 3)
  # 1e-3: steps of the grid and the tail beyond 6 standard deviations
  expect_equal(
    unname(varcomp(fit)), c(sum(weight * grid$a^2), sum(weight * grid$b^2)) / sum(weight),
    tolerance = 2e-3
  )
})

test_that("Bayes goes wherever its prior makes the posterior proper, and no further", {
  case <- identity_case()
  unit <- case$unit
  block <- case$block
  expect_no_error(lmm(y ~ x + re(kernel = block), case$d, method = "Bayes", prior = proper_prior()))
  # the default prior is proper for the share
  expect_equal(
    pve(lmm(y ~ x + re(kernel = unit), case$d, method = "Bayes"))[1, 2], 0.5, tolerance = 1e-6
  )
  gibbs <- lmm(
    y ~ x + re(kernel = unit), case$d, method = "Bayes", algorithm = "gibbs",
    prior = proper_prior(), control = lmm_control(seed = 1)
  )
  expect_true(all(is.finite(varcomp(gibbs))))
  expect_error(
    lmm(y ~ x + re(kernel = unit), case$d, method = "Bayes",
      prior = lmm_prior(random = prior_flat(), residual = prior_jeffreys())),
    class = "hdlmm_error"
  )
})

test_that("as many fixed effects as rows have a posterior under a normal prior", {
  set.seed(1)
  d <- data.frame(y = rnorm(4), a = rnorm(4), b = rnorm(4), c = rnorm(4))
  d$X <- matrix(rnorm(40), 4)
  prior <- proper_prior(fixed = prior_normal(0, 3))
  fit <- lmm(y ~ a + b + c + re(X), d, method = "Bayes", prior = prior)
  z <- cbind(1, d$a, d$b, d$c)
  # by brute force over both standard deviations, in steps that are even in their logarithm
  s <- exp(seq(log(1e-3), log(60), length.out = 160))
  value <- outer(seq_along(s), seq_along(s), Vectorize(function(i, j) {
    v <- 9 * tcrossprod(z) + s[i]^2 * tcrossprod(d$X) + s[j]^2 * diag(4)
    root <- chol(v)
    exp(-sum(log(diag(root))) - sum(backsolve(root, d$y, transpose = TRUE)^2) / 2) *
      dt(s[i], 3) * dt(s[j], 3) * s[i] * s[j]
  }))
  expect_equal(
    unname(varcomp(fit)), c(sum(value * s^2), sum(t(value) * s^2)) / sum(value), tolerance = 0.01
  )
  expect_error(
    lmm(y ~ a + b + c + re(X), d, method = "Bayes"), class = "hdlmm_no_residual_df"
  )
  expect_error(lmm(y ~ a + b + c + re(X), d), class = "hdlmm_no_residual_df")
})

test_that("ML has its maximum where only REML has none", {
  case <- identity_case()
  block <- case$block
  fit <- lmm(y ~ x + re(kernel = block), case$d, method = "ML")
  # |V| grows with the share and nothing else changes: least squares by maximum likelihood
  expect_equal(unname(varcomp(fit)), c(0, mean(resid(lm(y ~ x, case$d))^2)), tolerance = 1e-10)
  expect_equal(logLik(fit)[1], logLik(lm(y ~ x, case$d))[1], tolerance = 1e-10)
  expect_error(lmm(y ~ x + re(kernel = block), case$d), class = "hdlmm_not_identified")
  unit <- case$unit
  expect_error(
    lmm(y ~ x + re(kernel = unit), case$d, method = "ML"), class = "hdlmm_not_identified"
  )
  # a constant that the data could move either way: without an intercept
  d <- case$d
  d$y <- d$y + 2
  with_mean <- lmm(y ~ 0 + re(kernel = block), d, method = "ML")
  model <- dense_model(d$y, matrix(0, 20, 0), diag(20), block)
  loglik <- function(v) dense_loglik(model, v, "ML")
  expect_gte(logLik(with_mean)[1], max(vapply(1:40 / 10, function(b) loglik(c(b, 1)), 0)))
})

test_that("ML with one residual degree of freedom is the maximum over a grid", {
  set.seed(2)
  d <- data.frame(y = rnorm(4), a = rnorm(4), b = rnorm(4))
  X <- matrix(rnorm(40), 4)
  fit <- suppressWarnings(lmm(y ~ a + b + re(X), d, method = "ML"))
  model <- dense_model(d$y, cbind(1, d$a, d$b), X)
  grid <- vapply(seq(0, 0.999, length.out = 400), function(h) dense_profile(model, h, "ML"), 0)
  expect_gte(logLik(fit)[1], max(grid) - 1e-9)
  expect_error(lmm(y ~ a + b + re(X), d), class = "hdlmm_not_identified")
})

test_that("MAP and VB go where their prior does", {
  case <- identity_case()
  unit <- case$unit
  prior <- lmm_prior(random = prior_inverse_gamma(2, 1), residual = prior_inverse_gamma(2, 1))
  fit <- lmm(y ~ x + re(kernel = unit), case$d, method = "MAP", prior = prior)
  # the prior is the same for both variances and the likelihood knows their sum only
  expect_equal(unname(varcomp(fit)[1]), unname(varcomp(fit)[2]), tolerance = 1e-6)
  expect_error(
    lmm(y ~ x + re(kernel = unit), case$d, method = "MAP"), class = "hdlmm_not_identified"
  )
  expect_no_error(lmm(y ~ x + re(unit), case$d, method = "VB", prior = prior))
})

test_that("nothing left of y under a scale-free prior of the total variance is no posterior", {
  set.seed(5)
  d <- data.frame(y = rnorm(12), f = factor(1:12), x = rnorm(12))
  prior <- lmm_prior(fixed = prior_normal(0, 2))
  expect_error(
    lmm(y ~ f + re(cbind(x, x^2)), d, method = "Bayes", prior = prior), "explained exactly",
    class = "hdlmm_improper_prior"
  )
})
