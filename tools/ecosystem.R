#!/usr/bin/env Rscript
# What other packages give for a fit of lmm() and for the same fit of lme4:
#   Rscript tools/ecosystem.R [pattern of packages]
# prints a row a call: package, version, call, status. "same": numbers within 1e-3 of lme4's;
# "differs": others, which a remark explains; "ours alone": lme4's fit stops; "refused": an
# hdlmm_error; "error": anything else. Packages that are not installed are listed at the end.

suppressMessages({
  library(hdlmm)
  library(lme4)
})
asked <- c(commandArgs(TRUE), "")[1]

sleep <- lme4::sleepstudy
# Calls as a user writes them: update() and the like evaluate them again.
pair <- function(formula, data, method = "REML") {
  data <- substitute(data)
  list(
    own = eval(call("lmm", formula, data, method = method), globalenv()),
    theirs = eval(call("lmer", formula, data, REML = method == "REML"), globalenv())
  )
}
slopes <- pair(Reaction ~ Days + (Days | Subject), sleep)
simple <- pair(Reaction ~ Days + (1 | Subject), sleep)
by_ml <- pair(Reaction ~ Days + (1 | Subject), sleep, "ML")
crossed <- pair(diameter ~ 1 + (1 | plate) + (1 | sample), lme4::Penicillin)
all_reml <- list(slopes, simple, crossed)
two <- list(slopes, simple)
ml <- list(by_ml)

