#!/usr/bin/env Rscript
# What other packages give for a fit of lmm() and for the same fit of lme4:
#   Rscript tools/ecosystem.R [pattern of packages]
# prints a row a call: package, version, call, status, remark, and stops where one is wrong.
#   same        numbers within 1e-3 of those of lme4's fit, or of the reference of the call
#   explained   other numbers, for the reason in the remark
#   refused     an hdlmm_error
#   no method   the other package stops before it asks anything of a fit of ours
#   ours alone  lme4's fit stops, ours gives numbers
#   empty       no number to compare; wrong, as is "differs" without a remark and "error", a
#               condition of no class of ours under a function of ours
# Packages that are not installed are listed at the end.

suppressMessages({
  library(hdlmm)
  library(lme4)
})
# what newer packages expect of base R, so that they run with an older one
if (getRversion() < "4.4") `%||%` <- function(x, y) if (is.null(x)) y else x
options(marginaleffects_safe = FALSE)
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
# A grouping factor as a matrix of columns: the same model by another road.
sleep$Z <- stats::model.matrix(~ 0 + Subject, sleep)
columns <- list(
  own = eval(quote(lmm(Reaction ~ Days + re(Z), sleep)), globalenv()), theirs = simple$theirs
)
all_reml <- list(slopes, simple, crossed)
two <- list(slopes, simple)
three <- list(slopes, simple, columns)
ml <- list(by_ml)
# By inference that lme4 has not; what is expected is a function of the fit.
by <- function(method, ...) {
  asked <- as.call(
    list(quote(lmm), Reaction ~ Days + (1 | Subject), quote(sleep), method = method, ...)
  )
  list(own = eval(asked, globalenv()))
}
bayes <- list(by("Bayes"))
gibbs <- list(by("Bayes", algorithm = "gibbs", control = quote(lmm_control(seed = 1))))
vb <- list(by("VB"))
posteriors <- c(bayes, gibbs)
inferred <- c(posteriors, vb)
draws_of <- function(m) as.matrix(posterior_sample(m, 4000, seed = 1))
fixed_draws <- function(m) draws_of(m)[, names(fixef(m))]

# lme4's fit of the same model, where the function asked stops at it.
theirs_of <- function(m) {
  fits <- Filter(function(pair) identical(pair$own, m), list(slopes, simple, by_ml, crossed))
  fits[[1]]$theirs
}
curved <- function(m) update(m, . ~ . + I(Days^2))
best_aic <- function(m) min(AIC(theirs_of(m)), AIC(curved(theirs_of(m))))
# Texts as numbers: their code points.
codes <- function(...) utf8ToInt(paste(sort(as.character(unlist(list(...)))), collapse = "|"))
# Numbers in a text, of those that have a decimal point.
in_text <- function(x) {
  as.numeric(unlist(regmatches(x, gregexpr("-?[0-9]+[.][0-9]+", x))))
}
# Columns of a data frame by their names, factors as the numbers of their levels.
columns_in <- function(data) {
  data <- as.data.frame(data)
  data.matrix(data[sort(setdiff(names(data), "Z"))])
}
moments <- function(draws) c(rowMeans(draws), apply(draws, 1, stats::sd))
panel_values <- function(plots) unlist(lapply(plots, function(p) sort(p$panel.args[[1]]$x)))
# Folds as rsample makes them, and the error of prediction of lme4's fits to these.
folds_of <- function() {
  set.seed(1)
  rsample::vfold_cv(sleep, 3)
}

