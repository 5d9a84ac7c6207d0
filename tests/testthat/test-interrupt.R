# Long calls give control back soon after an interrupt, and leave R and the fit as they were.

skip_on_cran()

interrupt_setup <- c(
  "set.seed(1)",
  "n <- 800",
  "d <- data.frame(x = rnorm(n), g = gl(80, 10))",
  "d$X <- matrix(rnorm(n * 1000), n)",
  "d$y <- 1 + d$x + drop(d$X %*% rnorm(1000, 0, 0.03)) + rnorm(n)",
  "fit <- lmm(y ~ x + re(X), d)"
)

# Calls that no machine ends before the signal, then those that a fast one may.
endless_calls <- c(
  boot = "confint(fit, method = 'boot', draws = 1e6, seed = 1)",
  exact = "confint(fit, 'pve', method = 'exact', draws = 1e6, seed = 1)",
  test_random = "test_random(fit, draws = 1e6, seed = 1)",
  gibbs = "update(fit, method = 'Bayes', algorithm = 'gibbs', control = endless)",
  cavi = "lmm(yw ~ re(wide), method = 'VB', algorithm = 'cavi', control = endless)"
)
long_calls <- c(
  new_rows = "predict(fit, more, se.fit = TRUE)",
  new_rows_bayes = "predict(bayes, more, se.fit = TRUE)",
  new_rows_vb = "predict(vb, more, se.fit = TRUE)",
  kernel = "lmm(y ~ re(kernel = tcrossprod(big)), list(y = rnorm(2500)))",
  sample_effects = "posterior_sample(fit, 5000, seed = 1, beta = TRUE)",
  predictive = "posterior_predict(bayes, draws = 15000, seed = 1)",
  new_draws = "posterior_predict(fit, more[1:2500, ], draws = 500, seed = 1)",
  prior = "prior_predict(y ~ x + re(X), d, prior, draws = 15000, seed = 1)",
  simulate = "simulate(fit, 15000, seed = 1)"
)

test_that("long calls give control back soon after an interrupt", {
  calls <- c(endless_calls, long_calls)
  found <- child_table(c(
    interrupt_code, interrupt_setup,
    "bayes <- lmm(y ~ x + re(X), d, method = 'Bayes')",
    "vb <- suppressMessages(lmm(y ~ x + re(X), d, method = 'VB'))",
    "wide <- matrix(rnorm(4e6), 200)", "yw <- rnorm(200)",
    "big <- matrix(rnorm(2500 * 100), 2500)",
    "more <- d[rep(seq_len(n), 10), ]",
    "endless <- lmm_control(tol = 0, max_iter = 1e9, draws = 1e6, seed = 1)",
    "half_t <- prior_half_t(3, 1)",
    "prior <- lmm_prior(random = half_t, residual = half_t, fixed = prior_normal(0, 1))",
    sprintf("attempt('%s', %s)", names(calls), calls)
  ), c("call", "outcome", "seconds"))
  expect_identical(found$call, names(calls))
  expect_true(all(found$outcome[found$call %in% names(endless_calls)] == "back"))
  # 0.1 s where nothing else runs; machines that run tests do other work at the same time
  expect_below(stats::setNames(as.numeric(found$seconds), found$call), 5, "seconds")
})

test_that("an interrupt leaves the fit, its cache and the generator as they were", {
  calls <- c(
    endless_calls[c("boot", "test_random")], long_calls["sample_effects"],
    effects = "ranef(fit, se = TRUE)", effects = "ranef(fit, se = TRUE)"
  )
  answers <- c(
    effects = "ranef(%s, se = TRUE)", test = "test_random(%s, draws = 50, seed = 1)",
    sample = "posterior_sample(%s, 3, seed = 1, beta = TRUE)",
    boot = "confint(%s, method = 'boot', draws = 20, seed = 1)",
    update = "varcomp(update(%s))"
  )
  said <- child_table(c(
    interrupt_code, interrupt_setup, "fresh <- lmm(y ~ x + re(X), d)",
    "RNGkind(normal.kind = 'Box-Muller')", "set.seed(5)", "before <- .Random.seed",
    sprintf("attempt('%s', %s, %g)", names(calls), calls, c(0.2, 0.2, 0.2, 0.05, 0.1)),
    "cat('state', identical(.Random.seed, before), '- \n')",
    "attempt('unseeded', simulate(fit, 1e5), 0.2)",
    "r <- rnorm(1e4)", "cat('normals', abs(mean(r)) < 0.1 && !anyNA(r), '- \n')",
    sprintf(
      "cat('%s', isTRUE(all.equal(%s, %s)), '- \n')", names(answers),
      sprintf(answers, "fit"), sprintf(answers, "fresh")
    )
  ), c("what", "holds", "seconds"))
  said <- said[said$seconds == "-", ]
  expect_setequal(said$what, c("state", names(answers), "normals"))
  expect_true(all(said$holds == "TRUE"), info = paste(said$what, said$holds))
})

test_that("predictions of new rows do not depend on the blocks that they are made in", {
  set.seed(2)
  n <- 60
  x <- matrix(rnorm(n * 20), n)
  y <- drop(x %*% rnorm(20)) + rnorm(n)
  more <- list(x = matrix(rnorm(70000 * 20), ncol = 20))
  more$x[7, 3] <- NA
  some <- c(1, 6:8, 52428:52430, 69999)
  few <- list(x = more$x[some, ])
  for (method in c("REML", "VB", "Bayes")) {
    fit <- lmm(y ~ re(x), method = method)
    all <- predict(fit, more)[some]
    # rounding of sums of 20 products
    expect_equal(unname(all), unname(predict(fit, few)), tolerance = 1e-12)
    expect_equal(
      unname(all), drop(fixef(fit) + few$x %*% ranef(fit)[[1]]), tolerance = 1e-12
    )
    expect_identical(is.na(all) & !is.nan(all), some == 7, ignore_attr = TRUE)
  }
  vb <- lmm(y ~ re(x), method = "VB")
  found <- predict(vb, more, se.fit = TRUE)$se.fit[some]
  expect_equal(unname(found), unname(predict(vb, few, se.fit = TRUE)$se.fit), tolerance = 1e-12)
})

test_that("draws of a seed are the same whatever the blocks they are made in", {
  set.seed(3)
  n <- 2000
  d <- data.frame(x = rnorm(n), g = gl(200, 10))
  d$y <- d$x + rnorm(200)[d$g] + rnorm(n)
  fit <- lmm(y ~ x + (1 | g), d)
  draws <- simulate(fit, 600, seed = 4)  # 524 columns are a block
  set.seed(4)
  noise <- matrix(rnorm(n * 600), n) * sigma(fit)
  effects <- matrix(rnorm(200 * 600), 200) * sqrt(varcomp(fit)[[1]])
  expected <- drop(cbind(1, d$x) %*% fixef(fit)) + effects[d$g, ] + noise
  # rounding of the sums
  expect_equal(unname(as.matrix(draws)), unname(expected), tolerance = 1e-12)
})