# By package: list of list(fits, function), named by the call. What is compared are all numbers
# that it returns.
calls <- alist(
  stats = list(
    "AIC()" = list(all_reml, AIC), "BIC()" = list(all_reml, BIC), "nobs()" = list(all_reml, nobs),
    "logLik()" = list(all_reml, logLik), "df.residual()" = list(all_reml, df.residual),
    "vcov()" = list(all_reml, function(m) as.matrix(vcov(m))), "sigma()" = list(all_reml, sigma),
    "fitted()" = list(all_reml, fitted), "residuals()" = list(all_reml, residuals),
    "predict(re.form = NA)" = list(all_reml, function(m) predict(m, re.form = NA)),
    "hatvalues()" = list(all_reml, hatvalues), "cooks.distance()" = list(all_reml, cooks.distance),
    "rstudent()" = list(all_reml, rstudent), "model.matrix()" = list(all_reml, model.matrix),
    "model.frame()" = list(all_reml, function(m) dim(model.frame(m))),
    "case.names()" = list(all_reml, function(m) length(case.names(m))),
    "variable.names()" = list(all_reml, function(m) length(variable.names(m))),
    "simulate()" = list(all_reml, function(m) dim(simulate(m, 2, seed = 1))),
    "confint(\"Days\")" = list(ml, function(m) confint(m, "Days")),
    "extractAIC()" = list(ml, extractAIC), "drop1()" = list(ml, function(m) drop1(m)$AIC),
    "add1()" = list(ml, function(m) add1(m, ~ . + I(Days^2))$AIC[2]),
    "step()" = list(ml, function(m) AIC(step(update(m, . ~ . + I(Days^2)), trace = 0))),
    "update()" = list(ml, function(m) fixef(update(m, . ~ . - Days))),
    "anova()" = list(ml, function(m) anova(update(m, . ~ . - Days), m)$Chisq),
    "deviance()" = list(ml, deviance)
  ),
  MASS = list("stepAIC()" = list(ml, function(m) {
    AIC(MASS::stepAIC(update(m, . ~ . + I(Days^2)), trace = 0))
  })),
  nlme = list(
    "fixef()" = list(all_reml, function(m) nlme::fixef(m)),
    "getVarCov()" = list(two, function(m) as.vector(nlme::getVarCov(m))),
    "intervals()" = list(two, function(m) nlme::intervals(m)$fixed),
    "getData()" = list(all_reml, function(m) dim(nlme::getData(m)))
  ),
  lme4 = list(
    "ranef()" = list(all_reml, function(m) as.data.frame(ranef(m))$condval),
    "VarCorr()" = list(all_reml, function(m) as.data.frame(VarCorr(m))$vcov),
    "ngrps()" = list(all_reml, ngrps), "getME(\"X\")" = list(all_reml, function(m) getME(m, "X")),
    "getME(\"theta\")" = list(all_reml, function(m) getME(m, "theta")),
    "isSingular()" = list(all_reml, function(m) 1 * isSingular(m)),
    "refit()" = list(two, function(m) fixef(refit(m, sleep$Reaction + 1))),
    "bootMer()" = list(two, function(m) dim(bootMer(m, fixef, 2)$t))
  ),
  insight = list(
    "get_variance()" = list(all_reml, insight::get_variance),
    "get_data()" = list(all_reml, function(m) dim(insight::get_data(m))),
    "get_predicted()" = list(all_reml, function(m) as.numeric(insight::get_predicted(m))),
    "get_df()" = list(all_reml, insight::get_df),
    "get_parameters()" = list(all_reml, insight::get_parameters),
    "get_varcov()" = list(all_reml, insight::get_varcov),
    "get_sigma()" = list(all_reml, function(m) as.numeric(insight::get_sigma(m))),
    "get_residuals()" = list(all_reml, function(m) as.numeric(insight::get_residuals(m))),
    "get_modelmatrix()" = list(all_reml, function(m) dim(insight::get_modelmatrix(m))),
    "get_deviance()" = list(all_reml, insight::get_deviance),
    "get_loglikelihood()" = list(all_reml, insight::get_loglikelihood),
    "get_intercept()" = list(all_reml, insight::get_intercept),
    "n_obs()" = list(all_reml, insight::n_obs),
    "n_grouplevels()" = list(all_reml, insight::n_grouplevels),
    "find_random()" = list(all_reml, function(m) nchar(unlist(insight::find_random(m)))),
    "find_predictors()" = list(two, function(m) nchar(unlist(insight::find_predictors(m)))),
    "find_response()" = list(all_reml, function(m) nchar(insight::find_response(m))),
    "find_statistic()" = list(all_reml, function(m) nchar(insight::find_statistic(m))),
    "is_mixed_model()" = list(all_reml, function(m) 1 * insight::is_mixed_model(m)),
    "null_model()" = list(two, function(m) logLik(insight::null_model(m))),
    "link_inverse()" = list(two, function(m) insight::link_inverse(m)(2))
  ),
  performance = list(
    "r2()" = list(all_reml, performance::r2), "icc()" = list(all_reml, performance::icc),
    "model_performance()" = list(all_reml, performance::model_performance),
    "performance_rmse()" = list(all_reml, performance::performance_rmse),
    "check_heteroscedasticity()" = list(two, performance::check_heteroscedasticity),
    "check_normality()" = list(two, performance::check_normality),
    "check_outliers()" = list(two, function(m) sum(performance::check_outliers(m))),
    "compare_performance()" = list(two, function(m) performance::compare_performance(m, m)$AIC)
  ),
  parameters = list(
    "model_parameters()" = list(two, function(m) {
      parameters::model_parameters(m, ci_random = FALSE)$Coefficient
    }),
    "standard_error()" = list(two, parameters::standard_error),
    "ci()" = list(two, function(m) parameters::ci(m)$CI_low),
    "p_value()" = list(two, parameters::p_value),
    "random_parameters()" = list(two, parameters::random_parameters)
  ),
  ggeffects = list(
    "ggemmeans()" = list(two, function(m) ggeffects::ggemmeans(m, "Days")$predicted),
    "ggpredict()" = list(two, function(m) ggeffects::ggpredict(m, "Days")$predicted)
  ),
  sjPlot = list(
    "tab_model()" = list(two, function(m) 1 * (nchar(sjPlot::tab_model(m)$page.content) > 0)),
    "plot_model()" = list(two, function(m) sjPlot::plot_model(m)$data$estimate)
  ),
  broom.mixed = list(
    "tidy()" = list(two, function(m) {
      as.data.frame(broom.mixed::tidy(m, effects = "fixed"))[c("estimate", "std.error")]
    }),
    "glance()" = list(two, function(m) {
      as.data.frame(broom.mixed::glance(m))[c("AIC", "BIC", "logLik", "sigma")]
    }),
    "augment()" = list(two, function(m) {
      as.data.frame(broom.mixed::augment(m))[c(".fitted", ".resid", ".hat")]
    })
  ),
  car = list(
    "Anova()" = list(two, function(m) car::Anova(m)$Chisq),
    "Anova(\"F\")" = list(two, function(m) car::Anova(m, test.statistic = "F")$F),
    "linearHypothesis()" = list(two, function(m) car::linearHypothesis(m, "Days = 1")$Chisq),
    "linearHypothesis(\"F\")" = list(two, function(m) {
      car::linearHypothesis(m, "Days = 0", test = "F")$F
    }),
    "deltaMethod()" = list(two, function(m) unlist(car::deltaMethod(m, "Days / 2")))
  ),
  emmeans = list(
    "emmeans()" = list(two, function(m) {
      as.data.frame(emmeans::emmeans(m, ~Days))[c("emmean", "SE")]
    }),
    "emtrends()" = list(two, function(m) {
      as.data.frame(emmeans::emtrends(m, ~1, var = "Days"))$Days.trend
    })
  ),
  multcomp = list("glht()" = list(two, function(m) {
    test <- summary(multcomp::glht(m, "Days = 0"))$test
    c(test$coefficients, test$sigma)
  })),
  effects = list("effect()" = list(two, function(m) as.data.frame(effects::effect("Days", m)))),
  lmtest = list(
    "coeftest()" = list(two, function(m) lmtest::coeftest(m)[, 1:2]),
    "lrtest()" = list(ml, function(m) lmtest::lrtest(m, update(m, . ~ . - Days))$Chisq)
  ),
  lattice = list(
    "dotplot()" = list(all_reml, function(m) length(lattice::dotplot(ranef(m)))),
    "qqmath()" = list(all_reml, function(m) length(lattice::qqmath(ranef(m))))
  ),
  mice = list("pool()" = list(two, function(m) {
    summary(mice::pool(list(m, m, m)))[c("estimate", "std.error")]
  })),
  loo = list("loo_compare()" = list(two, function(m) {
    loo::loo_compare(loo::loo(m), loo::loo(m))[, "elpd_diff"]
  })),
  posterior = list("as_draws_df()" = list(two, function(m) nrow(posterior::as_draws_df(m)))),
  MuMIn = list(
    "r.squaredGLMM()" = list(two, MuMIn::r.squaredGLMM), "AICc()" = list(two, MuMIn::AICc)
  ),
  DHARMa = list("simulateResiduals()" = list(two, function(m) {
    length(DHARMa::simulateResiduals(m, 50)$scaledResiduals)
  }))
)

