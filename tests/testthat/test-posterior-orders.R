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

test_that("a mean that does not exist is replaced by the median, and says so", {
  for (algorithm in c("quadrature", "gibbs")) {
    fit <- fit_two(prior_half_t(1, 1), algorithm)
    summary <- posterior_summary(fit)
    expect_identical(summary["g", "mean"], summary["g", "50 %"])
    expect_identical(summary["g", "sd"], Inf)
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
    q <- log(hdlmm:::variance_quantiles(fit$posterior, "random", 1, p))
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
