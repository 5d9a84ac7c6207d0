# What methods return has the shapes and the values of lme4.

test_that("a fit of sleepstudy answers as lmer()'s does", {
  skip_if_not_installed("lme4")
  sleepstudy <- lme4::sleepstudy
  for (method in c("REML", "ML")) {
    ours <- lmm(Reaction ~ Days + (1 | Subject), sleepstudy, method = method)
    theirs <- lme4::lmer(
      Reaction ~ Days + (1 | Subject), sleepstudy, REML = method == "REML"
    )
    # lmer()'s optimum is good to 1e-6 in theta: 1e-5 in first order, its square in logLik
    for (f in list(fixef, vcov, sigma, fitted, residuals, predict, hatvalues)) {
      expect_equal(as.matrix(f(ours)), as.matrix(f(theirs)), tolerance = 1e-5)
    }
    expect_equal(c(logLik(ours)), c(logLik(theirs)), tolerance = 1e-9)
    for (f in list(AIC, BIC)) expect_equal(f(ours), f(theirs), tolerance = 1e-9)
    # counts, names and model parts are equal exactly
    for (f in list(nobs, df.residual, function(x) attr(logLik(x), "df"))) {
      expect_equal(f(ours), f(theirs))
    }
    expect_identical(attr(logLik(ours), "REML"), method == "REML")
    expect_identical(attr(terms(ours), "term.labels"), attr(terms(theirs), "term.labels"))
    expect_equal(formula(ours), formula(theirs))
    expect_equal(names(model.frame(ours)), names(model.frame(theirs)))
    expect_equal(model.matrix(ours), model.matrix(theirs), ignore_attr = "msgScaleX")
    expect_identical(family(ours)$link, family(theirs)$link)
    expect_identical(
      names(ranef(ours)$Subject), rownames(lme4::ranef(theirs)$Subject)
    )
    expect_equal(
      unname(ranef(ours)$Subject), lme4::ranef(theirs)$Subject[[1]], tolerance = 1e-5
    )
    expect_identical(dim(simulate(ours, 3)), dim(simulate(theirs, 3)))
    expect_identical(names(simulate(ours, 3)), names(simulate(theirs, 3)))
  }
  # for REML fits lmer() has no deviance either, and extractAIC() refits by ML
  expect_equal(deviance(ours), deviance(theirs), tolerance = 1e-9)
  expect_equal(extractAIC(ours), extractAIC(theirs), tolerance = 1e-9)
})

test_that("variance components, intervals and tests have lmer()'s layout and numbers", {
  skip_if_not_installed("lme4")
  sleepstudy <- lme4::sleepstudy
  ours <- lmm(Reaction ~ Days + (1 | Subject), sleepstudy, method = "ML")
  theirs <- lme4::lmer(Reaction ~ Days + (1 | Subject), sleepstudy, REML = FALSE)
  table <- as.data.frame(lme4::VarCorr(theirs))
  expect_identical(VarCorr(ours)$grp, table$grp)
  expect_equal(VarCorr(ours)$vcov, table$vcov, tolerance = 1e-5)  # lmer()'s optimum
  expect_equal(VarCorr(ours)$sdcor, table$sdcor, tolerance = 1e-5)
  limits <- suppressMessages(confint(theirs))
  # lmer()'s limits come from splines through about ten points of each profile
  expect_equal(
    sqrt(confint(ours, c("Subject", "Residual"))), limits[1:2, ], tolerance = 2e-3,
    ignore_attr = TRUE
  )
  expect_equal(confint(ours, "beta_"), limits[3:4, ], tolerance = 2e-3)
  wald <- confint(theirs, "beta_", method = "Wald")
  expect_identical(dimnames(confint(ours, "beta_", method = "wald")), dimnames(wald))
  smaller <- anova(update(ours, . ~ . - Days), ours)
  expect_equal(
    smaller[2, c("npar", "AIC", "BIC", "logLik", "Chisq", "Df", "Pr(>Chisq)")],
    as.data.frame(anova(update(theirs, . ~ . - Days), theirs))[
      2, c("npar", "AIC", "BIC", "logLik", "Chisq", "Df", "Pr(>Chisq)")
    ],
    tolerance = 1e-5, ignore_attr = TRUE
  )
  expect_equal(drop1(ours)$AIC, drop1(theirs)$AIC, tolerance = 1e-9)
})

test_that("lme4's bootMer() refits every data set that it draws", {
  ours <- lmm(Reaction ~ Days + (1 | Subject), lme4::sleepstudy)
  boot <- lme4::bootMer(ours, fixef, 50, seed = 1)
  expect_false(anyNA(boot$t))
  expect_null(attr(boot, "boot.fail.msgs"))
  # 0.4: four standard errors of a standard deviation from 50 draws
  expect_equal(unname(apply(boot$t, 2, sd)), unname(sqrt(diag(vcov(ours)))), tolerance = 0.4)
  expect_error(lme4::refit(ours, fitted(ours), control = list()), class = "hdlmm_bad_input")
})
