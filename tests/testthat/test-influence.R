# Influence of rows with the variances held: dense algebra without the row, lme4 and lm().

held_deletions <- function(z, v, y) {
  gls <- function(rows) {
    solved <- solve(v[rows, rows], cbind(z[rows, , drop = FALSE], y[rows]))
    c <- ncol(z)
    solve(crossprod(z[rows, , drop = FALSE], solved[, seq_len(c)]),
      crossprod(z[rows, , drop = FALSE], solved[, c + 1])
    )
  }
  full <- gls(seq_along(y))
  t(vapply(seq_along(y), function(i) drop(full - gls(-i)), numeric(ncol(z))))
}

test_that("dfbeta() is the difference to the fixed effects without the row, variances held", {
  set.seed(5)
  n <- 30
  d <- data.frame(x = rnorm(n), g = gl(6, 5), w = runif(n, 0.5, 3))
  d$X <- matrix(rnorm(n * 50), n)
  d$y <- d$x + rnorm(6)[d$g] + drop(d$X %*% rnorm(50, sd = 0.2)) + rnorm(n)
  z <- cbind(1, d$x)
  same <- outer(d$g, d$g, `==`) * 1
  covariances <- list(
    list(y ~ x + (1 | g), function(v) v[["g"]] * same),
    list(y ~ x + re(X), function(v) v[["X"]] * tcrossprod(d$X)),
    list(y ~ x + (1 | g) + re(X), function(v) v[["g"]] * same + v[["X"]] * tcrossprod(d$X)),
    list(y ~ x + (x | g), function(v) {
      s <- matrix(v[c("g.(Intercept)", "g.x.(Intercept)", "g.x.(Intercept)", "g.x")], 2)
      z %*% s %*% t(z) * same
    })
  )
  for (case in covariances) {
    for (method in c("REML", "ML")) {
      fit <- lmm(case[[1]], d, method = method, weights = w)
      v <- case[[2]](varcomp(fit)) + diag(varcomp(fit)[["Residual"]] / d$w)
      wanted <- held_deletions(z, v, d$y)
      expect_equal(unname(dfbeta(fit)), wanted, tolerance = 1e-8)
      expect_equal(unname(dfbetas(fit)), wanted / rep(sqrt(diag(vcov(fit))), each = n),
        tolerance = 1e-8
      )
      expect_identical(influence(fit)$coefficients, dfbeta(fit))
    }
  }
})

test_that("cooks.distance() and rstudent() are lme4's", {
  for (formula in list(Reaction ~ Days + (1 | Subject), Reaction ~ Days + (Days | Subject))) {
    fit <- lmm(formula, lme4::sleepstudy)
    peer <- lme4::lmer(formula, lme4::sleepstudy)
    # lme4's optimiser leaves 1e-5 in the variances
    expect_equal(cooks.distance(fit), cooks.distance(peer), tolerance = 1e-4)
    expect_equal(rstudent(fit), rstudent(peer), tolerance = 1e-4)
    expect_identical(rstandard(fit), rstudent(fit))
  }
})

test_that("of least squares all measures are those of lm(), with rows left out as NA", {
  d <- mtcars
  d$wt[3] <- NA
  d$w <- seq(1, 2, length.out = 32)
  fit <- lmm(mpg ~ wt + qsec, d, weights = w, na.action = na.exclude)
  peer <- lm(mpg ~ wt + qsec, d, weights = w, na.action = na.exclude)
  for (measure in list(cooks.distance, rstandard, rstudent)) {
    # lm() names the row that was left out NA
    expect_equal(unname(measure(fit)), unname(measure(peer)), tolerance = 1e-10)
  }
  # where lm() has zeros
  expect_true(all(is.na(dfbeta(fit)[3, ])))
  expect_equal(dfbeta(fit)[-3, ], dfbeta(peer)[-3, ], tolerance = 1e-10)
})

test_that("what has no deletion says so", {
  d <- data.frame(x = 1:6, y = 2 * (1:6), g = gl(3, 2))
  exact <- suppressWarnings(lmm(y ~ x + (1 | g), d))
  expect_error(dfbeta(exact), class = "hdlmm_exact_fit")
  vb <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy, method = "VB")
  for (measure in list(influence, dfbeta, dfbetas, cooks.distance, rstandard, rstudent)) {
    expect_error(measure(vb), "maximum likelihood", class = "hdlmm_unsupported")
    expect_error(measure(exact, type = "foo"), class = "hdlmm_bad_input")
  }
  none <- lmm(Reaction ~ 0 + (1 | Subject) + (1 | Days), lme4::sleepstudy)
  expect_error(cooks.distance(none), "none", class = "hdlmm_unsupported")
  expect_identical(dim(dfbeta(none)), c(180L, 0L))
})
