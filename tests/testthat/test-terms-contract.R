# Every exported function and every S3 method on every kind of fit with several variances of random
# effects: each answers, or refuses by an hdlmm_error that the table `refused` announces. An export
# or a method without a line here fails the last tests of this file.

fits <- terms_contract_fits()
all_kinds <- names(fits)
reml <- setdiff(all_kinds, "ml")

refused <- list(
  deviance = reml, profile = "exact", elbo = all_kinds, kl_gap = all_kinds,
  bayes_factor = all_kinds, posterior_summary = all_kinds, posterior_density = all_kinds,
  compare_methods = "exact", exact_pve = all_kinds, loo = "exact",
  bootstrap = "exact", test_random = "exact", posterior_sample = "exact",
  posterior_predict = "exact", posterior_epred = "exact", posterior_linpred = "exact",
  log_lik = "exact", bayes_R2 = "exact", pp_check = "exact",
  as_draws = "exact", as_draws_array = "exact",
  as_draws_matrix = "exact", as_draws_df = "exact", emm_basis = "no_fixed",
  Anova = c("no_fixed", "exact"), linearHypothesis = c("no_fixed", "exact"),
  influence = "exact", dfbeta = "exact", dfbetas = "exact", cooks.distance = c("exact", "no_fixed"),
  rstandard = "exact", rstudent = "exact"
)

named_like_rows <- function(x, fit) {
  expect_type(x, "double")
  expect_named(x, names(residuals(fit)))
}

# Parameters by name, in the order of varcomp().
n_effects <- function(fit) sum(lengths(ranef(fit)))

draws_quietly <- function(code) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_s3_class(code, "hdlmm")
}

without <- function(package, f) function(fit) if (requireNamespace(package, quietly = TRUE)) f(fit)