numbers <- function(x) {
  if (is.list(x)) x <- unlist(x[vapply(x, is.numeric, NA)])
  unname(as.numeric(x))
}

answer <- function(f, fit) {
  tryCatch(
    suppressMessages(suppressWarnings(numbers(f(fit)))),
    hdlmm_error = function(e) structure("refused", text = conditionMessage(e)),
    error = function(e) structure("error", text = conditionMessage(e))
  )
}

status <- function(own, theirs) {
  if (is.character(own)) return(as.vector(own))
  if (is.character(theirs)) return("ours alone")
  if (length(own) != length(theirs)) return("differs")
  off <- abs(own - theirs) / pmax(abs(theirs), 1e-3)
  if (identical(is.na(own), is.na(theirs)) && all(off < 1e-3, na.rm = TRUE)) "same" else "differs"
}

missing <- character()
rows <- list()
for (package in grep(asked, names(calls), value = TRUE)) {
  if (!requireNamespace(package, quietly = TRUE)) {
    missing <- c(missing, package)
    next
  }
  own_calls <- eval(calls[[package]])
  for (call in names(own_calls)) {
    found <- vapply(own_calls[[call]][[1]], function(fits) {
      f <- own_calls[[call]][[2]]
      status(answer(f, fits$own), answer(f, fits$theirs))
    }, "")
    rows <- c(rows, list(data.frame(
      package = package, version = as.character(utils::packageVersion(package)), call = call,
      status = paste(unique(found), collapse = ", ")
    )))
  }
}
# Why what is not the same is not.
remarks <- c(
  "find_statistic()" = "insight knows classes by a list of its own",
  "compare_performance()" = "insight's list again; model_performance() works",
  "ci()" = "Satterthwaite's degrees of freedom, lme4's fits have residual ones here",
  "p_value()" = "as ci()",
  "ggpredict()" = "predicts for a level of the group; ggemmeans() has the fixed part"
)
table <- do.call(rbind, rows)
table$remark <- ifelse(
  table$status %in% c("same", "ours alone"), "", remarks[table$call]
)
print(table, right = FALSE, row.names = FALSE)
cat("\n", nrow(table), " calls in ", length(unique(table$package)), " packages\n", sep = "")
print(table(table$status))
if (length(missing) > 0) cat("not installed:", missing, "\n")
