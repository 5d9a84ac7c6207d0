# Intervals of fits with several random terms: profiles against lme4's, Wald limits by their scale,
# the bootstrap by what it is of.

d <- small_terms_data(4)
fit <- lmm(y ~ x + (x | a) + (1 | b), d, method = "ML")

test_that("profile limits are those of lme4's profiles of standard deviations", {
  skip_if_not_installed("lme4")
  cases <- terms_cases()
  # lme4 profiles fits by ML, with limits by splines between points
  for (name in c("slope", "nested")) {
    case <- cases[[name]]
    own <- confint(suppressMessages(lmm(case[[1]], case[[2]], method = "ML")))
    other <- suppressWarnings(confint(
      lme4::lmer(case[[1]], case[[2]], REML = FALSE), quiet = TRUE, oldNames = FALSE
    ))
    is_fixed <- !grepl("^(sd|cor)_|^sigma$", rownames(other))
    fixed <- rownames(other)[is_fixed]
    expect_equal(unname(own[fixed, ]), unname(other[fixed, ]), tolerance = 1e-4)
    wanted <- if (name == "slope") {
      c("Subject.(Intercept)", "cor.Subject.Days.(Intercept)", "Subject.Days", "Residual")
    } else {
      c("cask:batch", "batch", "Residual")
    }
    limits <- other[!is_fixed, ]
    is_deviation <- !grepl("^cor_", rownames(limits))
    limits[is_deviation, ] <- limits[is_deviation, ]^2
    expect_equal(unname(own[wanted, ]), unname(limits), tolerance = 1e-3)
  }
})

test_that("the gradient along every constraint is that by differences", {
  held <- list(
    variance = list(kind = "variance", term = 1L, at = 2L),
    covariance = list(kind = "covariance", term = 1L, at = 2:1),
    correlation = list(kind = "correlation", term = 1L, at = 2:1),
    Residual = list(kind = "Residual", term = NA, at = 1L),
    share = list(kind = "share", term = 2L), total = list(kind = "share", term = NA)
  )
  values <- c(0.4, 0.05, 0.3, 0.2, 0.3, 0.7)
  for (i in seq_along(held)) {
    model <- hdlmm:::profile_model(fit, held[[i]])
    set.seed(i)
    par <- hdlmm:::profile_start(fit, model)
    par <- par + rnorm(length(par), 0, 0.1)
    value <- function(par) hdlmm:::profile_at_point(par, values[i], model)$f
    slopes <- vapply(seq_along(par), function(j) {
      step <- 1e-5 * (seq_along(par) == j)
      (value(par + step) - value(par - step)) / 2e-5
    }, 0)
    # central differences of a function of order 100
    expect_equal(
      hdlmm:::profile_at_point(par, values[i], model)$gradient, slopes, tolerance = 1e-6,
      info = names(held)[i]
    )
  }
})

test_that("the loss of log-likelihood is none at the estimate, and the quantile at a limit", {
  limits <- confint(fit, c("a.x", "pve.b"))
  loss <- list(
    a.x = hdlmm:::terms_profile(fit, hdlmm:::held_parameter(fit, "a.x", "variance")),
    pve.b = hdlmm:::terms_profile(fit, hdlmm:::held_parameter(fit, "pve.b", "pve"))
  )
  here <- hdlmm:::held_parameter(fit, "a.x", "variance")
  expect_equal(loss$a.x(here$estimate), 0, tolerance = 1e-6)
  expect_equal(loss$pve.b(pve(fit)$estimate[2]), 0, tolerance = 1e-6)
  inside <- limits["a.x", 2] * here$estimate / varcomp(fit)[["a.x"]]
  # limits are found to 1e-4 of a standard error
  expect_equal(loss$a.x(inside), qchisq(0.95, 1), tolerance = 1e-3)
  expect_equal(loss$pve.b(limits["pve.b", 2]), qchisq(0.95, 1), tolerance = 1e-3)
})

test_that("an estimate of 0 has a lower limit of 0 and an upper one beyond", {
  flat <- d
  flat$y <- residuals(lm(y ~ b, d))
  null <- lmm(y ~ x + (1 | a) + (1 | b), flat)
  expect_identical(varcomp(null)[["b"]], 0)
  limits <- confint(null, c("b", "pve.b"))
  expect_identical(unname(limits[, 1]), c(0, 0))
  expect_true(all(limits[, 2] > 0 & is.finite(limits[, 2])))
  expect_true(all(is.na(confint(null, c("b", "pve.b"), method = "wald"))))
})

test_that("Wald limits have their centre on the scale they are made on", {
  limits <- confint(fit, method = "wald")
  v <- varcomp(fit)
  middle <- function(name, f) mean(f(limits[name, ]))
  for (name in c("a.(Intercept)", "a.x", "b", "Residual")) {
    expect_equal(middle(name, log), log(v[[name]]), tolerance = 1e-10)
  }
  correlation <- VarCorr(fit)$sdcor[3]
  expect_equal(middle("cor.a.x.(Intercept)", atanh), atanh(correlation), tolerance = 1e-10)
  expect_equal(middle("a.x.(Intercept)", identity), v[["a.x.(Intercept)"]], tolerance = 1e-10)
  expect_equal(middle("pve.b", qlogis), qlogis(pve(fit)$estimate[2]), tolerance = 1e-10)
})

test_that("units of y change limits as they change the parameters", {
  scaled <- d
  scaled$y <- 1000 * d$y
  other <- confint(lmm(y ~ x + (x | a) + (1 | b), scaled, method = "ML"))
  own <- confint(fit)
  unit <- ifelse(grepl("^(cor|pve)[.]", rownames(own)), 1, 1e6)
  unit[1:2] <- 1000
  expect_equal(other, own * unit, tolerance = 1e-3)
})

test_that("the bootstrap is of fits to data drawn from the fit", {
  draws <- hdlmm:::bootstrap(fit, 60, 1)
  expect_identical(colnames(draws), rownames(confint(fit, method = "wald")))
  # sixty draws: means to a few standard errors
  error <- apply(draws[, 1:2], 2, sd) / sqrt(60)
  expect_true(all(abs(colMeans(draws[, 1:2]) - fixef(fit)) < 4 * error))
  expect_equal(mean(draws[, "Residual"]), varcomp(fit)[["Residual"]], tolerance = 0.15)
  expect_identical(
    confint(fit, method = "boot", draws = 9, seed = 3),
    confint(fit, method = "boot", draws = 9, seed = 3)
  )
})

test_that("the test of a term rejects what is there and not what is not", {
  set.seed(9)
  strong <- d
  strong$y <- strong$y + 4 * rnorm(5)[d$b]
  seen <- test_random(lmm(y ~ x + (1 | a) + (1 | b), strong), draws = 39, seed = 1, term = "b")
  expect_identical(seen$method, c("bootstrap", "mixture"))
  expect_true(all(seen$p_value < 0.05))
  flat <- d
  flat$y <- residuals(lm(y ~ b, d))
  unseen <- test_random(lmm(y ~ x + (1 | a) + (1 | b), flat), draws = 9, seed = 1, term = "b")
  expect_identical(unseen$p_value, c(1, 1))
  expect_error(test_random(fit, term = "c"), class = "hdlmm_bad_input")
})
