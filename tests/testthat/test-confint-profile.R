# Profile limits of variances and fixed effects against their definition by dense algebra: with the
# parameter held at its limit, the rest maximised out, the likelihood has fallen by half a quantile.

profile_data <- function(seed, n = 30, p = 40, effect = 0.2) {
  set.seed(seed)
  d <- data.frame(x = stats::rnorm(n), w = stats::runif(n, 0.5, 2), g = gl(6, n / 6), one = 1)
  d$X <- matrix(stats::rnorm(n * p), n)
  d$y <- 1 + d$x + drop(d$X %*% stats::rnorm(p, sd = effect)) + stats::rnorm(6)[d$g] +
    stats::rnorm(n)
  d
}

# Dense log-likelihood, or the restricted one, of variances v; z [n x c] free, y less what is held.
dense_likelihood <- function(v, k, w, z, y, is_reml) {
  root <- tryCatch(chol(v[1] * k + diag(v[2] / w)), error = function(e) NULL)
  if (is.null(root)) return(-Inf)
  white <- qr(backsolve(root, z, transpose = TRUE))
  rest <- qr.resid(white, backsolve(root, y, transpose = TRUE))
  value <- -0.5 * (length(y) * log(2 * pi) + 2 * sum(log(diag(root))) + sum(rest^2))
  if (!is_reml) return(value)
  value + 0.5 * ncol(z) * log(2 * pi) - sum(log(abs(diag(qr.R(white)))))
}

# The largest value of f over x = 0 or log x on a grid, refined about each of its local maxima.
largest <- function(f, from = -12, to = 6) {
  at <- seq(from, to, by = 0.25)
  value <- vapply(at, function(x) f(exp(x)), 0)
  inside <- 2:(length(at) - 1)
  peaks <- inside[value[inside] >= value[inside - 1] & value[inside] >= value[inside + 1]]
  refined <- vapply(peaks, function(i) {
    stats::optimize(function(x) f(exp(x)), at[i + c(-1, 1)], maximum = TRUE, tol = 1e-9)$objective
  }, 0)
  max(f(0), value, refined)
}

fall <- stats::qchisq(0.95, 1) / 2

expect_limits_of_variances <- function(fit, k, w, z, y) {
  is_reml <- fit$method == "REML"
  limits <- confint(fit, "theta_")
  f <- function(v) dense_likelihood(v, k, w, z, y, is_reml)
  for (side in 1:2) {
    # 1e-7: half the digits of the likelihood, as the mode of the dense one is found by values
    at <- limits[1, side]
    if (at > 0) {
      expect_equal(largest(function(v) f(c(at, v))), as.numeric(logLik(fit)) - fall,
        tolerance = 1e-7)
    }
    at <- limits["Residual", side]
    if (at > 0) {
      expect_equal(largest(function(v) f(c(v, at))), as.numeric(logLik(fit)) - fall,
        tolerance = 1e-7)
    }
  }
}

test_that("limits of variances are where the likelihood has fallen by half a quantile", {
  for (seed in 1:3) {
    d <- profile_data(seed)
    z <- cbind(1, d$x)
    for (method in c("REML", "ML")) {
      fit <- lmm(y ~ x + re(X), d, method = method, weights = w)
      expect_limits_of_variances(fit, tcrossprod(d$X), d$w, z, d$y)
      fit <- lmm(y ~ x + (1 | g), d, method = method)
      expect_limits_of_variances(fit, tcrossprod(stats::model.matrix(~ 0 + g, d)), d$one, z, d$y)
    }
  }
})

test_that("limits of fixed effects are where the likelihood has fallen by half a quantile", {
  for (seed in 1:3) {
    d <- profile_data(seed)
    z <- cbind("(Intercept)" = 1, x = d$x)
    k <- tcrossprod(d$X)
    # one more dimension to maximise over: the second variance within the first
    f <- function(z, y) {
      largest(function(ratio) {
        v <- c(ratio, 1)
        root <- chol(ratio * k + diag(nrow(k)))
        rest <- qr.resid(
          qr(backsolve(root, z, transpose = TRUE)), backsolve(root, y, transpose = TRUE)
        )
        scale <- sum(rest^2) / length(y)
        dense_likelihood(scale * v, k, d$one, z, y, FALSE)
      }, to = 20)
    }
    fit <- lmm(y ~ x + re(X), d)
    limits <- confint(fit, "beta_")
    top <- f(z, d$y)
    for (name in colnames(z)) {
      for (side in 1:2) {
        held <- d$y - z[, name] * limits[name, side]
        expect_equal(f(z[, colnames(z) != name, drop = FALSE], held), top - fall, tolerance = 1e-8)
      }
    }
  }
})

test_that("the higher of two branches of a profile counts, whichever the grid meets", {
  # held below its estimate, the residual variance is best explained by pve = 0 or by a share well
  # inside, and the two change places near the limit
  set.seed(12)
  n <- 8
  d <- data.frame(row = seq_len(n))
  d$X <- matrix(stats::rnorm(n * 5), n)
  d$z <- stats::rnorm(n)
  d$z2 <- d$z + stats::rnorm(n) / 10
  effects <- stats::rnorm(5)
  d$y <- 0 * drop(d$X %*% effects) + stats::rnorm(n) + 3 * d$z
  d$w <- stats::runif(n, 0.5, 2)
  expect_warning(
    fit <- lmm(y ~ z + z2 + re(X), d, method = "ML", weights = w),
    class = "hdlmm_unbounded_likelihood"
  )
  limits <- confint(fit, "Residual", level = 0.5)
  z <- cbind(1, d$z, d$z2)
  k <- tcrossprod(d$X)
  held <- largest(
    function(v) dense_likelihood(c(v, limits[1]), k, d$w, z, d$y, FALSE), to = 0
  )
  expect_equal(held, as.numeric(logLik(fit)) - stats::qchisq(0.5, 1) / 2, tolerance = 1e-7)
})

test_that("limits of one parameter are those of all of them together", {
  d <- profile_data(4)
  fit <- lmm(y ~ x + re(X), d, method = "ML")
  all <- confint(fit)
  for (name in rownames(all)) expect_identical(confint(fit, name)[1, ], all[name, ])
})
