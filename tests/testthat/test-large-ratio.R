# Where sigma_b^2 is many orders of magnitude above sigma_e^2: effects are formed without the part
# of P y that the design does not see, and agree with the fitted values.

# The largest difference between predictions of the fitted rows and fitted values, relative.
prediction_gap <- function(fit, data) {
  max(abs(predict(fit, data) - fitted(fit))) / max(abs(fitted(fit)))
}

outlying_group <- function(size) {
  set.seed(2)
  d <- data.frame(x = rnorm(20), y = rnorm(20), g = factor(c("a", rep(2:5, length.out = 19))))
  d$y[1] <- size
  d
}

test_that("effects of one factor are shrunken means of residuals whatever the ratio", {
  for (size in 10^(2:9)) {
    d <- outlying_group(size)
    for (method in c("REML", "ML")) {
      fit <- lmm(y ~ x + (1 | g), d, method = method)
      v <- varcomp(fit)
      n <- as.vector(table(d$g))
      r <- d$y - drop(cbind(1, d$x) %*% fixef(fit))
      want <- n * v[[1]] / (n * v[[1]] + v[[2]]) * as.vector(tapply(r, d$g, mean))
      # omega itself carries the rounding of y
      expect_lt(max(abs(ranef(fit)[[1]] - want)), 1e-13 * size)
      expect_lt(prediction_gap(fit, d), 1e-12)
    }
  }
})

test_that("predictions of the fitted rows are the fitted values in every method", {
  d <- outlying_group(1e7)
  for (method in c("REML", "ML", "MAP", "Bayes", "VB")) {
    fit <- suppressWarnings(lmm(y ~ x + (1 | g), d, method = method))
    expect_lt(prediction_gap(fit, d), 1e-8)
  }
  em <- suppressWarnings(lmm(y ~ x + (1 | g), d, algorithm = "em"))
  expect_lt(prediction_gap(em, d), 1e-8)
})

# y = 1 + X beta + noise of standard deviation 1 / ratio.
precise_response <- function(n, p, ratio) {
  set.seed(5)
  X <- matrix(rnorm(n * p), n)
  list(X = X, y = 1 + drop(X %*% rnorm(p)) + rnorm(n) / ratio)
}

test_that("fitted rows of balanced groups, of tall and of wide designs are predicted exactly", {
  for (ratio in 10^c(2, 4, 6, 8)) {
    tall <- precise_response(60, 8, ratio)
    wide <- precise_response(30, 90, ratio)
    square <- precise_response(40, 40, ratio)
    for (case in list(tall, wide, square)) {
      # nearly without noise the posterior cannot be normalised under the default prior
      for (method in c("REML", if (ncol(case$X) < nrow(case$X) && ratio < 1e5) "Bayes")) {
        fit <- suppressWarnings(lmm(y ~ re(X), case, method = method))
        expect_lt(prediction_gap(fit, case), 1e-8)
      }
    }
    set.seed(3)
    d <- data.frame(g = gl(6, 5))
    d$y <- rnorm(6)[d$g] * ratio + rnorm(30)
    fit <- lmm(y ~ 1 + (1 | g), d)
    expect_lt(prediction_gap(fit, d), 1e-12)
  }
})

test_that("effects of a tall design are the ridge solution from the columns' side", {
  case <- precise_response(60, 8, 1e6)
  fit <- lmm(y ~ re(X), case)
  v <- varcomp(fit)
  r <- case$y - fixef(fit)
  ridge <- solve(crossprod(case$X) + diag(8) * v[[2]] / v[[1]], crossprod(case$X, r))
  # the condition of X'X is below 1e2
  expect_equal(unname(ranef(fit)[[1]]), drop(ridge), tolerance = 1e-11)
})

test_that("at the boundary of no noise the effects reproduce the response", {
  set.seed(7)
  K <- crossprod(matrix(rnorm(400), 20)) + diag(20)
  wide <- list(X = matrix(rnorm(20 * 50), 20))
  wide$y <- drop(wide$X %*% rnorm(50))
  fit <- suppressWarnings(lmm(y ~ 0 + re(X), wide))
  expect_lt(prediction_gap(fit, wide), 1e-8)
  kernel <- list(y = drop(t(chol(K)) %*% rnorm(20)), id = 1:20)
  fit <- suppressWarnings(lmm(y ~ 0 + re(kernel = K, id = id), kernel))
  expect_lt(prediction_gap(fit, kernel), 1e-8)
})

test_that("a kernel of small and large eigenvalues gives effects that fit", {
  set.seed(9)
  at <- sort(runif(40))
  K <- exp(-outer(at, at, "-")^2 / 0.02) + 1e-6 * diag(40)
  data <- list(id = 1:40)
  data$y <- drop(t(chol(K)) %*% rnorm(40)) + 1e-7 * rnorm(40)
  fit <- suppressWarnings(lmm(y ~ 1 + re(kernel = K, id = id), data))
  # the root of the condition of K
  expect_lt(prediction_gap(fit, data), 1e-8)
})

test_that("predictions of the fitted rows are the fit, however far eigenvalues lie apart", {
  set.seed(8)
  d <- data.frame(x = sort(stats::runif(60)))
  d$y <- sin(6 * d$x) + stats::rnorm(60, 0, 0.2)
  # truncated powers: eigenvalues of 6 and of 3e-9, means that are far from zero
  d$basis <- outer(d$x, seq(0.1, 0.9, length.out = 12), function(a, b) pmax(a - b, 0)^3)
  fits <- list(
    lmm(y ~ x + re(basis), d), lmm(y ~ x + re(basis), d, method = "ML", weights = 1 + x),
    lmm(y ~ re(basis), d, algorithm = "em", control = lmm_control(max_iter = 1e5, tol = 1e-12)),
    lmm(y ~ x + re(basis), d, method = "MAP")
  )
  for (fit in fits) expect_lt(max(abs(predict(fit, d) - fitted(fit))), 2e-9)
})