answers <- c(foreign_answers, marginal_contract, list(
  print = prints,
  summary = function(fit) {
    prints(summary(fit))
    expect_identical(rownames(coef(summary(fit))), names(fixef(fit)))
  },
  fixef = function(fit) expect_identical(names(fixef(fit)), colnames(model.matrix(fit))),
  coef = function(fit) expect_identical(coef(fit), fixef(fit)),
  ranef = function(fit) {
    out <- ranef(fit, se = TRUE)
    prints(out)
    for (term in names(out)) {
      expect_identical(dim(attr(out, "se")[[term]]), dim(out[[term]]))
      expect_true(all(attr(out, "se")[[term]] >= 0))
    }
    expect_equal(nrow(as.data.frame(out)), n_effects(fit))
    expect_conditional(fit)
  },
  varcomp = function(fit) expect_identical(names(varcomp(fit))[length(varcomp(fit))], "Residual"),
  VarCorr = function(fit) {
    prints(VarCorr(fit))
    expect_equal(sort(VarCorr(fit)$vcov), sort(unname(varcomp(fit))), tolerance = 0)
  },
  pve = function(fit) {
    out <- pve(fit)
    expect_true(all(out$estimate >= 0 & out$estimate <= 1))
    expect_true(all(out$lower <= out$estimate & out$estimate <= out$upper, na.rm = TRUE))
  },
  exact_pve = function(fit) pve(fit, method = "exact"),
  sigma = function(fit) expect_identical(sigma(fit)^2, sqrt(varcomp(fit)[["Residual"]])^2),
  logLik = function(fit) {
    for (REML in list(NULL, TRUE, FALSE)) expect_false(is.nan(logLik(fit, REML = REML)))
    expect_equal(attr(logLik(fit), "df"), length(fixef(fit)) + length(varcomp(fit)))
  },
  extractAIC = function(fit) expect_length(suppressWarnings(extractAIC(fit)), 2),
  AIC = function(fit) expect_identical(AIC(fit), AIC(logLik(fit))),
  BIC = function(fit) expect_identical(BIC(fit), BIC(logLik(fit))),
  log_evidence = function(fit) {
    expect_identical(log_evidence(fit), as.numeric(logLik(fit, REML = FALSE)))
  },
  elbo = elbo, kl_gap = kl_gap, bayes_factor = bayes_factor,
  posterior_summary = posterior_summary, posterior_density = posterior_density,
  compare_methods = compare_methods, profile = function(fit) prints(profile(fit, n = 4)),
  posterior_sample = function(fit) {
    out <- posterior_sample(fit, 8, seed = 1, beta = TRUE)
    prints(out)
    expect_identical(dim(out$beta), c(8L, as.integer(n_effects(fit))))
    expect_identical(nrow(as.matrix(out)), 8L)
  },
  posterior_predict = function(fit) {
    for (random in c(TRUE, FALSE)) {
      out <- posterior_predict(fit, draws = 5, seed = 1, random = random)
      expect_identical(dim(out), c(5L, as.integer(nobs(fit))))
    }
  },
  as_draws = without("posterior", function(fit) {
    expect_true(posterior::is_draws(posterior::as_draws(fit)))
  }),
  as_draws_array = without("posterior", function(fit) {
    expect_identical(posterior::ndraws(posterior::as_draws_array(fit, draws = 20)), 20L)
  }),
  as_draws_matrix = without("posterior", function(fit) {
    expect_identical(posterior::ndraws(posterior::as_draws_matrix(fit, draws = 20)), 20L)
  }),
  as_draws_df = without("posterior", function(fit) {
    expect_identical(posterior::ndraws(posterior::as_draws_df(fit, draws = 20)), 20L)
  }),
  deviance = function(fit) expect_equal(deviance(fit), -2 * c(logLik(fit)), tolerance = 1e-14),
  nobs = function(fit) expect_equal(nobs(fit), sum(!is.na(residuals(fit)))),
  df.residual = function(fit) {
    expect_equal(df.residual(fit), nobs(fit) - length(fixef(fit)) - length(varcomp(fit)))
  },
  vcov = function(fit) {
    expect_identical(dim(vcov(fit)), rep(length(fixef(fit)), 2))
    expect_identical(dim(vcov(fit, full = TRUE)), rep(length(c(fixef(fit), varcomp(fit))), 2))
  },
  formula = function(fit) expect_equal(formula(fit), fit$formula, ignore_formula_env = TRUE),
  terms = function(fit) expect_s3_class(terms(fit), "terms"),
  model.frame = function(fit) expect_equal(nrow(model.frame(fit)), nobs(fit)),
  model.matrix = function(fit) {
    expect_equal(nrow(model.matrix(fit)), nobs(fit))
    random <- model.matrix(fit, type = "random")
    columns <- if (is.list(random)) sum(vapply(random, ncol, 0L)) else ncol(random)
    expect_equal(columns, n_effects(fit))
  },
  family = function(fit) expect_identical(family(fit)$family, "gaussian"),
  weights = function(fit) expect_identical(is.null(weights(fit)), is.null(fit$call$weights)),
  na.action = function(fit) {
    expect_equal(length(na.action(fit)), length(residuals(fit)) - nobs(fit))
  },
  fitted = function(fit) named_like_rows(fitted(fit), fit),
  residuals = function(fit) named_like_rows(residuals(fit, "scaled"), fit),
  hatvalues = function(fit) {
    named_like_rows(hatvalues(fit), fit)
    effective <- sum(hatvalues(fit), na.rm = TRUE)
    # rounding only
    expect_gte(effective, length(fixef(fit)) - 1e-8)
    expect_lte(effective, nobs(fit) + 1e-8)
  },
  predict = function(fit) {
    named_like_rows(predict(fit), fit)
    out <- predict(fit, se.fit = TRUE, interval = "prediction")
    named_like_rows(out$se.fit, fit)
    for (random in list(FALSE, names(ranef(fit))[1])) {
      limits <- predict(fit, random = random, interval = "prediction")
      expect_true(all(limits[, 2] <= limits[, 3], na.rm = TRUE))
    }
  },
  simulate = function(fit) {
    expect_identical(dim(simulate(fit, 2, seed = 1)), c(length(residuals(fit)), 2L))
  },
  confint = function(fit) {
    for (method in c("wald", "profile")) {
      is_there <- method %in% hdlmm:::limit_methods(fit, "variance")
      limits <- if (is_there) confint(fit, method = method) else confint(fit)
      expect_true(all(limits[, 1] <= limits[, 2], na.rm = TRUE))
      expect_true(all(names(c(fixef(fit), varcomp(fit))) %in% rownames(limits)))
    }
  },
  bootstrap = function(fit) {
    out <- confint(fit, method = "boot", draws = 4, seed = 1)
    expect_identical(rownames(out), rownames(confint(fit, method = "wald")))
  },
  update = function(fit) {
    again <- suppressWarnings(update(fit, . ~ .))
    # the same computation again
    expect_equal(varcomp(again), varcomp(fit), tolerance = 1e-12)
  },
  anova = function(fit) expect_identical(rownames(anova(fit)), attr(terms(fit), "term.labels")),
  drop1 = function(fit) {
    expect_identical(
      rownames(suppressWarnings(drop1(fit))), c("<none>", attr(terms(fit), "term.labels"))
    )
  },
  add1 = function(fit) expect_identical(rownames(suppressWarnings(add1(fit, ~.))), "<none>"),
  dropterm = without("MASS", function(fit) {
    expect_identical(suppressWarnings(MASS::dropterm(fit)), suppressWarnings(drop1(fit)))
  }),
  addterm = without("MASS", function(fit) {
    expect_identical(rownames(suppressWarnings(MASS::addterm(fit, ~.))), "<none>")
  }),
  `$<-` = function(fit) {
    random <- function(fit) sum(all.names(formula(fit)) %in% c("|", "||", "re"))
    before <- random(fit)
    fit$formula <- terms(fit)
    expect_identical(random(fit), before)
  },
  test_random = function(fit) {
    out <- test_random(fit, draws = 3, seed = 1)
    prints(out)
    expect_identical(unique(out$term), names(ranef(fit)))
    expect_true(all(out$p_value > 0 & out$p_value <= 1))
  },
  loo = function(fit) expect_true(is.finite(loo(fit)$elpd)),
  convergence = function(fit) {
    expect_true(all(c("iteration", "objective", "Residual") %in% names(convergence(fit))))
  },
  plot = function(fit) draws_quietly(plot(fit, which = 1:6)),
  tidy = without("generics", function(fit) {
    out <- generics::tidy(fit, c("fixed", "ran_pars", "ran_vals"), conf.int = TRUE)
    expect_equal(nrow(out), length(c(fixef(fit), varcomp(fit))) + n_effects(fit))
    expect_false(anyNA(out$term))
  }),
  glance = without("generics", function(fit) expect_equal(nrow(generics::glance(fit)), 1)),
  augment = without("generics", function(fit) {
    out <- generics::augment(fit, se_fit = TRUE)
    expect_false(anyNA(out[c(".fitted", ".fixed", ".resid", ".hat", ".se.fit")]))
  }),
  recover_data = without("emmeans", function(fit) {
    if (length(fixef(fit))) expect_equal(nrow(emmeans::recover_data(fit)), nobs(fit))
  }),
  emm_basis = without("emmeans", function(fit) {
    expect_true(all(c("emmean", "df") %in% names(as.data.frame(emmeans::emmeans(fit, ~1)))))
  }),
  Anova = without("car", function(fit) {
    for (test in tests_of(fit)) prints(car::Anova(fit, test.statistic = test))
  }),
  linearHypothesis = without("car", function(fit) {
    for (test in tests_of(fit)) {
      prints(car::linearHypothesis(fit, names(fixef(fit))[1], test = test))
    }
  }),
  getME = without("lme4", function(fit) {
    out <- lme4::getME(fit, c("X", "Z", "beta", "b", "mu"))
    # one product in another order than the fit's own
    expect_equal(
      drop(out$X %*% out$beta) + drop(as.matrix(out$Z %*% out$b)) + lme4::getME(fit, "offset"),
      out$mu, ignore_attr = TRUE, tolerance = 1e-8
    )
  }),
  isREML = without("lme4", function(fit) {
    expect_identical(lme4::isREML(fit), fit$method == "REML")
  }),
  isLMM = without("lme4", function(fit) expect_true(lme4::isLMM(fit))),
  isGLMM = without("lme4", function(fit) expect_false(lme4::isGLMM(fit))),
  isNLMM = without("lme4", function(fit) expect_false(lme4::isNLMM(fit))),
  ngrps = without("lme4", function(fit) {
    for (n in lme4::ngrps(fit)) expect_true(n %in% c(5, 7))
  }),
  refit = without("lme4", function(fit) {
    again <- suppressWarnings(lme4::refit(fit, model.frame(fit)[[1]]))
    expect_equal(varcomp(again), varcomp(fit), tolerance = 1e-12)
  }),
  find_formula = without("insight", function(fit) {
    expect_false(is.null(insight::find_formula(fit)$conditional))
  }),
  find_random = without("insight", function(fit) {
    expect_identical(insight::find_random(fit, flatten = TRUE), names(ranef(fit)))
  }),
  get_statistic = without("insight", function(fit) {
    expect_identical(insight::get_statistic(fit)$Parameter, names(fixef(fit)))
  }),
  get_df = without("insight", function(fit) {
    expect_equal(insight::get_df(fit), df.residual(fit))
  }),
  get_loglikelihood = without("insight", function(fit) {
    expect_identical(insight::get_loglikelihood(fit), logLik(fit))
  }),
  get_deviance = without("insight", function(fit) {
    expect_false(is.nan(insight::get_deviance(fit)))
  }),
  get_variance = without("insight", function(fit) {
    expect_equal(insight::get_variance(fit)$var.residual, sigma(fit)^2, tolerance = 1e-15)
  }),
  is_converged = without("insight", function(fit) expect_true(insight::is_converged(fit)))
))

for (name in names(answers)) {
  test_that(paste0(name, "() answers on every kind of fit, or refuses as announced"), {
    expect_kept(answers[[name]], fits, refused[[name]])
  })
}

test_that("every export and every method of a fit has a line", {
  not_on_fits <- c(
    "lmm", "lmm_control", "lmm_methods", "hdlmm_config", "re", "lmm_prior", "is_proper",
    "prior_predict", "cv_lmm",
    paste0(
      "prior_", c("beta", "dirichlet", "flat", "half_t", "inverse_gamma", "jeffreys", "normal")
    )
  )
  methods <- getNamespaceInfo("hdlmm", "S3methods")
  wanted <- c(methods[methods[, 2] == "hdlmm", 1], getNamespaceExports("hdlmm"))
  expect_identical(setdiff(wanted, c(names(answers), not_on_fits)), character())
})
