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

# The referee of a limit: the smallest loss of -2 log-likelihood by dense algebra with a parameter
# held, free(par): list(relative, sigma2) with the constraint put in; from a few starts.
held_loss <- function(model, method, best, free, starts) {
  value <- function(par) {
    at <- free(par)
    -2 * terms_state(model, at$relative, method, at$sigma2)$loglik
  }
  found <- apply(starts, 1, function(par) {
    stats::nlminb(par, value, control = list(rel.tol = 1e-12, iter.max = 300))$objective
  })
  min(found) + 2 * best
}

# Ways to write Sigma_a [2 x 2] and sigma_b^2 of (x | a) + (1 | b) with one number held at v, from
# free numbers: list(a, b, s2).
held_points <- function(weights) {
  s2 <- function(par) exp(par[4])
  block <- function(v1, cross, rest) matrix(c(v1, cross, cross, rest), 2)
  size <- function(a) sum(weights$a * a)
  free_block <- function(par) block(par[1]^2, par[1] * par[2], par[2]^2 + par[3]^2)
  list(
    a.x = function(v, par) {
      list(a = block(par[1]^2 + par[2]^2, par[1] * sqrt(v), v), b = par[3]^2, s2 = s2(par))
    },
    `a.x.(Intercept)` = function(v, par) {
      a <- block(par[1]^2, v, v^2 / par[1]^2 + par[2]^2)
      list(a = a, b = par[3]^2, s2 = s2(par))
    },
    `cor.a.x.(Intercept)` = function(v, par) {
      a <- block(par[1]^2, v * abs(par[1] * par[2]), par[2]^2)
      list(a = a, b = par[3]^2, s2 = s2(par))
    },
    Residual = function(v, par) list(a = free_block(par), b = par[4]^2, s2 = v),
    b = function(v, par) list(a = free_block(par), b = v, s2 = s2(par)),
    pve.b = function(v, par) {
      a <- free_block(par)
      list(a = a, b = v / (1 - v) * (size(a) + s2(par)) / weights$b, s2 = s2(par))
    },
    pve.total = function(v, par) {
      a <- free_block(par)
      rest <- size(a) + weights$b * par[5]^2
      scale <- v / (1 - v) * s2(par) / rest
      list(a = a * scale, b = par[5]^2 * scale, s2 = s2(par))
    }
  )
}

test_that("at a limit the likelihood, by dense algebra and another search, has lost the quantile", {
  model <- terms_model(
    d$y, cbind(1, d$x), list(level_matrix(d$a, cbind(1, d$x)), level_matrix(d$b)), c(2, 1)
  )
  limits <- confint(fit)
  points <- held_points(list(a = fit$kappa$a, b = drop(fit$kappa$b)))
  best <- terms_maximum(model, "ML")$loglik
  set.seed(1)
  starts <- matrix(c(1, 0.1, 0.5, 0.6, 1), 4, 5, byrow = TRUE)
  starts[-1, ] <- starts[-1, ] + rnorm(15, 0, 0.3)
  for (name in names(points)) {
    for (v in limits[name, ]) {
      # an end of the range is the limit of what has not lost as much
      if (v %in% c(-1, 0, 1)) next
      loss <- held_loss(model, "ML", best, function(par) {
        at <- points[[name]](v, par)
        list(relative = list(at$a / at$s2, matrix(at$b / at$s2)), sigma2 = at$s2)
      }, starts)
      # limits are found to 1e-6 of a root of about 2, and numeric gradients lead to 1e-5
      expect_equal(loss, qchisq(0.95, 1), tolerance = 1e-5, info = paste(name, v))
    }
  }
})

test_that("a profile's root is 0 at the estimate and the quantile's at the limits", {
  names <- c("a.(Intercept)", "b", "Residual", "x", "pve.b")
  table <- profile(fit, n = 30, which = names)
  limits <- confint(fit, names)
  estimates <- c(varcomp(fit), fixef(fit), pve.b = pve(fit)$estimate[2])
  for (name in names) {
    one <- table[table$parameter == name, ]
    expect_false(is.unsorted(one$value) || is.unsorted(one$root))
    expect_equal(one$value[one$root == 0], estimates[[name]], tolerance = 1e-6)
    expect_equal(one$relative, -one$root^2 / 2)
    value <- stats::splinefun(one$root, one$value)(c(-1, 1) * qnorm(0.975))
    # splines through steps of a fifth of a root
    expect_equal(value, unname(limits[name, ]), tolerance = 1e-3)
  }
})

test_that("the default profiles are of variances and correlations, a panel each", {
  table <- profile(fit, n = 4)
  expect_setequal(
    unique(table$parameter),
    c("a.(Intercept)", "a.x", "b", "Residual", "cor.a.x.(Intercept)")
  )
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_identical(plot(table), table)
  expect_match(paste(capture.output(table), collapse = " "), "5 parameters")
  expect_error(profile(fit, which = "c"), class = "hdlmm_bad_input")
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

test_that("a correlation beside a variance of 0 has no limits, beside one that may be 0 all", {
  none <- d
  none$y <- residuals(lm(y ~ a * x, d))
  null <- lmm(y ~ x + (x | a), none)
  expect_identical(varcomp(null)[["a.x"]], 0)
  expect_identical(unname(confint(null, "cor.a.x.(Intercept)")), matrix(NA_real_, 1, 2))
  # without slopes less is lost than the quantile
  limits <- confint(fit, c("a.x", "cor.a.x.(Intercept)"))
  expect_identical(unname(limits[1, 1]), 0)
  expect_identical(unname(limits[2, ]), c(-1, 1))
})

test_that("limits of a model with hardly a row more than effects end, with nothing lost", {
  # evaluations fail beside the maximum, where a promise is less than rounding
  data <- data.frame(
    y = c(
      1.5377465108225938, -0.57339476574755011, -1.8177560913060264, -1.7775813578555484,
      2.1483330897544919, 0.31998127171596635, -0.5427855437274075, -1.1177245245756171
    ),
    x = c("u", "u", "v", "u", "w", "w", "", ""), g = factor(c(1, 2, 4, 4, 1, 4, 3, 4)),
    h = factor(c(2, 1, 2, 2, 1, 2, 2, 1))
  )
  fit <- suppressWarnings(lmm(y ~ x + (h | g), data), classes = "hdlmm_warning")
  limits <- suppressWarnings(confint(fit), classes = "hdlmm_warning")
  expect_true(all(limits[, 1] <= limits[, 2]))
  pve <- unlist(pve(fit)[1, c("lower", "upper")])
  expect_true(pve[1] >= 0 && pve[2] <= 1)
})
