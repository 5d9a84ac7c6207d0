# Priors, posteriors and factors of models at the edge: designs of zeros, no fixed effects, columns
# of any size, densities without a maximum.

edge <- local({
  set.seed(1)
  n <- 20
  d <- data.frame(y = rnorm(n), x = rnorm(n), g = gl(4, 5))
  d$zero <- matrix(0, n, 3)
  d$wide <- matrix(rnorm(n * 50), n)
  d$y <- d$y + drop(d$wide %*% rnorm(50, sd = 0.1))
  d
})
proper <- lmm_prior(random = prior_half_t(1, 2.5), residual = prior_half_t(1, 2.5))
quietly <- function(expr) suppressMessages(suppressWarnings(expr))

test_that("a design of zeros has no profile but that of a likelihood, and its plot says so", {
  for (method in c("MAP", "VB", "Bayes")) {
    fit <- quietly(lmm(y ~ x + re(zero), edge, method = method))
    expect_error(profile(fit), "every column of `zero`", class = "hdlmm_not_identified")
  }
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  for (method in c("REML", "MAP", "VB", "Bayes")) {
    fit <- quietly(lmm(y ~ x + re(zero), edge, method = method))
    expect_no_error(plot(fit))
  }
})

test_that("models without fixed effects are drawn from by every method", {
  for (method in c("ML", "MAP", "VB", "Bayes")) {
    for (formula in c(y ~ 0 + re(wide), y ~ 0 + (1 | g))) {
      arguments <- list(formula, edge, method = method)
      if (method != "ML") arguments$prior <- proper
      fit <- quietly(do.call(lmm, arguments))
      expect_identical(dim(posterior_sample(fit, 3, seed = 1, beta = TRUE)$omega), c(3L, 0L))
      for (random in c(TRUE, FALSE)) {
        y <- posterior_predict(fit, draws = 3, seed = 1, random = random)
        expect_true(all(is.finite(y)))
      }
    }
  }
})

test_that("a normal prior acts on a column of any size as on the column brought to size one", {
  small <- transform(edge, t = seq(-1, 1, length.out = 20)^2)
  large <- transform(small, t = 1.6e9 + 1e7 * t)
  # omega of the large column is 1e-7 times that of the small one; the intercept has a wide prior
  wide <- 1e12
  at <- function(d, sd, method) {
    prior <- lmm_prior(
      random = prior_inverse_gamma(2, 1), residual = prior_inverse_gamma(2, 1),
      fixed = prior_normal(0, c(wide, sd))
    )
    quietly(lmm(y ~ t + (1 | g), d, method = method, prior = prior))
  }
  for (method in c("MAP", "VB", "Bayes")) {
    one <- at(small, 0.5, method)
    other <- at(large, 0.5e-7, method)
    # 1e-6: the mean of the large column is 160 of its standard deviations, and the prior of both
    # coefficients goes through a basis of that condition
    expect_equal(fixef(other)[["t"]] * 1e7, fixef(one)[["t"]], tolerance = 1e-6)
    expect_equal(varcomp(other), varcomp(one), tolerance = 1e-6)
  }
  dates <- transform(edge, t = as.POSIXct("2020-01-01", tz = "UTC") + 1e7 * x)
  prior <- lmm_prior(fixed = prior_normal(1, 1e-3))
  for (method in c("MAP", "Bayes")) {
    fit <- quietly(lmm(y ~ t + (1 | g), dates, method = method, prior = prior))
    expect_true(all(is.finite(fixef(fit))))
  }
})

test_that("MAP blames the prior where the likelihood is finite, and the likelihood where not", {
  infinite <- lmm_prior(random = prior_flat(), residual = prior_jeffreys())
  message <- expect_error(
    lmm(y ~ 1 + re(wide), edge, method = "MAP", prior = infinite),
    "prior density does", class = "hdlmm_unbounded_posterior"
  )
  expect_false(grepl("likelihood is unbounded", conditionMessage(message)))
  expect_false(profile(quietly(lmm(y ~ 1 + re(wide), edge, method = "ML")))$unbounded)
  # centred columns: the likelihood itself has no maximum
  centred <- edge
  centred$wide <- scale(edge$wide, scale = FALSE)
  flat <- lmm_prior(random = prior_flat(), residual = prior_flat())
  expect_condition(
    lmm(y ~ 1 + re(wide), centred, method = "MAP", prior = flat),
    class = "hdlmm_unbounded_likelihood"
  )
  # a density of the residual variance that is finite at 0 has a maximum
  half_t <- lmm_prior(random = prior_flat(), residual = prior_half_t(3, 1))
  expect_no_warning(lmm(y ~ 1 + re(wide), edge, method = "MAP", prior = half_t))
})

test_that("normal priors of any width have a posterior or an error of ours", {
  for (sd in c(1e-150, 1e-80, 1e-3, 1e80, 1e150)) {
    prior <- lmm_prior(
      random = prior_inverse_gamma(2, 1), residual = prior_inverse_gamma(2, 1),
      fixed = prior_normal(0, sd)
    )
    fit <- quietly(lmm(y ~ x + (1 | g), edge, method = "Bayes", prior = prior))
    expect_true(all(is.finite(fixef(fit))))
    expect_true(all(is.finite(varcomp(fit))))
    if (sd < 1e-10) expect_lt(max(abs(fixef(fit))), 1e-15)  # rounding of y
  }
  narrow <- lmm_prior(fixed = prior_normal(0, 1e-160))
  expect_error(
    lmm(y ~ x + (1 | g), edge, method = "Bayes", prior = narrow), class = "hdlmm_overflow"
  )
  # a response of which nothing but its distance from the prior is a double
  away <- lmm_prior(fixed = prior_normal(1, 0.001))
  for (method in c("Bayes", "MAP", "VB")) {
    for (offset in c(1e308, -1e200)) {
      expect_error(
        lmm(y ~ x + (1 | g), edge, offset = rep(offset, nrow(edge)), method = method, prior = away),
        class = "hdlmm_overflow"
      )
    }
  }
})