# By package: list of list(fits, function, reference), named by the call. What is compared are all
# numbers that it returns, with those for lme4's fit, or with `reference` of ours.
calls <- alist(
  stats = list(
    "AIC()" = list(all_reml, AIC), "BIC()" = list(all_reml, BIC), "nobs()" = list(all_reml, nobs),
    "logLik()" = list(all_reml, logLik), "df.residual()" = list(all_reml, df.residual),
    "vcov()" = list(all_reml, function(m) as.matrix(vcov(m))), "sigma()" = list(all_reml, sigma),
    "fitted()" = list(all_reml, fitted), "residuals()" = list(all_reml, residuals),
    "predict(re.form = NA)" = list(all_reml, function(m) predict(m, re.form = NA)),
    "hatvalues()" = list(all_reml, hatvalues), "cooks.distance()" = list(all_reml, cooks.distance),
    "rstudent()" = list(all_reml, rstudent), "model.matrix()" = list(all_reml, model.matrix),
    "model.frame()" = list(all_reml, function(m) columns_in(model.frame(m))),
    "residuals(pearson)" = list(all_reml, function(m) residuals(m, "pearson")),
    "coef()" = list(two, function(m) {
      as.matrix(if (inherits(m, "hdlmm")) coef(m, groups = TRUE)$Subject else coef(m)$Subject)
    }),
    # 2000 draws: four standard errors of a standard deviation are 6 %
    "simulate()" = list(all_reml, function(m) moments(simulate(m, 2000, seed = 1)), NULL, 0.08),
    "confint(\"Days\")" = list(ml, function(m) confint(m, "Days")),
    "extractAIC()" = list(ml, extractAIC), "drop1()" = list(ml, function(m) drop1(m)$AIC),
    "add1()" = list(ml, function(m) add1(m, ~ . + I(Days^2))$AIC[2], function(m) {
      AIC(curved(theirs_of(m)))
    }),
    "step()" = list(ml, function(m) AIC(step(curved(m), trace = 0)), best_aic),
    "update()" = list(ml, function(m) fixef(update(m, . ~ . - Days))),
    "anova()" = list(ml, function(m) anova(update(m, . ~ . - Days), m)$Chisq),
    "deviance()" = list(ml, deviance),
    "logLik(re(X))" = list(list(columns), logLik),
    "fitted(re(X))" = list(list(columns), fitted),
    "AIC(Bayes)" = list(inferred, AIC), "anova(Bayes)" = list(inferred, anova),
    "predict(Bayes)" = list(inferred, predict, fitted),
    "confint(Bayes)" = list(posteriors, function(m) confint(m, "Days"), function(m) {
      quantile(fixed_draws(m)[, "Days"], c(0.025, 0.975))
    }, 0.02),
    "simulate(Bayes)" = list(inferred, function(m) {
      rowMeans(simulate(m, 2000, seed = 1))
    }, function(m) predict(m, re.form = NA), 0.03)
  ),
  MASS = list("stepAIC()" = list(ml, function(m) {
    AIC(MASS::stepAIC(curved(m), trace = 0))
  }, best_aic)),
  nlme = list(
    "fixef()" = list(all_reml, function(m) nlme::fixef(m)),
    "getVarCov()" = list(two, function(m) as.vector(nlme::getVarCov(m)), function(m) {
      as.vector(VarCorr(theirs_of(m))$Subject)
    }),
    "intervals()" = list(two, function(m) nlme::intervals(m)$fixed, function(m) {
      limits <- confint(theirs_of(m), "beta_", method = "profile")
      cbind(limits[, 1], fixef(theirs_of(m)), limits[, 2])
    }),
    "getData()" = list(all_reml, function(m) columns_in(nlme::getData(m)), function(m) {
      columns_in(eval(m$call$data, globalenv()))
    })
  ),
  lme4 = list(
    "ranef()" = list(all_reml, function(m) as.data.frame(ranef(m))$condval),
    "ranef(condVar = TRUE)" = list(all_reml, function(m) {
      as.data.frame(ranef(m, condVar = TRUE))$condsd
    }),
    "VarCorr()" = list(all_reml, function(m) as.data.frame(VarCorr(m))$vcov),
    "ngrps()" = list(all_reml, ngrps), "getME(\"X\")" = list(all_reml, function(m) getME(m, "X")),
    "getME(\"theta\")" = list(all_reml, function(m) getME(m, "theta")),
    "isSingular()" = list(all_reml, function(m) 1 * isSingular(m)),
    "refit()" = list(two, function(m) fixef(refit(m, sleep$Reaction + 1))),
    "bootMer()" = list(list(simple), function(m) {
      draws <- bootMer(m, fixef, 200, seed = 1)$t
      c(colMeans(draws), apply(draws, 2, stats::sd))
    }, NULL, 0.3)
  ),
  insight = list(
    "get_variance()" = list(all_reml, insight::get_variance),
    "get_data()" = list(all_reml, function(m) columns_in(insight::get_data(m))),
    "get_predicted()" = list(all_reml, function(m) as.numeric(insight::get_predicted(m))),
    "get_df()" = list(all_reml, insight::get_df),
    "get_parameters()" = list(all_reml, insight::get_parameters),
    "get_varcov()" = list(all_reml, insight::get_varcov),
    "get_sigma()" = list(all_reml, function(m) as.numeric(insight::get_sigma(m))),
    "get_residuals()" = list(all_reml, function(m) as.numeric(insight::get_residuals(m))),
    "get_modelmatrix()" = list(all_reml, insight::get_modelmatrix),
    "get_deviance()" = list(all_reml, insight::get_deviance),
    "get_loglikelihood()" = list(all_reml, insight::get_loglikelihood),
    "get_intercept()" = list(all_reml, insight::get_intercept),
    "n_obs()" = list(all_reml, insight::n_obs),
    "n_grouplevels()" = list(all_reml, insight::n_grouplevels),
    "find_random()" = list(all_reml, function(m) codes(insight::find_random(m))),
    "find_predictors()" = list(two, function(m) codes(insight::find_predictors(m))),
    "find_response()" = list(all_reml, function(m) codes(insight::find_response(m))),
    "find_statistic()" = list(all_reml, function(m) codes(insight::find_statistic(m))),
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
    "tab_model()" = list(two, function(m) in_text(sjPlot::tab_model(m)$page.content)),
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
    "coeftest()" = list(two, function(m) lmtest::coeftest(m)[, 1:2], function(m) {
      coef(summary(theirs_of(m)))[, 1:2]
    }),
    "lrtest()" = list(ml, function(m) lmtest::lrtest(m, update(m, . ~ . - Days))$Chisq)
  ),
  lattice = list(
    "dotplot()" = list(all_reml, function(m) panel_values(lattice::dotplot(ranef(m)))),
    "qqmath()" = list(all_reml, function(m) panel_values(lattice::qqmath(ranef(m))))
  ),
  mice = list("pool()" = list(two, function(m) {
    summary(mice::pool(list(m, m, m)))[c("estimate", "std.error")]
  })),
  loo = list("loo_compare()" = list(list(slopes), function(m) {
    loo::loo_compare(loo::loo(m), loo::loo(simple$own))[, "elpd_diff"]
  }, function(m) c(0, loo(simple$own)$elpd - loo(m)$elpd))),
  posterior = list(
    "as_draws_df()" = list(two, function(m) {
      colMeans(as.data.frame(posterior::as_draws_df(m, 4000, 1))[names(fixef(m))])
    }, fixef, 0.02),
    "summarise_draws(Bayes)" = list(bayes, function(m) {
      posterior::summarise_draws(posterior::as_draws_df(m, 4000, 1), "mean")$mean
    }, function(m) colMeans(draws_of(m)), 1e-8),
    "rhat(gibbs)" = list(gibbs, function(m) {
      max(posterior::summarise_draws(posterior::as_draws_array(m), "rhat")$rhat)
    }, function(m) 1, 0.05)
  ),
  rstantools = list(
    "posterior_predict()" = list(inferred, function(m) {
      colMeans(rstantools::posterior_predict(m, draws = 4000, seed = 1))
    }, fitted, 0.02),
    "posterior_epred()" = list(inferred, function(m) {
      colMeans(rstantools::posterior_epred(m, draws = 4000, seed = 1))
    }, fitted, 0.01),
    "posterior_linpred()" = list(inferred, function(m) {
      colMeans(rstantools::posterior_linpred(m, draws = 4000, seed = 1))
    }, fitted, 0.01),
    "log_lik()" = list(inferred, function(m) {
      colMeans(rstantools::log_lik(m, draws = 4000, seed = 1))
    }, function(m) {
      # of other draws, and of means and variances as if they were independent
      mean <- rstantools::posterior_epred(m, draws = 4000, seed = 2)
      sd <- sqrt(draws_of(m)[, "var_Residual"])
      y <- rep(sleep$Reaction, each = nrow(mean))
      colMeans(matrix(stats::dnorm(y, mean, sd, log = TRUE), nrow(mean)))
    }, 0.05),
    "bayes_R2()" = list(inferred, function(m) {
      mean(rstantools::bayes_R2(m, draws = 4000, seed = 1))
    }, function(m) {
      drawn <- rstantools::posterior_epred(m, draws = 4000, seed = 2)
      mean(rstantools::bayes_R2(drawn, sleep$Reaction))
    }, 0.03),
    "posterior_interval()" = list(posteriors, function(m) {
      rstantools::posterior_interval(draws_of(m), 0.95)["Days", ]
    }, function(m) confint(m, "Days"), 0.02)
  ),
  bayestestR = list(
    "describe_posterior()" = list(posteriors, function(m) {
      bayestestR::describe_posterior(as.data.frame(fixed_draws(m)), centrality = "mean",
        test = NULL, ci = NULL)$Mean
    }, fixef, 0.01),
    "ci()" = list(posteriors, function(m) {
      out <- bayestestR::ci(m)
      c(out$CI_low, out$CI_high)
    }, function(m) confint(m, names(fixef(m))), 0.02),
    "hdi()" = list(posteriors, function(m) {
      unlist(bayestestR::hdi(fixed_draws(m)[, "Days"], ci = 0.95)[c("CI_low", "CI_high")])
    }, function(m) confint(m, "Days"), 0.05)
  ),
  bayesplot = list(
    "pp_check()" = list(inferred, function(m) {
      length(unique(bayesplot::pp_check(m, draws = 5, seed = 1)$data$rep_id))
    }, function(m) 5, 0.3),
    "mcmc_areas_data()" = list(posteriors, function(m) {
      mean(bayesplot::mcmc_intervals_data(draws_of(m), "Days", point_est = "mean")$m)
    }, function(m) fixef(m)[["Days"]], 0.01),
    "mcmc_trace_data()" = list(gibbs, function(m) {
      mean(bayesplot::mcmc_trace_data(posterior::as_draws_array(m), "Days")$value)
    }, function(m) fixef(m)[["Days"]], 0.01)
  ),
  coda = list("effectiveSize()" = list(gibbs, function(m) {
    days <- as.matrix(posterior::as_draws_matrix(m))[, "Days"]
    1 * (coda::effectiveSize(coda::as.mcmc(days)) > 500)
  }, function(m) 1)),
  sandwich = list(
    "bread()" = list(three, sandwich::bread), "estfun()" = list(three, sandwich::estfun),
    "vcovHC()" = list(three, sandwich::vcovHC)
  ),
  clubSandwich = list("vcovCR()" = list(two, function(m) clubSandwich::vcovCR(m, type = "CR2"))),
  pbkrtest = list(
    "vcovAdj()" = list(two, function(m) {
      if (inherits(m, "hdlmm")) return(diag(summary(m, ddf = "Kenward-Roger")$coefficients[, 2])^2)
      diag(diag(as.matrix(pbkrtest::vcovAdj(m))))
    }),
    "KRmodcomp()" = list(two, function(m) {
      if (inherits(m, "hdlmm")) return(anova(m, ddf = "Kenward-Roger")[1, c("F value", "Den Df")])
      small <- eval(bquote(lmer(.(update(formula(m), . ~ . - Days)), sleep)), globalenv())
      unlist(pbkrtest::KRmodcomp(m, small)$test["Ftest", c("stat", "ddf")])
    }),
    "get_Lb_ddf()" = list(two, function(m) {
      if (inherits(m, "hdlmm")) return(anova(m, ddf = "Kenward-Roger")[1, "Den Df"])
      pbkrtest::get_Lb_ddf(m, c(0, 1))
    })
  ),
  lmerTest = list(
    "summary()" = list(two, function(m) {
      if (!inherits(m, "hdlmm")) m <- lmerTest::as_lmerModLmerTest(m)
      coef(summary(m))
    }),
    "anova()" = list(two, function(m) {
      if (inherits(m, "hdlmm")) return(anova(m)[c("Den Df", "F value")])
      anova(lmerTest::as_lmerModLmerTest(m))[c("DenDF", "F value")]
    }),
    "ranova()" = list(list(simple), function(m) {
      if (inherits(m, "hdlmm")) return(test_random(m, "mixture")$statistic)
      lmerTest::ranova(lmerTest::as_lmerModLmerTest(m))$LRT[2]
    })
  ),
  bbmle = list(
    "AICtab()" = list(ml, function(m) {
      bbmle::AICtab(m, update(m, . ~ . - Days), base = TRUE)[c("AIC", "dAIC")]
    }),
    "ICtab()" = list(ml, function(m) {
      bbmle::ICtab(m, update(m, . ~ . - Days), type = "BIC", base = TRUE)$BIC
    })
  ),
  broom = list(
    "tidy()" = list(three, function(m) {
      if (!inherits(m, "hdlmm")) return(coef(summary(m))[, 1:2])
      as.data.frame(broom::tidy(m))[1:2, c("estimate", "std.error")]
    }),
    "glance(Bayes)" = list(inferred, function(m) as.data.frame(broom::glance(m))$sigma, sigma)
  ),
  generics = list(
    "tidy(Bayes)" = list(inferred, function(m) {
      as.data.frame(generics::tidy(m))$estimate[1:2]
    }, fixef),
    "augment(Bayes)" = list(inferred, function(m) {
      as.data.frame(generics::augment(m))$.fitted
    }, fitted)
  ),
  effectsize = list("standardize_parameters()" = list(two, function(m) {
    effectsize::standardize_parameters(m, method = "basic", ci = NULL)$Std_Coefficient[1:2]
  })),
  datawizard = list("standardize()" = list(two, function(m) fixef(datawizard::standardize(m)))),
  modelr = list(
    "rmse()" = list(three, function(m) modelr::rmse(m, sleep)),
    "add_predictions()" = list(three, function(m) modelr::add_predictions(sleep, m)$pred)
  ),
  prediction = list("prediction()" = list(two, function(m) prediction::prediction(m)$fitted)),
  arm = list(
    "se.fixef()" = list(two, arm::se.fixef),
    "display()" = list(two, function(m) {
      capture.output(out <- arm::display(m))
      out$coef
    })
  ),
  RLRsim = list("exactRLRT()" = list(list(simple), function(m) {
    if (inherits(m, "hdlmm")) return(test_random(m, "exact", draws = 1000, seed = 1)$statistic)
    RLRsim::exactRLRT(m, nsim = 100)$statistic
  })),
  cAIC4 = list("cAIC()" = list(list(simple), function(m) cAIC4::cAIC(m)$caic)),
  xtable = list("xtable(anova)" = list(ml, function(m) {
    xtable::xtable(anova(update(m, . ~ . - Days), m))$Chisq
  })),
  knitr = list("kable(VarCorr)" = list(two, function(m) {
    codes(knitr::kable(as.data.frame(VarCorr(m))[c("grp", "vcov")], "pipe", digits = 1))
  })),
  flextable = list("flextable(VarCorr)" = list(two, function(m) {
    flextable::flextable(as.data.frame(VarCorr(m)))$body$dataset$vcov
  })),
  ggplot2 = list(
    "fortify()" = list(two, function(m) ggplot2::fortify(m)$.fitted),
    "autoplot()" = list(inferred, function(m) {
      1 * ggplot2::is.ggplot(ggplot2::autoplot(m, which = 1))
    }, function(m) 1)
  ),
  boot = list("boot()" = list(two, function(m) {
    boot::boot(sleep, function(d, i) fixef(m), 1)$t0
  })),
  numDeriv = list("grad()" = list(ml, function(m) {
    numDeriv::grad(function(x) predict(m, data.frame(Days = x, Subject = "308")), 1)
  })),
  rsample = list("vfold_cv()" = list(list(simple), function(m) {
    if (!inherits(m, "hdlmm")) {
      return(sort(unlist(lapply(folds_of()$splits, function(split) {
        predict(lmer(formula(m), rsample::analysis(split)), rsample::assessment(split))
      }))))
    }
    sort(as.data.frame(cv_lmm(formula(m), sleep, folds = folds_of()))$prediction)
  })),
  tibble = list("as_tibble()" = list(two, function(m) {
    tibble::as_tibble(as.data.frame(VarCorr(m)))$vcov
  })),
  future = list("bootstrap()" = list(list(simple), function(m) {
    if (inherits(m, "hdlmm")) return(confint(m, "Days", method = "boot", draws = 400, seed = 1))
    confint(m, "Days", method = "boot", nsim = 400, seed = 1)
  }, NULL, 0.1)),
  splines2 = list("bSpline()" = list(list(simple), function(m) {
    fixef(update(m, . ~ splines2::bSpline(Days, df = 4) + (1 | Subject)))
  })),
  texreg = list("extract()" = list(two, function(m) texreg::extract(m)@coef)),
  stargazer = list("stargazer()" = list(two, function(m) {
    sum(nchar(capture.output(stargazer::stargazer(m, type = "text"))))
  })),
  marginaleffects = list(
    "predictions()" = list(two, function(m) {
      # marginaleffects stops at a matrix in a column
      rows <- sleep[c("Reaction", "Days", "Subject")]
      as.data.frame(marginaleffects::predictions(m, newdata = rows))[c("estimate", "std.error")]
    }),
    "avg_slopes()" = list(two, function(m) {
      out <- marginaleffects::avg_slopes(m, variables = "Days", re.form = NA)
      c(out$estimate, out$std.error)
    }),
    "avg_comparisons()" = list(two, function(m) {
      marginaleffects::avg_comparisons(m, variables = "Days", re.form = NA)$estimate
    })
  ),
  modelsummary = list("modelsummary()" = list(two, function(m) {
    out <- modelsummary::modelsummary(m, output = "data.frame")
    as.numeric(out[out$term == "Days", ncol(out)][1])
  })),
  report = list("report()" = list(two, function(m) in_text(report::report_text(m)))),
  MuMIn = list(
    "r.squaredGLMM()" = list(two, MuMIn::r.squaredGLMM), "AICc()" = list(two, MuMIn::AICc)
  ),
  DHARMa = list("simulateResiduals()" = list(two, function(m) {
    found <- DHARMa::simulateResiduals(m, 2000, seed = 1)$scaledResiduals
    # of both at the same rows: a rank among 2000 has a standard error of at most 0.011
    round(found, 1) + 1
  }, NULL, 0.12))
)

