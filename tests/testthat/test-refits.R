# Whatever refits a fit starts from what the fit holds: its rows, its designs, its control.

refit_data <- function(seed = 7) {
  set.seed(seed)
  d <- data.frame(x = stats::rnorm(60), z = stats::rnorm(60), w = stats::runif(60, 0.5, 2))
  d$g <- gl(12, 5)
  d$f <- gl(3, 1, 60, labels = c("a", "b", "c"))
  d$X <- matrix(stats::rnorm(60 * 90), 60)
  d$y <- d$x + stats::rnorm(12)[d$g] + drop(d$X %*% stats::rnorm(90)) / 10 + stats::rnorm(60)
  d
}

# Twice the difference of two maxima of the marginal likelihood, each of a fit of its own.
likelihood_ratio <- function(larger, smaller, ...) {
  2 * as.numeric(logLik(lmm(larger, ..., method = "ML")) - logLik(lmm(smaller, ..., method = "ML")))
}

# 1e-8: both sides are maxima, found to 1e-10 in the parameter and so beyond rounding in the value
to_rounding <- 1e-8

test_that("tests in a loop over traits are those of the data that each fit was made of", {
  traits <- lapply(1:3, refit_data)
  fits <- wanted <- list()
  for (i in seq_along(traits)) {
    d <- traits[[i]]
    fits[[i]] <- list(lmm(y ~ x + (1 | g), d), lmm(y ~ x + z + (1 | g), d))
    wanted[[i]] <- likelihood_ratio(y ~ x + z + (1 | g), y ~ x + (1 | g), data = d)
  }
  rm(d)
  for (i in seq_along(traits)) {
    pair <- fits[[i]]
    expect_equal(anova(pair[[1]], pair[[2]], refit = TRUE)$Chisq[2], wanted[[i]],
      tolerance = to_rounding)
    expect_equal(drop1(pair[[2]])["z", "LRT"], wanted[[i]], tolerance = to_rounding)
    larger <- lmm(y ~ x + z + (1 | g), traits[[i]], method = "ML")
    expect_equal(extractAIC(pair[[2]])[2], AIC(larger), tolerance = to_rounding)
  }
})

test_that("drop1() gives the likelihood ratios of separate fits for every kind of design", {
  d <- refit_data()
  kernel <- tcrossprod(d$X) / 90
  sparse <- Matrix::Matrix(d$X * (d$X > 0.5), sparse = TRUE)
  cases <- list(
    list(y ~ x + f + (1 | g), y ~ f + (1 | g), "x"),
    list(y ~ x + f + re(X), y ~ x + re(X), "f"),
    list(y ~ x + f + re(X, center = TRUE, scale = TRUE), y ~ f + re(X, center = TRUE, scale = TRUE),
      "x"),
    list(y ~ poly(x, 2) + z + re(kernel = kernel), y ~ z + re(kernel = kernel), "poly(x, 2)"),
    list(y ~ x * f + re(sparse), y ~ x + f + re(sparse), "x:f"),
    # the constant goes, and with it the means of the columns of X
    list(y ~ 0 + f + x + re(X + 3), y ~ 0 + x + re(X + 3), "f")
  )
  for (case in cases) suppressWarnings(classes = "hdlmm_unbounded_likelihood", {
    own <- drop1(lmm(case[[1]], d))[case[[3]], "LRT"]
    expect_equal(own, likelihood_ratio(case[[1]], case[[2]], data = d), tolerance = to_rounding,
      label = deparse1(case[[1]]))
  })
  part <- lmm(y ~ x + z + re(X), d, subset = -(1:9), weights = w, offset = z / 2)
  expect_equal(drop1(part)["x", "LRT"], likelihood_ratio(y ~ x + z + re(X), y ~ z + re(X), data = d,
    subset = -(1:9), weights = w, offset = z / 2), tolerance = to_rounding)
})

test_that("a saved fit is compared in a session that lacks its data", {
  fit <- local({
    d <- refit_data()
    lmm(log(y + 20) ~ x + poly(z, 2) + f + (1 | g), d)
  })
  d <- refit_data()
  wanted <- likelihood_ratio(
    log(y + 20) ~ x + poly(z, 2) + f + (1 | g), log(y + 20) ~ x + f + (1 | g), data = d
  )
  path <- tempfile(fileext = ".rds")
  saveRDS(fit, path)
  rm(fit)
  fit <- readRDS(path)
  environment(fit$formula) <- globalenv()
  expect_equal(drop1(fit)["poly(z, 2)", "LRT"], wanted, tolerance = to_rounding)
  chosen <- step(fit, trace = 0)
  expect_s3_class(chosen, "hdlmm")
  expect_error(add1(fit, ~ . + w), "its data are not found", class = "hdlmm_not_comparable")
})

