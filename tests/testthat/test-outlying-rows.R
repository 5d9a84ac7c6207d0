# A row far from all others, mistyped: what is said without it is what a fit of the others says,
# whatever it weighs with it.

outlying_data <- function(what, size) {
  set.seed(3)
  n <- 80
  d <- data.frame(z = rnorm(n), w = 1)
  X <- matrix(rnorm(n * 100), n)
  d$y <- drop(X[, 1:20] %*% rnorm(20)) * 0.3 + rnorm(n)
  switch(what,
    response = d$y[1] <- d$y[1] + size, row = X[1, ] <- X[1, ] * size, cell = X[1, 3] <- size,
    covariate = d$z[1] <- size, weight = d$w[1] <- size
  )
  d$X <- X
  d
}

places <- c("response", "row", "cell", "covariate", "weight")

test_that("a fold that leaves the outlying row out is predicted by the fit of the others", {
  folds <- rep(1:20, 4)
  for (what in places) {
    # weights that span more than 10^8 are warned of
    for (size in c(1e4, 1e6, if (what == "weight") 1e8 else 1e9)) {
      d <- outlying_data(what, size)
      K <- tcrossprod(d$X)
      kernel <- cv_lmm(y ~ z + re(kernel = K), d, weights = w, folds = folds)
      columns <- cv_lmm(y ~ z + re(X), d, weights = w, folds = folds)
      others <- lmm(y ~ z + re(X), d, weights = w, subset = folds != 1)
      held <- d[folds == 1, ]
      want <- predict(others, held, interval = "prediction", weights = held$w)
      for (cv in list(kernel, columns)) {
        rows <- cv$rows[cv$rows$fold == 1, ]
        expect_equal(rows$prediction, unname(want[, "fit"]), tolerance = 1e-8)
        expect_equal(rows$lower, unname(want[, "lwr"]), tolerance = 1e-8)
        expect_equal(cv$folds$pve[1], others$pve[[1]], tolerance = 1e-8)
      }
    }
  }
})

test_that("a response that misses the outlying row is fitted as it is alone", {
  for (what in setdiff(places, "response")) {
    for (size in c(1e4, 1e6, 1e8, 1e10)) {
      d <- outlying_data(what, size)
      set.seed(1)
      Y <- d$y + matrix(rnorm(12 * nrow(d)), nrow(d), dimnames = list(NULL, paste0("t", 1:12)))
      Y[1, 1:10] <- NA
      d$Y <- Y
      together <- suppressWarnings(lmm(Y ~ z + re(X), d, weights = w))
      for (k in c("t1", "t5")) {
        alone <- lmm(Y[, k] ~ z + re(X), d, weights = w)
        expect_equal(varcomp(together)[, k], varcomp(alone), tolerance = 1e-8)
        expect_equal(fixef(together)[, k], fixef(alone), tolerance = 1e-8)
        share <- pve(together, method = "wald")
        expect_equal(share$estimate[match(k, colnames(Y))], alone$pve[[1]], tolerance = 1e-8)
      }
    }
  }
})

test_that("the posterior without an outlying row is that of the others, or is not shown", {
  outlying <- function(size) {
    d <- outlying_data("response", size)
    fit <- lmm(y ~ re(X), d, method = "Bayes")
    list(all = fit, rest = update(fit, data = d[-1, ]))
  }
  for (size in c(1e2, 1e4)) {
    fits <- outlying(size)
    row <- loo(fits$all)$table[1, ]
    want <- predict(fits$rest, outlying_data("response", size)[1, ])
    expect_lt(abs(row$prediction - want), 1e-3 * sigma(fits$rest))
    expect_gt(row$variance, 0)
  }
  for (size in c(1e8, 1e10)) {
    expect_error(loo(outlying(size)$all), "without row 1 is rounding", class = "hdlmm_unsupported")
  }
})
