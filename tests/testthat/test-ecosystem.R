# Tools of other packages, real ones, beside the same calls on fits of lme4.

sleepstudy <- lme4::sleepstudy
slopes <- list(
  own = lmm(Reaction ~ Days + (Days | Subject), sleepstudy),
  theirs = lme4::lmer(Reaction ~ Days + (Days | Subject), sleepstudy)
)
crossed <- list(
  own = lmm(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin),
  theirs = lme4::lmer(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin)
)
# lme4's optimiser leaves 1e-5 in the variances
expect_same <- function(f, fits, tolerance = 1e-4) {
  expect_equal(f(fits$own), f(fits$theirs), tolerance = tolerance, ignore_attr = TRUE)
}

test_that("performance finds Nakagawa's R squared, the ICC and the criteria of fits of lme4", {
  skip_if_not_installed("performance")
  for (fits in list(slopes, crossed)) {
    expect_same(function(fit) unlist(performance::r2(fit)), fits)
    expect_same(function(fit) unlist(performance::icc(fit)), fits)
    columns <- c("AIC", "AICc", "BIC", "R2_conditional", "R2_marginal", "ICC", "RMSE", "Sigma")
    expect_same(function(fit) unlist(performance::model_performance(fit)[columns]), fits)
    expect_same(performance::performance_rmse, fits)
  }
  for (formula in list(Reaction ~ Days, Reaction ~ 0 + Days)) {
    for (weights in list(NULL, sleepstudy$Days + 1)) {
      environment(formula) <- environment()
      ols <- lmm(formula, sleepstudy, weights = weights)
      peer <- summary(lm(formula, sleepstudy, weights = weights))
      expect_equal(
        unname(unlist(performance::r2(ols))), c(peer$r.squared, peer$adj.r.squared),
        tolerance = 1e-12
      )
    }
  }
  # there is no maximum that AIC and BIC could be of
  bayes <- lmm(Reaction ~ Days + (1 | Subject), sleepstudy, method = "Bayes")
  expect_false(any(c("AIC", "AICc", "BIC") %in% names(performance::model_performance(bayes))))
})

test_that("insight predicts as predict(), and parameters shows summary()'s tests", {
  skip_if_not_installed("insight")
  skip_if_not_installed("parameters")
  for (fits in list(slopes, crossed)) {
    expect_same(function(fit) as.numeric(insight::get_predicted(fit, ci = NULL)), fits)
    expect_same(
      function(fit) as.numeric(insight::get_predicted(fit, ci = NULL, include_random = FALSE)), fits
    )
    own <- parameters::model_parameters(fits$own)
    theirs <- parameters::model_parameters(fits$theirs, ci_random = FALSE)
    expect_identical(own$Parameter, theirs$Parameter)
    expect_equal(own$Coefficient, theirs$Coefficient, tolerance = 1e-4)
    fixed <- summary(fits$own)$coefficients
    expect_equal(own$p[seq_len(nrow(fixed))], unname(fixed[, "Pr(>|t|)"]), tolerance = 1e-12)
    expect_output(print(own), "Random Effects")
    limits <- confint(fits$own, rownames(fixed), method = "wald")
    expect_equal(parameters::ci(fits$own)$CI_low, unname(limits[, 1]), tolerance = 1e-12)
    expect_equal(parameters::p_value(fits$own)$p, unname(fixed[, "Pr(>|t|)"]), tolerance = 1e-12)
  }
  with_limits <- insight::get_predicted(slopes$own, ci = 0.9)
  own <- predict(slopes$own, interval = "confidence", level = 0.9)
  expect_equal(attr(with_limits, "ci_data")$CI_low, unname(own[, "lwr"]), tolerance = 1e-12)
})

test_that("nlme's intervals(), getVarCov() and getData() answer as on its own fits", {
  skip_if_not_installed("nlme")
  peer <- nlme::lme(Reaction ~ Days, sleepstudy, ~ Days | Subject)
  own <- nlme::getVarCov(slopes$own)
  # nlme stops its search early
  expect_equal(unclass(own), unclass(nlme::getVarCov(peer)), tolerance = 1e-3, ignore_attr = TRUE)
  expect_error(nlme::getVarCov(crossed$own), "plate", class = "hdlmm_bad_input")
  expect_identical(dim(nlme::getVarCov(crossed$own, group = "plate")), c(1L, 1L))
  limits <- nlme::intervals(slopes$own)
  expect_equal(limits$fixed[, "est."], fixef(slopes$own))
  expect_equal(
    unname(limits$fixed[, c(1, 3)]), unname(confint(slopes$own, rownames(limits$fixed))),
    tolerance = 1e-12
  )
  expect_named(nlme::intervals(crossed$own)$reStruct, c("plate", "sample"))
  expect_output(print(nlme::intervals(crossed$own)), "Level: sample")
  expect_identical(nlme::getData(slopes$own), sleepstudy)
})

test_that("loo::loo_compare() ranks fits by the densities that loo() gives", {
  skip_if_not_installed("loo")
  simple <- lmm(Reaction ~ Days + (1 | Subject), sleepstudy)
  table <- loo::loo_compare(loo(slopes$own), loo(simple))
  difference <- loo(simple)$table$log_density - loo(slopes$own)$table$log_density
  expect_equal(table[2, "elpd_diff"], sum(difference), tolerance = 1e-12)
  expect_equal(table[2, "se_diff"], sqrt(180 * var(difference)), tolerance = 1e-12)
  # the law of p_loo: in least squares of many rows the number of coefficients and of a variance
  # held at its estimate
  set.seed(2)
  d <- data.frame(x = rnorm(4000))
  d$y <- d$x + rnorm(4000)
  expect_equal(loo(lmm(y ~ x, d))$estimates[["p_loo", "Estimate"]], 2, tolerance = 0.05)
})

test_that("lattice draws one picture a term, as of lme4's", {
  skip_if_not_installed("lattice")
  for (draw in list(lattice::dotplot, lattice::qqmath)) {
    pictures <- draw(ranef(crossed$own))
    expect_named(pictures, c("plate", "sample"))
    expect_s3_class(pictures$plate, "trellis")
  }
})

test_that("parameters without limits, as effectsize asks for them, have none", {
  skip_if_not_installed("parameters")
  own <- parameters::model_parameters(slopes$own, ci = NULL)
  with_limits <- parameters::model_parameters(slopes$own)
  expect_identical(
    setdiff(names(with_limits), names(own)), c("CI", "CI_low", "CI_high")
  )
  expect_identical(own$Coefficient, with_limits$Coefficient)
  expect_error(parameters::model_parameters(slopes$own, ci = c(0.5, 0.9)), "`ci`",
    class = "hdlmm_bad_input"
  )
  skip_if_not_installed("effectsize")
  expect_same(function(fit) {
    table <- effectsize::standardize_parameters(fit, method = "basic", ci = NULL)
    table$Std_Coefficient[1:2]
  }, slopes)
})

test_that("components of insight's variances are found, whether its generic lists them or not", {
  skip_if_not_installed("insight")
  own <- insight::get_variance(slopes$own)
  for (component in c("fixed", "random", "residual", "intercept", "slope")) {
    found <- insight::get_variance(slopes$own, component = component)
    expect_identical(unlist(found), unlist(own[paste0("var.", component)]))
  }
  listed <- eval(formals(insight::get_variance)$component)
  expect_length(setdiff(listed, hdlmm:::variance_component_names), 0)
  expect_error(
    insight::get_variance(slopes$own, component = "none"), "all", class = "hdlmm_bad_input"
  )
})
