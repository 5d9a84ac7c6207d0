# Corrections for small samples beside pbkrtest's on fits of lme4, and beside dense algebra.

expect_as_pbkrtest <- function(formula, data, tolerance = 1e-4) {
  own <- fixed_tests(lmm(formula, data), "Kenward-Roger")
  peer <- suppressMessages(lme4::lmer(formula, data))
  adjusted <- pbkrtest::vcovAdj(peer)
  expect_lt(max(abs(own$vcov - as.matrix(adjusted))), tolerance * max(abs(adjusted)))
  c <- nrow(own$vcov)
  df <- vapply(seq_len(c), function(j) own$df(as.numeric(seq_len(c) == j)), 0)
  theirs <- vapply(seq_len(c), function(j) {
    pbkrtest::Lb_ddf(as.numeric(seq_len(c) == j), vcov(peer), adjusted)
  }, 0)
  expect_equal(df, theirs, tolerance = tolerance)
  if (c < 2) return(invisible())
  hypotheses <- diag(c)[-1, , drop = FALSE]
  theirs <- pbkrtest::KRmodcomp(peer, hypotheses)$test["Ftest", ]
  expect_equal(
    own$joint(hypotheses), c(theirs$ndf, theirs$ddf, theirs$stat, theirs$p.value),
    tolerance = tolerance
  )
}

test_that("Kenward-Roger covariances, degrees of freedom and F tests are pbkrtest's", {
  skip_if_not_installed("pbkrtest")
  # lme4's optimiser leaves 1e-5 in the variances
  sleepstudy <- lme4::sleepstudy
  expect_as_pbkrtest(Reaction ~ Days + (1 | Subject), sleepstudy)
  expect_as_pbkrtest(Reaction ~ Days + (Days | Subject), sleepstudy)
  expect_as_pbkrtest(Reaction ~ Days + (Days || Subject), sleepstudy)
  expect_as_pbkrtest(Reaction ~ Days + (Days | Subject), sleepstudy[c(1:7, 12:60, 90:131), ])
  expect_as_pbkrtest(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin)
  expect_as_pbkrtest(
    yield ~ factor(nitro) * Variety + (1 | Block / Variety), as.data.frame(nlme::Oats)
  )
})

test_that("at a boundary all variances count as free, as in pbkrtest", {
  skip_if_not_installed("pbkrtest")
  set.seed(1)
  d <- data.frame(g = gl(8, 3), x = rnorm(24))
  d$y <- rnorm(24) + d$x
  expect_identical(lmm(y ~ x + (1 | g), d)$boundary, "random")
  expect_as_pbkrtest(y ~ x + (1 | g), d)
  expect_as_pbkrtest(y ~ x + (x | g), d)
})

test_that("summary, anova and emmeans take the same Kenward-Roger tests", {
  skip_if_not_installed("pbkrtest")
  skip_if_not_installed("emmeans")
  oats <- as.data.frame(nlme::Oats)
  oats$nitro <- factor(oats$nitro)
  oats <- oats[-c(1, 5, 30), ]
  fit <- lmm(yield ~ Variety + nitro + (1 | Block / Variety), oats)
  peer <- lme4::lmer(yield ~ Variety + nitro + (1 | Block / Variety), oats)
  table <- summary(fit, ddf = "Kenward-Roger")$coefficients
  expect_equal(unname(table[, "Std. Error"]^2), unname(diag(as.matrix(pbkrtest::vcovAdj(peer)))),
    tolerance = 1e-4
  )
  tests <- anova(fit, ddf = "Kenward-Roger")
  drop <- pbkrtest::KRmodcomp(peer, update(peer, . ~ . - nitro))$test["Ftest", ]
  expect_equal(
    unlist(tests["nitro", c("Df", "Den Df", "F value")], use.names = FALSE),
    c(drop$ndf, drop$ddf, drop$stat), tolerance = 1e-4
  )
  expect_match(attr(tests, "heading"), "Kenward-Roger")
  expect_output(print(summary(fit, ddf = "Kenward-Roger")), "Kenward-Roger's degrees of freedom")
  own <- as.data.frame(emmeans::emmeans(fit, "Variety", ddf = "Kenward-Roger"))
  theirs <- as.data.frame(emmeans::emmeans(peer, "Variety", lmer.df = "kenward-roger"))
  expect_equal(own$SE, theirs$SE, tolerance = 1e-4)
  expect_equal(own$df, theirs$df, tolerance = 1e-4)
})

# E and P_i of V = sum_i sigma_i V_i by dense algebra, in the user's units.
dense_weights <- function(sigma, slopes, z, k, point) {
  v <- Reduce(`+`, Map(`*`, sigma, slopes))
  inverse <- solve(v)
  inner <- solve(t(z) %*% inverse %*% z)
  total <- Reduce(`+`, Map(`*`, sigma, k))
  drop(inverse %*% (total + z %*% inner %*% (point - t(z) %*% inverse %*% total)))
}

