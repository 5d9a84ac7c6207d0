nights <- lme4::sleepstudy
nights$late <- factor(nights$Days > 4)
fit <- lmm(Reaction ~ Days * late + (Days | Subject), nights)

test_that("coefficients that are set move predictions by the columns of the fixed part", {
  coefs <- hdlmm:::get_coef.hdlmm(fit)
  expect_identical(coefs, fixef(fit))
  rows <- nights[c(1, 50, 180), ]
  z <- model.matrix(~ Days * late, rows)
  before <- hdlmm:::get_predict.hdlmm(fit, rows)$estimate
  expect_identical(before, unname(predict(fit, rows)))
  for (j in seq_along(coefs)) {
    moved <- hdlmm:::set_coef.hdlmm(fit, replace(coefs, j, coefs[[j]] + 1))
    # differences of numbers of a few hundred
    expect_equal(
      hdlmm:::get_predict.hdlmm(moved, rows)$estimate - before, unname(z[, j]), tolerance = 1e-11
    )
  }
  expect_identical(hdlmm:::get_vcov.hdlmm(fit), vcov(fit))
  expect_null(hdlmm:::get_vcov.hdlmm(fit, FALSE))
  expect_error(hdlmm:::get_vcov.hdlmm(fit, "HC3"), class = "hdlmm_bad_input")
})

test_that("marginaleffects gives what it gives for lme4's fit", {
  skip_if_not_installed("marginaleffects")
  old <- options(marginaleffects_safe = FALSE)
  on.exit(options(old))
  theirs <- lme4::lmer(Reaction ~ Days * late + (Days | Subject), nights)
  is_able <- tryCatch(
    is.data.frame(marginaleffects::predictions(theirs, newdata = nights)), error = isFALSE
  )
  skip_if_not(is_able, "a marginaleffects that runs with this R")
  of <- function(f, ...) function(m) f(m, newdata = nights, ...)
  asked <- list(
    of(marginaleffects::predictions),
    of(marginaleffects::avg_slopes, variables = "Days", re.form = NA),
    of(marginaleffects::avg_comparisons, variables = "late", re.form = NA)
  )
  numbers <- function(x) as.data.frame(x)[c("estimate", "std.error")]
  for (f in asked) {
    # both stop at 1e-6 or so of the variances, and slopes are differences
    expect_equal(
      numbers(suppressWarnings(f(fit))), numbers(suppressWarnings(f(theirs))), tolerance = 1e-3,
      ignore_attr = TRUE
    )
  }
})
