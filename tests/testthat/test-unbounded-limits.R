# Profile limits where the marginal likelihood has no maximum: those of the interior mode's basin.

# Centred columns and an intercept: ML is unbounded as pve tends to 1, REML is not.
unbounded_case <- function(seed) {
  set.seed(seed)
  n <- 60
  p <- 150
  d <- data.frame(age = rnorm(n, 40, 10))
  d$X <- scale(matrix(rnorm(n * p), n))
  d$y <- 3 + 0.1 * d$age + drop(d$X %*% rnorm(p, 0, 0.1)) + rnorm(n)
  d
}

# The dense log-likelihood with omega and the total variance maximised out; `drop`: columns of z
# whose coefficient is held.
dense_ml <- function(h, d, kappa, z, y) {
  v <- h / kappa * tcrossprod(d$X) + (1 - h) * diag(nrow(z))
  root <- chol(v)
  qr <- qr(backsolve(root, z, transpose = TRUE))
  rss <- sum(qr.resid(qr, backsolve(root, y, transpose = TRUE))^2)
  n <- nrow(z)
  -0.5 * (n * (log(2 * pi) + 1 + log(rss / n)) + 2 * sum(log(diag(root))))
}

# The highest local maximum over h, the ridge near 1 left out; NA where there is none any more.
interior_maximum <- function(...) {
  h <- seq(0, 0.995, by = 0.005)
  value <- vapply(h, dense_ml, 0, ...)
  is_mode <- c(value[1] > value[2], diff(sign(diff(value))) < 0, FALSE)
  if (!any(is_mode)) return(NA_real_)
  at <- which(is_mode)[which.max(value[is_mode])]
  near <- h[c(max(1, at - 1), at + 1)]
  max(value[at], optimize(dense_ml, near, ..., maximum = TRUE, tol = 1e-9)$objective)
}

test_that("limits of a fixed effect have the deviance of the interior mode, for REML fits too", {
  for (seed in c(1, 3, 4)) {  # of 2 the interior mode vanishes before the deviance is reached
    d <- unbounded_case(seed)
    fit <- lmm(y ~ age + re(X), d)
    kappa <- sum(apply(d$X, 2, var))
    peak <- interior_maximum(d = d, kappa = kappa, z = cbind(1, d$age), y = d$y)
    deviance <- vapply(confint(fit, "age"), function(v) {
      held <- interior_maximum(d = d, kappa = kappa, z = matrix(1, 60), y = d$y - v * d$age)
      2 * (peak - held)
    }, 0)
    # both maxima are known to rounding, the root to 1e-7 of a standard error
    expect_equal(unname(deviance), rep(qchisq(0.95, 1), 2), tolerance = 1e-5)
  }
})

test_that("limits of the variances and of pve stay in the basin of the mode", {
  d <- unbounded_case(2)
  expect_warning(
    fit <- lmm(y ~ age + re(X), d, method = "ML"), class = "hdlmm_unbounded_likelihood"
  )
  limits <- confint(fit, c("X", "Residual", "pve"))
  estimates <- c(varcomp(fit), pve(fit)$estimate)
  expect_true(all(limits[, 1] < estimates & estimates < limits[, 2]))
  expect_gt(limits["Residual", 1], 1e-3 * varcomp(fit)[["Residual"]])
  kappa <- sum(apply(d$X, 2, var))
  deviance <- function(h) {
    2 * (c(logLik(fit)) - dense_ml(h, d = d, kappa = kappa, z = cbind(1, d$age), y = d$y))
  }
  inside <- limits["pve", ][limits["pve", ] > 0 & limits["pve", ] < 1]
  expect_equal(unname(vapply(inside, deviance, 0)), rep(qchisq(0.95, 1), length(inside)),
    tolerance = 1e-5  # h to 1e-9 where the slope of the deviance is up to 1e3
  )
})
