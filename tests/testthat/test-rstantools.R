# Generics of rstantools and bayesplot, beside closed forms and what those packages say themselves.

skip_if_not_installed("rstantools")

boys <- lmm(height ~ age + (1 | Subject), data = nlme::Oxboys)
bayes <- update(boys, method = "Bayes")

test_that("draws of the mean have its mean and variance, and are those that predictions add to", {
  new <- data.frame(age = c(0, 1), Subject = c("1", "2"))
  for (fit in list(boys, bayes)) {
    for (newdata in list(NULL, new)) {
      drawn <- rstantools::posterior_epred(fit, newdata, draws = 4000, seed = 1)
      exact <- predict(fit, newdata, se.fit = TRUE)
      # five standard errors of a mean, and of a standard deviation of nearly normal draws
      expect_true(all(abs(colMeans(drawn) - exact$fit) < 5 * exact$se.fit / sqrt(4000)))
      expect_equal(apply(drawn, 2, sd), exact$se.fit, tolerance = 0.06, ignore_attr = TRUE)
    }
    noise <- posterior_predict(fit, draws = 400, seed = 2) -
      rstantools::posterior_epred(fit, draws = 400, seed = 2)
    # 93600 normal numbers: 5 standard errors
    expect_equal(mean(noise^2), varcomp(fit)[["Residual"]], tolerance = 0.03)
    expect_identical(
      rstantools::posterior_linpred(fit, draws = 9, seed = 3),
      rstantools::posterior_epred(fit, draws = 9, seed = 3)
    )
  }
})

test_that("log densities are those of the drawn means and variances", {
  fit <- update(boys, weights = age + 2)
  w <- nlme::Oxboys$age + 2
  drawn <- rstantools::posterior_epred(fit, draws = 7, seed = 4)
  own <- rstantools::log_lik(fit, draws = 7, seed = 4)
  y <- nlme::Oxboys$height
  # the variances of REML are held
  sd <- sigma(fit) / sqrt(w)
  by_hand <- t(apply(drawn, 1, function(mean) dnorm(y, mean, sd, log = TRUE)))
  # rounding: units of the core are powers of two
  expect_equal(unname(own), unname(by_hand), tolerance = 1e-12)
})

test_that("loo's importance sampling of log_lik() is our closed form", {
  skip_if_not_installed("loo")
  for (fit in list(boys, bayes)) {
    draws <- rstantools::log_lik(fit, draws = 4000, seed = 5)
    sampled <- suppressWarnings(loo::loo(draws, r_eff = rep(1, ncol(draws))))
    # the error of the sum by importance sampling, of 234 rows with k up to 0.7
    expect_equal(
      sampled$estimates[["elpd_loo", "Estimate"]], loo(fit)$elpd, tolerance = 0.005
    )
  }
})

test_that("R squared by draw is that of Gelman and others", {
  drawn <- rstantools::posterior_epred(bayes, draws = 50, seed = 6)
  noise <- posterior_sample(bayes, 50, seed = 6)$variances[, "Residual"]
  explained <- apply(drawn, 1, var)
  own <- rstantools::bayes_R2(bayes, draws = 50, seed = 6)
  # variances are drawn before effects, from one seed
  expect_equal(own, explained / (explained + noise), tolerance = 1e-10, ignore_attr = TRUE)
  # their method for matrices has the variance of residuals in the place of sigma^2
  theirs <- rstantools::bayes_R2(drawn, nlme::Oxboys$height)
  expect_equal(mean(own), mean(theirs), tolerance = 0.01)
})

test_that("pp_check() draws the response and draws of it", {
  skip_if_not_installed("bayesplot")
  picture <- bayesplot::pp_check(bayes, draws = 8, seed = 7)
  expect_identical(
    levels(factor(picture$data$rep_label)), levels(factor(
      bayesplot::ppc_dens_overlay(nlme::Oxboys$height,
        posterior_predict(bayes, draws = 8, seed = 7))$data$rep_label
    ))
  )
  expect_equal(sort(unique(picture$data$value))[1:3], sort(unique(c(
    nlme::Oxboys$height, posterior_predict(bayes, draws = 8, seed = 7)
  )))[1:3])
  expect_true(ggplot2::is.ggplot(bayesplot::pp_check(boys, "scatter_avg", draws = 3)))
  expect_error(bayesplot::pp_check(boys, "density"), "dens_overlay", class = "hdlmm_bad_input")
  expect_error(rstantools::log_lik(boys, newdata = 1), "newdata", class = "hdlmm_bad_input")
})