test_that("prediction errors add the variance of the derivative of the predictor's weights", {
  # a wide term, weights, a new row: derivatives by differences, O(step^2)
  set.seed(3)
  n <- 24
  d <- data.frame(x = rnorm(n), w = runif(n, 0.5, 2))
  d$X <- matrix(rnorm(n * 40), n)
  d$y <- d$x + drop(d$X %*% rnorm(40, sd = 0.2)) + rnorm(n) / sqrt(d$w)
  fit <- lmm(y ~ x + re(X), d[-1, ], weights = w)
  z <- cbind(1, d$x)
  kernel <- tcrossprod(d$X)
  slopes <- list(kernel[-1, -1], diag(1 / d$w[-1]))
  k <- list(kernel[-1, 1], 0 * kernel[-1, 1])
  sigma <- unname(varcomp(fit))
  weights <- function(sigma) dense_weights(sigma, slopes, z[-1, ], k, z[1, ])
  moved <- vapply(1:2, function(i) {
    step <- replace(c(0, 0), i, 1e-4 * sigma[i])
    (weights(sigma + step) - weights(sigma - step)) / (2e-4 * sigma[i])
  }, numeric(n - 1))
  v <- Reduce(`+`, Map(`*`, sigma, slopes))
  solved <- solve(v, z[-1, ])
  p <- solve(v) - solved %*% solve(t(z[-1, ]) %*% solved, t(solved))
  information <- outer(1:2, 1:2, Vectorize(function(i, j) {
    sum(diag(p %*% slopes[[i]] %*% p %*% slopes[[j]])) / 2
  }))
  added <- sum(solve(information) * (t(moved) %*% v %*% moved))
  se <- function(...) predict(fit, d[1, ], se.fit = TRUE, ...)$se.fit[[1]]
  expect_equal(se(correction = "kackar-harville")^2 - se()^2, added, tolerance = 1e-6)
  expect_equal(se(correction = "prasad-rao")^2 - se()^2, 2 * added, tolerance = 1e-6)
})

test_that("of the fixed part twice the addition is Kenward and Roger's adjustment", {
  fit <- lmm(Reaction ~ Days + (Days | Subject), lme4::sleepstudy)
  new <- data.frame(Days = c(0, 3.5, 20))
  z <- cbind(1, new$Days)
  se <- predict(fit, new, random = FALSE, se.fit = TRUE, correction = "prasad-rao")$se.fit
  adjusted <- fixed_tests(fit, "Kenward-Roger")$vcov
  expect_equal(unname(se)^2, rowSums((z %*% adjusted) * z), tolerance = 1e-10)
})

test_that("limits with a correction are wider, and fitted rows are those of the same new rows", {
  fit <- lmm(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin)
  plain <- predict(fit, interval = "prediction")
  wide <- predict(fit, interval = "prediction", correction = "kackar-harville")
  expect_true(all(wide[, "lwr"] < plain[, "lwr"] & wide[, "upr"] > plain[, "upr"]))
  new <- predict(fit, lme4::Penicillin, interval = "prediction", correction = "kackar-harville")
  expect_equal(new, wide, tolerance = 1e-8)
})

test_that("least squares needs no correction, and what has no theory of it stops", {
  d <- data.frame(x = c(1, 2, 4, 7, 8), y = c(2, 1, 5, 4, 9))
  ols <- lmm(y ~ x, d)
  expect_equal(
    summary(ols, ddf = "Kenward-Roger")$coefficients, summary(ols)$coefficients
  )
  expect_equal(
    predict(ols, d, interval = "confidence", correction = "prasad-rao"),
    predict(ols, d, interval = "confidence")
  )
  # nothing is estimated of a mean of 0
  none <- lmm(Reaction ~ 0 + (1 | Subject), lme4::sleepstudy)
  for (correction in c("kackar-harville", "prasad-rao")) {
    of_zero <- predict(none, lme4::sleepstudy[1:2, ], random = FALSE, se.fit = TRUE,
      interval = "confidence", correction = correction)
    expect_identical(unname(c(of_zero$fit, of_zero$se.fit)), numeric(8))
    expect_false(anyNA(of_zero$df))
  }
  for (method in c("ML", "MAP", "VB", "Bayes")) {
    fit <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy, method = method)
    expect_error(summary(fit, ddf = "Kenward-Roger"), "REML", class = "hdlmm_unsupported")
    expect_error(
      predict(fit, correction = "prasad-rao", se.fit = TRUE), "REML", class = "hdlmm_unsupported"
    )
  }
})

test_that("car's F tests of types II and III and of single hypotheses are those of fits of lme4", {
  skip_if_not_installed("car")
  skip_if_not_installed("pbkrtest")
  oats <- as.data.frame(nlme::Oats)
  oats$nitro <- factor(oats$nitro)
  oats <- oats[-c(2, 9, 30, 31), ]
  formula <- yield ~ Variety * nitro + (1 | Block / Variety)
  fit <- lmm(formula, oats)
  peer <- lme4::lmer(formula, oats)
  for (type in c("II", "III")) {
    own <- car::Anova(fit, type = type, test.statistic = "F")
    theirs <- car::Anova(peer, type = type, test.statistic = "F")
    expect_identical(dimnames(own), dimnames(theirs))
    expect_equal(as.matrix(own), as.matrix(theirs), tolerance = 1e-4)
  }
  hypothesis <- c("VarietyMarvellous = 0", "nitro0.2 = nitro0.4")
  own <- car::linearHypothesis(fit, hypothesis, test = "F")
  theirs <- car::linearHypothesis(peer, hypothesis, test = "F")
  expect_equal(as.matrix(own), as.matrix(theirs), tolerance = 1e-4)
  own <- car::linearHypothesis(fit, hypothesis)
  expect_equal(own$Chisq, car::linearHypothesis(peer, hypothesis)$Chisq, tolerance = 1e-4)
  expect_error(car::Anova(fit, test = "F", vcov. = vcov(fit)), class = "hdlmm_unsupported")
  by_ml <- lmm(formula, oats, method = "ML")
  expect_error(car::Anova(by_ml, test.statistic = "F"), "REML", class = "hdlmm_unsupported")
})