numbers <- function(x) {
  if (is.list(x)) x <- unlist(x[vapply(x, is.numeric, NA)])
  unname(as.numeric(x))
}

# Whether a function of ours is under way: a condition is then ours, else the other package's, which
# knows no such fit.
is_ours <- function(frames) {
  any(vapply(frames, function(f) identical(topenv(environment(f)), asNamespace("hdlmm")), NA))
}

answer <- function(f, fit) {
  ours <- FALSE
  note <- function(e) {
    # the innermost frames are those of the handler itself
    ours <<- is_ours(lapply(seq_len(sys.nframe()), sys.function))
  }
  tryCatch(
    withCallingHandlers(suppressMessages(suppressWarnings(numbers(f(fit)))), error = note),
    hdlmm_error = function(e) structure("refused", text = conditionMessage(e)),
    error = function(e) {
      structure(if (ours) "error" else "no method", text = conditionMessage(e))
    }
  )
}

status <- function(own, theirs, tolerance) {
  if (is.character(own)) return(as.vector(own))
  if (is.character(theirs)) return("ours alone")
  if (all(is.na(own))) return("empty")
  if (length(own) != length(theirs)) return("differs")
  off <- abs(own - theirs) / pmax(abs(theirs), 1e-3)
  is_same <- identical(is.na(own), is.na(theirs)) && all(off < tolerance, na.rm = TRUE)
  if (is_same) "same" else "differs"
}

