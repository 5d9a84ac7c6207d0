# What a fit keeps of the environment of its formula.

bytes <- function(x) length(serialize(x, NULL))
n <- 60
set.seed(4)
X <- matrix(rnorm(n * 50), n)
new <- data.frame(x = c(0.5, 1, 2), g = gl(3, 1))
new$X <- X[1:3, ]

fits_of_function <- function() {
  junk <- rnorm(2e5)
  k <- 2
  power <- function(v) v^k
  outer_one <- function(v) power(v) + 1
  d <- data.frame(y = X[, 1] + rnorm(n), x = runif(n) + 0.5, g = gl(6, 10))
  d$X <- X
  list(
    lmm(y ~ x + re(X), d), lmm(y ~ outer_one(x) + re(X), d), lmm(y ~ x + re(outer_one(X)), d),
    lmm(y ~ I(x^k) + (1 | g), d), lmm(y ~ x, d), lmm(y ~ x + re(X), d, method = "MAP"),
    lmm(y ~ x + re(X^e), list(y = d$y, x = d$x, X = X, e = 2)),
    do.call(lmm, list(y ~ x + re(X), quote(d)))
  )
}

test_that("a fit made in a function is saved without what else lived there", {
  for (fit in suppressWarnings(fits_of_function())) {
    # X is 24 kB and at most three times in a fit, junk 1.6 MB
    expect_lt(bytes(fit), 3e5)
    loaded <- unserialize(serialize(fit, NULL))
    expect_identical(predict(loaded, new), predict(fit, new))
  }
})

test_that("update() finds the data of a function that has returned, in this session", {
  fits <- suppressWarnings(fits_of_function())
  for (fit in fits[-7]) {
    gc()
    expect_false("x" %in% names(fixef(update(fit, . ~ 1 + re(X)))))
    expect_true(exists("junk", environment(formula(fit))))
    again <- update(fit, . ~ .)
    expect_true(exists("junk", environment(terms(again))))
    expect_lt(bytes(again), 3e5)
  }
  loaded <- unserialize(serialize(fits[[1]], NULL))
  expect_error(update(loaded, . ~ 1 + re(X)), class = "hdlmm_bad_input")
})

test_that("constants and functions of a formula are those of the fit, whatever becomes of them", {
  d <- data.frame(y = rnorm(n), x = runif(n) + 0.5)
  e <- 2
  f <- function(v) v * e
  fit <- lmm(y ~ f(x) + re(x^e), d)
  before <- predict(fit, d[1:4, ])
  e <- 3
  f <- function(v) v - 100
  expect_identical(predict(fit, d[1:4, ]), before)
  expect_equal(before, fitted(fit)[1:4], tolerance = 1e-12)  # one product
})

test_that("a formula of the workspace that needs nothing from it is left where it is", {
  d <- data.frame(y = rnorm(n), x = runif(n))
  formula <- y ~ x
  environment(formula) <- globalenv()
  expect_identical(environment(lmm(formula, d)$formula), globalenv())
})

test_that("arguments that an inner function takes from the dots of an outer one are kept", {
  d <- data.frame(y = c(1, 3, 2, 5, 4, 7), x = 1:6, w = c(1, 2, 1, 2, 1, 3))
  outer <- function(...) lapply(1, function(k) lmm(y ~ x, d, ...))[[1]]
  fit <- outer(weights = w)
  expect_equal(coef(fit), coef(lm(y ~ x, d, weights = w)), tolerance = 1e-10)
})