test_that("add1() looks for new variables only, in data that must be those of the fit", {
  d <- refit_data()
  fit <- lmm(y ~ x + (1 | g), d, subset = -(1:4))
  table <- add1(fit, ~ . + poly(z, 2) + x:f)
  for (label in rownames(table)[-1]) {
    larger <- stats::update(y ~ x + (1 | g), paste("~ . +", label))
    environment(larger) <- environment()
    wanted <- likelihood_ratio(larger, y ~ x + (1 | g), data = d, subset = -(1:4))
    expect_equal(table[label, "LRT"], wanted, tolerance = to_rounding)
  }
  # beside fixed effects of its levels a grouping factor has variance 0 by maximum likelihood
  kept <- d[-(1:4), ]
  ml <- lmm(y ~ x + (1 | g), kept, method = "ML")
  wanted <- 2 * c(logLik(lm(y ~ x + g, kept)) - logLik(ml))
  expect_equal(add1(fit, "g")["g", "LRT"], wanted, tolerance = to_rounding)
  full <- d
  d$z[10] <- NA
  expect_error(add1(fit, ~ . + z), "missing values in fitted rows", class = "hdlmm_not_comparable")
  d <- full[1:50, ]
  expect_error(add1(fit, ~ . + z), "not those that it was fitted to",
    class = "hdlmm_not_comparable")
  d <- refit_data(8)
  expect_error(add1(fit, ~ . + z), "not those that it was fitted to",
    class = "hdlmm_not_comparable")
  expect_error(add1(fit, ~ . + nowhere), class = "hdlmm_not_comparable")
  expect_error(add1(fit), "`scope` is missing", class = "hdlmm_bad_input")
})

test_that("methods are compared on what the fit holds when its data have gone", {
  d <- refit_data()
  fit <- lmm(y ~ x + re(X), d)
  half_t <- prior_half_t(3, 1)
  prior <- lmm_prior(random = half_t, residual = half_t, fixed = prior_normal(0, 1))
  wanted <- compare_methods(fit, c("REML", "MAP"), prior)
  rm(d)
  timeless <- setdiff(names(wanted), "seconds")
  expect_identical(
    as.data.frame(compare_methods(fit, c("REML", "MAP"), prior))[timeless],
    as.data.frame(wanted)[timeless]
  )
})

test_that("fits made by lapply(), Map(), do.call() and wrappers keep a call that runs and prints", {
  d <- refit_data()
  formulas <- list(y ~ x + (1 | g), y ~ z + (1 | g))
  wrapper <- function(...) lmm(...)
  deeper <- function(...) wrapper(...)
  alias <- lmm
  fits <- list(
    lapply(formulas, lmm, data = d)[[2]], lapply(formulas, lmm, d, weights = w)[[2]],
    Map(lmm, formulas, list(d))[[2]], lapply(list(d, d), lmm, formula = formulas[[2]])[[2]],
    do.call(lmm, list(formulas[[2]], data = d)), do.call("lmm", list(formulas[[2]], quote(d))),
    wrapper(formulas[[2]], data = d), deeper(formulas[[2]], data = d, weights = w),
    alias(y ~ z + (1 | g), d)
  )
  direct <- list(lmm(y ~ z + (1 | g), d), lmm(y ~ z + (1 | g), d, weights = w))
  for (i in seq_along(fits)) {
    same <- direct[[1 + i %in% c(2, 8)]]
    expect_identical(fits[[i]]$call[[1]], quote(lmm))
    expect_identical(deparse1(fits[[i]]$call$formula), "y ~ z + (1 | g)")
    expect_identical(fixef(fits[[i]]), fixef(same))
    expect_identical(fixef(eval(fits[[i]]$call)), fixef(same))
    expect_identical(fixef(update(fits[[i]], . ~ . + x)), fixef(update(same, . ~ . + x)))
    expect_lt(length(utils::capture.output(print(summary(fits[[i]])))), 40)
  }
  expect_identical(deparse1(fits[[1]]$call), "lmm(formula = y ~ z + (1 | g), data = d)")
})