# Why what is not the same is not.
remarks <- c(
  "insight find_statistic()" = "insight knows classes by a list of its own",
  "performance compare_performance()" = "insight's list again; model_performance() works",
  "parameters ci()" = "Satterthwaite's degrees of freedom, lme4's fits have residual ones here",
  "parameters p_value()" = "as ci()",
  "sjPlot tab_model()" = "limits by Satterthwaite's t; lme4's are normal; all else is the same",
  "ggeffects ggpredict()" = "predicts for a level of the group; ggemmeans() has the fixed part",
  "datawizard standardize()" = "insight's list again: it warns and changes nothing",
  "texreg extract()" = "by broom::tidy(): standard deviations of random effects stand below",
  "stargazer stargazer()" = "prints that it does not know the class"
)
remark <- function(package, call) {
  found <- remarks[paste(package, call)]
  if (is.na(found)) "" else found[[1]]
}

row_of <- function(package, call, asked) {
  f <- asked[[2]]
  reference <- if (length(asked) > 2) asked[[3]]
  tolerance <- if (length(asked) > 3) asked[[4]] else 1e-3
  texts <- character()
  found <- vapply(asked[[1]], function(fits) {
    own <- answer(f, fits$own)
    if (is.character(own)) texts <<- c(texts, attr(own, "text"))
    theirs <- if (is.null(reference)) answer(f, fits$theirs) else
      suppressMessages(numbers(reference(fits$own)))
    status(own, theirs, tolerance)
  }, "")
  why <- remark(package, call)
  if (nzchar(why)) found[found == "differs"] <- "explained"
  data.frame(
    package = package, version = as.character(utils::packageVersion(package)), call = call,
    status = paste(unique(found), collapse = ", "),
    remark = if (nzchar(why)) why else substr(gsub("\n", " ", c(texts, "")[1]), 1, 70)
  )
}

missing <- character()
rows <- list()
for (package in grep(asked, names(calls), value = TRUE)) {
  if (!requireNamespace(package, quietly = TRUE)) {
    missing <- c(missing, package)
    next
  }
  own_calls <- eval(calls[[package]])
  for (call in names(own_calls)) rows <- c(rows, list(row_of(package, call, own_calls[[call]])))
}
table <- do.call(rbind, rows)
options(width = 200)
print(table, right = FALSE, row.names = FALSE)
cat("\n", nrow(table), " calls in ", length(unique(table$package)), " packages\n", sep = "")
print(table(table$status))
if (length(missing) > 0) cat("not installed:", missing, "\n")
quit(status = any(grepl("differs|empty|error", table$status)))
