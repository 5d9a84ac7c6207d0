# What is asked for by name is what is given, or an error: nothing is replaced in silence.

sleep <- lme4::sleepstudy
by <- function(..., formula = Reaction ~ Days + (1 | Subject)) lmm(formula, sleep, ...)
half_t <- prior_half_t(3, 10)
one <- list(
  REML = by(), MAP = by(method = "MAP"), VB = by(method = "VB"), Bayes = by(method = "Bayes"),
  full = by(method = "VB", prior = lmm_prior(random = half_t, residual = half_t))
)
slopes <- by(formula = Reaction ~ Days + (Days | Subject))
slopes_map <- update(slopes, method = "MAP")

test_that("limits by profile of a fit that has none are refused by a message of what it has", {
  expect_error(
    confint(one$MAP, "Days", method = "profile"),
    "maximum a posteriori.* no limits of fixed effects by method \"profile\"; it has .*\"wald\"",
    class = "hdlmm_unsupported"
  )
  expect_error(
    confint(one$Bayes, "Days", method = "wald"), "those of its distribution, without `method`",
    class = "hdlmm_unsupported"
  )
  for (fit in one[c("MAP", "VB", "Bayes", "full")]) {
    expect_error(confint(fit, method = "profile"), class = "hdlmm_unsupported")
    expect_error(nlme::intervals(fit, method = "profile"), class = "hdlmm_unsupported")
    expect_no_error(nlme::intervals(fit))
  }
  for (fit in one[c("Bayes", "full")]) {
    expect_error(confint(fit, method = "wald"), class = "hdlmm_unsupported")
  }
  expect_error(confint(slopes_map, "pve.Subject", method = "profile"), class = "hdlmm_unsupported")
})

test_that("without a method limits are by what the fit has, parameter by parameter", {
  own <- confint(one$MAP)
  # the same computation
  expect_identical(own["Days", ], confint(one$MAP, "Days", method = "wald")["Days", ])
  expect_identical(own["pve", ], confint(one$MAP, "pve", method = "profile")["pve", ])
  expect_false(identical(own["pve", ], confint(one$MAP, "pve", method = "wald")["pve", ]))
  expect_identical(confint(one$REML), confint(one$REML, method = "profile"))
})

test_that("shares of variance have no other limits than those asked for", {
  for (method in c("profile", "exact", "wald")) {
    expect_error(pve(one$Bayes, method = method), class = "hdlmm_unsupported")
  }
  expect_error(pve(slopes_map, method = "profile"), class = "hdlmm_unsupported")
  expect_identical(pve(slopes_map), pve(slopes_map, method = "wald"))
  expect_false(anyNA(pve(one$Bayes)))
  several <- lmm(cbind(Reaction, Days) ~ 1 + (1 | Subject), sleep, method = "MAP")
  expect_identical(
    pve(several, method = "profile")$lower[1], pve(several[[1]], method = "profile")$lower
  )
  bayes <- lmm(cbind(Reaction, Days) ~ 1 + (1 | Subject), sleep, method = "Bayes")
  expect_error(pve(bayes, method = "wald"), class = "hdlmm_unsupported")
  expect_error(confint(bayes, method = "profile"), class = "hdlmm_unsupported")
  expect_no_error(confint(bayes))
})

test_that("the table of tidy() has the limits of the method asked for", {
  skip_if_not_installed("generics")
  expect_error(
    generics::tidy(one$Bayes, conf.int = TRUE, conf.method = "wald"), class = "hdlmm_unsupported"
  )
  out <- as.data.frame(generics::tidy(one$Bayes, "fixed", conf.int = TRUE))
  expect_identical(out$conf.low, unname(confint(one$Bayes, "beta_")[, 1]))
})

test_that("the test of a term is by the null distribution asked for", {
  expect_error(
    test_random(slopes, "exact", draws = 9), "method = \"bootstrap\"", class = "hdlmm_unsupported"
  )
  expect_error(
    test_random(one$REML, "bootstrap", draws = 9), "method = \"exact\"",
    class = "hdlmm_unsupported"
  )
  expect_identical(test_random(slopes, "bootstrap", draws = 9, seed = 1)$method, "bootstrap")
  both <- test_random(slopes, "both", draws = 9, seed = 1)
  expect_identical(both$method, c("bootstrap", "mixture"))
})

test_that("a comparison of fits takes no settings of the tests of one", {
  small <- by(method = "ML", formula = Reaction ~ 1 + (1 | Subject))
  large <- by(method = "ML")
  expect_error(anova(small, large, ddf = "Kenward-Roger"), class = "hdlmm_bad_input")
  expect_error(anova(small, large, type = "II"), class = "hdlmm_bad_input")
})

test_that("marginal means have the degrees of freedom asked for by emmeans' own names", {
  skip_if_not_installed("emmeans")
  skip_if_not_installed("pbkrtest")
  skip_if_not_installed("lmerTest")
  theirs <- lme4::lmer(Reaction ~ Days + (Days | Subject), sleep, subset = -(1:7))
  ours <- lmm(Reaction ~ Days + (Days | Subject), sleep, subset = -(1:7))
  table <- function(fit, mode) {
    as.data.frame(emmeans::emmeans(fit, ~Days, mode = mode))[c("emmean", "SE", "df")]
  }
  for (mode in c("kenward-roger", "satterthwaite", "asymptotic")) {
    # both stop at 1e-6 or so of the variances, of which degrees of freedom are a function
    expect_equal(table(ours, mode), table(theirs, mode), tolerance = 1e-3, ignore_attr = TRUE)
  }
  expect_identical(table(ours, "link"), table(ours, NULL))
  expect_error(emmeans::emmeans(ours, ~Days, mode = "containment"), class = "hdlmm_bad_input")
})

test_that("tables of parameters go by the method asked for", {
  skip_if_not_installed("parameters")
  skip_if_not_installed("pbkrtest")
  ours <- lmm(Reaction ~ Days + (Days | Subject), sleep, subset = -(1:7))
  theirs <- lme4::lmer(Reaction ~ Days + (Days | Subject), sleep, subset = -(1:7))
  by_kenward <- function(fit) {
    out <- parameters::model_parameters(fit, ci_method = "kenward", effects = "fixed")
    as.data.frame(out)[c("SE", "CI_low", "CI_high", "df_error", "p")]
  }
  # as above; the p-value of a small sample follows its degrees of freedom
  expect_equal(by_kenward(ours), by_kenward(theirs), tolerance = 2e-3, ignore_attr = TRUE)
  expect_identical(
    parameters::p_value(ours, method = "kenward")$p,
    unname(summary(ours, ddf = "Kenward-Roger")$coefficients[, 5])
  )
  limits <- parameters::ci(ours, method = "profile")
  expect_identical(limits$CI_low, unname(confint(ours, "beta_", method = "profile")[, 1]))
  expect_error(parameters::ci(ours, method = "hdi"), class = "hdlmm_bad_input")
  expect_error(parameters::p_value(ours, method = "boot"), class = "hdlmm_bad_input")
  expect_error(parameters::ci(one$Bayes, method = "profile"), class = "hdlmm_unsupported")
})
