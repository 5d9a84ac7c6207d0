# Two groups leave the variance between them one direction: the likelihood falls like 1 / sd.
two_groups <- local({
  set.seed(1)
  d <- data.frame(g = gl(2, 10), x = rnorm(20))
  d$y <- rnorm(20) + as.numeric(d$g)
  d
})

fit_two <- function(random, algorithm = "quadrature", formula = y ~ x + (1 | g)) {
  prior <- lmm_prior(random = random, residual = prior_half_t(4, 1))
  control <- lmm_control(seed = 1, draws = 200, warmup = 100, chains = 2)
  suppressMessages(lmm(formula, two_groups, "Bayes", algorithm, prior = prior, control = control))
}

test_that("a mean that does not exist is NA and said, whatever shows it", {
  for (algorithm in c("quadrature", "gibbs")) {
    fit <- fit_two(prior_half_t(1, 1), algorithm)
    summary <- posterior_summary(fit)
    expect_identical(unname(summary["g", c("mean", "sd")]), c(NA_real_, NA_real_))
    expect_true(all(summary["g", 3:5] > 0))
    expect_identical(varcomp(fit)[["g"]], NA_real_)
    shown <- as.data.frame(VarCorr(fit))[1, ]
    expect_true(all(is.na(shown[c("vcov", "sdcor", "se")])))
    deviations <- generics::tidy(fit)
    expect_identical(deviations$estimate[deviations$group %in% "g"], NA_real_)
    expect_output(print(summary(fit)), "at the posterior medians")
    expect_true(is.na(vcov(fit, full = TRUE)["var_g", "var_g"]))
    table <- suppressMessages(compare_methods(fit, "REML"))
    expect_identical(table$distance_g, NA_real_)
    expect_error(simulate(fit), "posterior_predict", class = "hdlmm_undefined")
    expect_true(all(is.finite(posterior_predict(fit, draws = 3, seed = 1))))
    expect_match(fit$notes, "`g` has no mean", all = FALSE)
    expect_true(is.finite(summary["Residual", "sd"]))
  }
})

test_that("effects that grow with a variance without a mean have no standard deviation", {
  fit <- fit_two(prior_half_t(1, 1))
  summary <- posterior_summary(fit, c("(Intercept)", "x", "1"))
  expect_identical(is.infinite(summary[, "sd"]), c("(Intercept)" = TRUE, x = FALSE, "1" = TRUE))
  expect_identical(unname(sqrt(diag(vcov(fit)))), unname(summary[1:2, "sd"]))
})

test_that("few rows leave the residual variance, and what rests on it, without moments", {
  set.seed(2)
  for (n in 3:6) {
    d <- data.frame(y = rnorm(n))
    d$X <- matrix(rnorm(n * 20), n)
    fit <- suppressMessages(lmm(y ~ re(X), d, "Bayes"))
    # tau^2 given h is inverse gamma with shape (n - 1) / 2, under p(tau^2) = 1 / tau^2
    shape <- (n - 1) / 2
    expect_identical(is.na(sigma(fit)), shape <= 1)
    expect_identical(is.na(varcomp(fit)[["X"]]), shape <= 1)
    sd <- posterior_summary(fit)["Residual", "sd"]
    expect_identical(is.finite(sd), shape > 2)
    se <- predict(fit, se.fit = TRUE)$se.fit
    expect_identical(all(is.infinite(se)), shape <= 1)
    expect_identical(is.finite(vcov(fit)[1, 1]), shape > 1)
    # left out, a row leaves one degree of freedom less
    expect_identical(all(is.finite(loo(fit)$table$variance)), shape - 0.5 > 1)
    expect_output(print(summary(fit)), "Variances")
  }
})

test_that("what grows with a variance without a mean has no variance, what does not has", {
  fit <- fit_two(prior_half_t(1, 1))
  new <- data.frame(x = c(0, 0), g = c("1", "new"))
  se <- predict(fit, new, se.fit = TRUE, allow.new.levels = TRUE)$se.fit
  expect_identical(is.infinite(unname(se)), c(FALSE, TRUE))
  # a normal prior of the fixed effects bounds them, and the levels that the data tie to them
  prior <- lmm_prior(
    random = prior_half_t(1, 1), residual = prior_half_t(4, 1), fixed = prior_normal(0, 2)
  )
  fit <- suppressMessages(lmm(y ~ x + (1 | g), two_groups, "Bayes", prior = prior))
  expect_true(all(is.finite(vcov(fit))))
  expect_true(all(is.finite(attr(ranef(fit, se = TRUE), "se")[[1]])))
})

test_that("a variational factor without a mean is NA, too", {
  d <- two_groups
  d$one <- d$x^2
  prior <- lmm_prior(random = prior_inverse_gamma(0.4, 1), residual = prior_inverse_gamma(1, 1))
  fit <- suppressMessages(lmm(y ~ x + re(one), d, "VB", prior = prior))
  # shape 0.4 + 1 / 2
  expect_identical(varcomp(fit)[["one"]], NA_real_)
  expect_match(fit$notes, "no mean", all = FALSE)
  expect_output(print(summary(fit)), "Variances")
})

test_that("the variance has a mean from two degrees of freedom on, and a deviation from four", {
  # q = 1: E sigma^2k exists where 1 / 2 + df / 2 > k
  at <- function(df) posterior_summary(fit_two(prior_half_t(df, 1)), "g")
  expect_identical(at(2)[, "sd"], Inf)
  expect_false(identical(at(2)[, "mean"], at(2)[, "50 %"]))
  expect_true(is.finite(at(4)[, "sd"]))
})

test_that("orders are those of the tail of the posterior density", {
  # the log density of log sigma_b^2 falls with this slope, the residual variance integrated out
  for (random in list(prior_half_t(3, 1), prior_inverse_gamma(0.7, 1))) {
    fit <- fit_two(random)
    order <- fit$posterior$orders[["random"]]
    p <- 1 - c(1e-3, 1e-4)
    q <- log(hdlmm:::variance_quantiles(fit, "random", p))
    expect_equal(log(10) / diff(q), order, tolerance = 0.05)
  }
})

test_that("a vague beta prior of pve near one leaves the variance without a deviation", {
  prior <- lmm_prior(pve = prior_beta(1, 0.5), total = prior_jeffreys())
  fit <- suppressMessages(lmm(y ~ x + (1 | g), two_groups, "Bayes", prior = prior))
  # q / 2 + b = 1
  expect_equal(fit$posterior$orders[["random"]], 1)
  expect_match(fit$notes, "no mean", all = FALSE)
})

test_that("methods are compared on a design of zeros", {
  two_groups$zero <- matrix(0, 20, 3)
  fit <- suppressWarnings(lmm(y ~ x + re(zero), two_groups))
  table <- compare_methods(fit)
  expect_true(all(table$pve == 0))
})

test_that("a normal prior of fixed effects that explain everything is refused", {
  two_groups$line <- 1 + two_groups$x
  prior <- lmm_prior(fixed = prior_normal(0, 10))
  expect_error(
    lmm(line ~ x + (1 | g), two_groups, "MAP", prior = prior), class = "hdlmm_exact_fit"
  )
})
