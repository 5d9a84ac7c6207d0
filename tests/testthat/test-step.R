# step() and MASS::stepAIC() select among the fixed effects; the random term stays.

step_data <- local({
  set.seed(11)
  d <- data.frame(x = stats::rnorm(80), z = stats::rnorm(80), u = stats::rnorm(80))
  d$g <- gl(16, 5)
  d$f <- gl(3, 1, 80, labels = c("a", "b", "c"))
  d$X <- matrix(stats::rnorm(80 * 100), 80)
  d$y <- d$x + d$x * d$z + 1.5 * stats::rnorm(16)[d$g] + stats::rnorm(80)
  d
})

# The labels of the fixed part, sorted within a label and among them.
terms_of <- function(fit) {
  labels <- attr(terms(fit), "term.labels")
  sort(vapply(strsplit(labels, ":"), function(x) paste(sort(x), collapse = ":"), ""))
}

test_that("step() and stepAIC() walk the path of lme4's ML fits and keep the random term", {
  skip_if_not_installed("lme4")
  skip_if_not_installed("MASS")
  d <- step_data
  theirs <- lme4::lmer(y ~ x + z + u + f + (1 | g), d, REML = FALSE)
  for (method in c("REML", "ML")) {
    fit <- lmm(y ~ x + z + u + f + (1 | g), d, method = method)
    # 1e-6: lmer() stops its search at 1e-6 or so of the deviance
    expect_equal(drop1(fit)$AIC, drop1(theirs)$AIC, tolerance = 1e-6)
    for (search in list(stats::step, MASS::stepAIC)) {
      chosen <- search(fit, trace = 0)
      expect_s3_class(chosen, "hdlmm")
      expect_identical(chosen$method, method)
      best <- lme4::lmer(formula(chosen), d, REML = FALSE)
      expect_equal(extractAIC(chosen)[2], stats::AIC(best), tolerance = 1e-6)
      expect_true(all(drop1(best)$AIC >= stats::AIC(best)))
      expect_match(deparse1(formula(chosen)), "(1 | g)", fixed = TRUE)
      expect_identical(varcomp(chosen), varcomp(lmm(formula(chosen), d, method = method)))
      expect_equal(chosen$anova$AIC[1], stats::AIC(theirs), tolerance = 1e-6)
    }
  }
})

test_that("a scope in both directions adds and drops fixed terms alone", {
  d <- step_data
  start <- lmm(y ~ u + (1 | g), d)
  scopes <- list(
    list(lower = ~ 1, upper = ~ x * z + u + f), ~ x * z + u + f, ~ x * z + u + f + (1 | g)
  )
  results <- lapply(scopes, function(scope) step(start, scope, direction = "both", trace = 0))
  for (fit in results) {
    expect_true("x:z" %in% terms_of(fit))
    expect_identical(terms_of(fit), terms_of(results[[1]]))
    expect_identical(names(fit$designs), "g")
    # no neighbour is better by ML fits of their own
    own <- extractAIC(fit)[2]
    for (label in stats::drop.scope(formula(terms(fit)))) {
      expect_gt(stats::AIC(update(fit, paste("~ . -", label), method = "ML")), own)
    }
  }
  # `.^2` of a formula with a random term
  squared <- step(lmm(y ~ x + z + u + re(X), d), ~ .^2, trace = 0)
  expect_true("x:z" %in% terms_of(squared))
  expect_identical(names(squared$designs), "X")
  bic <- step(start, scopes[[1]], trace = 0, k = log(80))
  expect_lte(extractAIC(bic, k = log(80))[2], extractAIC(start, k = log(80))[2])
})

test_that("the result of step() agrees with itself: formula, terms, call and model", {
  d <- step_data
  for (fit in list(lmm(y ~ x * z + re(X), d), lmm(y ~ x + z + u + re(X), d))) {
    chosen <- step(fit, trace = 0)
    again <- eval(chosen$call)
    expect_identical(deparse1(chosen$call$formula), deparse1(formula(chosen)))
    expect_identical(terms_of(again), terms_of(chosen))
    # 1e-10: the same model, decomposed from the stored and from the given columns
    expect_equal(varcomp(again), varcomp(chosen), tolerance = 1e-10)
    expect_equal(predict(chosen, d[1:3, ]), predict(again, d[1:3, ]), tolerance = 1e-10)
    expect_identical(nrow(chosen$anova), if (identical(terms_of(fit), terms_of(chosen))) 1L else 2L)
  }
})

test_that("step() goes on from the rows of the fit when `data` names others", {
  d <- step_data
  fit <- lmm(y ~ x + z + poly(u, 2) + (1 | g), d)
  wanted <- step(fit, trace = 0)
  d <- d[sample(80), ]
  d$y <- stats::rnorm(80)
  expect_identical(fixef(step(fit, trace = 0)), fixef(wanted))
})

test_that("what is assigned and updated as standard tools do keeps the random term", {
  d <- step_data
  fit <- lmm(y ~ x + z + (1 | g), d)
  marked <- fit
  marked$call$formula <- marked$formula <- terms(fit)
  expect_identical(formula(marked), formula(fit))
  expect_identical(varcomp(eval(marked$call)), varcomp(fit))
  expect_identical(names(update(fit, terms(fit))$designs), "g")
  expect_identical(update(fit, y ~ x)$method, "OLS")
  expect_identical(update(fit, . ~ . - (1 | g))$method, "OLS")
  expect_identical(
    deparse1(update(fit, . ~ . - z, evaluate = FALSE)),
    "lmm(formula = y ~ x + (1 | g), data = d)"
  )
  expect_error(deviance(fit), class = "hdlmm_undefined")
  expect_error(drop1(fit, ~ u), "names no term", class = "hdlmm_bad_input")
  expect_error(add1(fit, "re(X)"), "names the random term", class = "hdlmm_bad_input")
  expect_error(drop1(fit, scale = 2), "`scale` must be 0", class = "hdlmm_bad_input")
})

test_that("step() of a fit without a random term is that of lm()", {
  d <- step_data
  ours <- step(lmm(y ~ x * z + u + f, d), trace = 0)
  theirs <- step(stats::lm(y ~ x * z + u + f, d), trace = 0)
  expect_identical(terms_of(ours), terms_of(theirs))
  # 1e-10: two QR decompositions
  expect_equal(fixef(ours), stats::coef(theirs), tolerance = 1e-10)
})
