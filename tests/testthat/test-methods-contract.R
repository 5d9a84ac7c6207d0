# The contract: every exported function and every S3 method, on every kind of fit. Each
# works or refuses by an hdlmm_error that the table `refusals` announces. An export or a
# method without a line here fails the last tests of this file.

# chains of 50 draws need not agree; a bound says what its factors do to correlated columns
other_fits <- suppressMessages(suppressWarnings(inference_fits()))
fits <- c(contract_fits(), other_fits)

by_method <- function(...) names(fits)[vapply(fits, function(fit) fit$method %in% c(...), NA)]
reml <- by_method("REML")
bayes <- by_method("Bayes")
not_likelihood <- by_method("MAP", "VB", "Bayes")
full_vb <- c("full_vb", "full_padded", "full_cavi")
# the default prior of the total variance and of the fixed effects has no integral
improper <- setdiff(bayes, c("bayes_normal", "gibbs_normal"))
degenerate <- c("exact", "spanned")

# Kinds of fits that a function refuses, all by hdlmm_error.
refusals <- list(
  deviance = c(reml, not_likelihood), AIC = not_likelihood, BIC = not_likelihood,
  profile = c("ols", "exact", full_vb), loo = degenerate,
  test_random = c("ols", degenerate, not_likelihood), bootstrap = c(degenerate, not_likelihood),
  exact_pve = by_method("MAP", "VB", "Bayes"),
  random_matrix = "ols", getME = "ols", emm_basis = c("no_fixed", "bayes_no_fixed"),
  drop1 = c("spanned", not_likelihood), add1 = c("spanned", not_likelihood),
  dropterm = c("spanned", not_likelihood), addterm = c("spanned", not_likelihood),
  extractAIC = c("spanned", not_likelihood), Anova = c(degenerate, "no_fixed", not_likelihood),
  linearHypothesis = c(degenerate, "no_fixed", not_likelihood),
  influence = c(degenerate, not_likelihood), dfbeta = c(degenerate, not_likelihood),
  dfbetas = c(degenerate, not_likelihood), cooks.distance = c("exact", "no_fixed", not_likelihood),
  rstandard = c("exact", not_likelihood), rstudent = c("exact", not_likelihood),
  p_value = not_likelihood, getVarCov = "ols",
  anova = not_likelihood, log_evidence = improper,
  elbo = setdiff(names(fits), by_method("VB")), kl_gap = setdiff(names(fits), by_method("VB")),
  bayes_factor = setdiff(names(fits), bayes), posterior_summary = setdiff(names(fits), bayes),
  posterior_density = setdiff(names(fits), bayes), posterior_sample = "exact",
  posterior_predict = "exact", posterior_epred = "exact", posterior_linpred = "exact",
  log_lik = "exact", bayes_R2 = "exact", pp_check = "exact", compare_methods = c("ols", "exact"),
  as_draws = "exact", as_draws_array = "exact", as_draws_matrix = "exact", as_draws_df = "exact"
)

# One line a function --------------------------------------------------------------------

contract <- c(foreign_answers, marginal_contract, list(
  print = prints,
  summary = function(fit) {
    out <- summary(fit)
    expect_s3_class(out, "summary.hdlmm")
    prints(out)
    columns <- c("Estimate", "Std. Error", "df", "t value", "Pr(>|t|)")
    expect_identical(colnames(coef(out)), columns)
    expect_equal(nrow(coef(out)), length(fixed_names(fit)))
  },
  fixef = function(fit) expect_coefficients(fixef(fit), fit),
  coef = function(fit) expect_identical(coef(fit), fixef(fit)),
  ranef = function(fit) {
    out <- ranef(fit, se = TRUE)
    prints(out)
    expect_conditional(fit)
    expect_length(out, length(fit$designs))
    for (term in names(out)) {
      expect_length(out[[term]], fit$designs[[term]]$n_cols)
      expect_named(out[[term]])
      expect_named(attr(out, "se")[[term]], names(out[[term]]))
      expect_true(all(attr(out, "se")[[term]] >= 0))
    }
  },
  varcomp = function(fit) {
    expect_named(varcomp(fit), variance_names(fit))
    expect_true(all(varcomp(fit) >= 0))
  },
  VarCorr = function(fit) {
    out <- VarCorr(fit)
    prints(out)
    expect_identical(out$grp, variance_names(fit))
    # the same numbers
    expect_equal(out$vcov, unname(varcomp(fit)), tolerance = 0)
    expect_equal(out$sdcor^2, out$vcov, tolerance = 1e-15)  # one root, one square
  },
  pve = function(fit) {
    expect_shares(pve(fit), fit)
    expect_true(all(pve(fit)$se > 0, na.rm = TRUE))
    if (is_posterior(fit)) expect_false(anyNA(pve(fit)))
  },
  exact_pve = function(fit) {
    expect_shares(pve(fit, method = "exact", draws = 50, seed = 1), fit)
  },
  sigma = function(fit) {
    # a root of the same number
    expect_equal(sigma(fit), sqrt(varcomp(fit)[["Residual"]]), tolerance = 1e-15)
  },
  logLik = function(fit) {
    for (REML in list(NULL, TRUE, FALSE)) {
      out <- logLik(fit, REML = REML)
      expect_s3_class(out, "logLik")
      expect_false(is.nan(out))
      expect_equal(attr(out, "nobs"), nobs(fit))
    }
    if (fit$method %in% c("MAP", "VB", "Bayes")) {
      # nothing is at its maximum
      expect_true(is.na(attr(out, "df")))
      expect_true(is.na(AIC(out)))
    } else {
      expect_equal(attr(out, "df"), sum(!is.na(fixef(fit))) + length(varcomp(fit)))
      # minus twice the same number plus twice the same count
      expect_equal(AIC(fit), -2 * c(logLik(fit)) + 2 * attr(out, "df"), tolerance = 1e-14)
    }
    if (fit$method %in% c("OLS", "ML")) {  # fits by other methods are refitted by ML there
      expect_equal(extractAIC(fit), c(attr(out, "df"), AIC(fit)), tolerance = 1e-14)
    }
  },
  extractAIC = function(fit) expect_length(suppressWarnings(extractAIC(fit, k = 3)), 2),
  AIC = function(fit) expect_identical(AIC(fit), AIC(logLik(fit))),
  BIC = function(fit) expect_identical(BIC(fit), BIC(logLik(fit))),
  log_evidence = function(fit) {
    if (!is_posterior(fit)) {
      return(expect_identical(log_evidence(fit), as.numeric(logLik(fit, REML = FALSE))))
    }
    # an average of the likelihood is below its maximum
    by_ml <- suppressWarnings(update(fit, method = "ML", algorithm = "direct"))
    expect_lt(log_evidence(fit), as.numeric(logLik(by_ml)))
  },
  elbo = function(fit) expect_true(is.finite(elbo(fit))),
  kl_gap = function(fit) {
    expect_gte(kl_gap(fit), 0)
    # three numbers of order 100 or less, each to rounding
    expect_equal(elbo(fit) + kl_gap(fit), log_evidence(fit), tolerance = 1e-11)
  },
  bayes_factor = function(fit) {
    expect_equal(log(bayes_factor(fit)), bayes_factor(fit, log = TRUE), tolerance = 1e-12)
  },
  posterior_summary = function(fit) {
    all <- posterior_summary(fit, probs = c(0.1, 0.9))
    expect_true(all(all[, 3] < all[, 4]) && all(all[, "sd"] > 0))
    expect_equal(all["pve", "mean"], pve(fit)$estimate, ignore_attr = TRUE)
    effect <- names(ranef(fit)[[1]])[1]
    expect_equal(
      unname(posterior_summary(fit, effect)[, "sd"]),
      unname(attr(ranef(fit, se = TRUE), "se")[[1]][1]),
      tolerance = 1e-6  # two sums over the same nodes
    )
  },
  posterior_density = function(fit) {
    curves <- posterior_density(fit, n = 400)
    mass <- vapply(split(curves, curves$parameter), function(curve) {
      sum(diff(curve$x) * (curve$density[-1] + curve$density[-nrow(curve)]) / 2)
    }, 0)
    # all but the tails, some of them heavy, by the trapezoidal rule
    expect_true(all(abs(mass - 1) < 0.03))
  },
  posterior_sample = function(fit) {
    out <- posterior_sample(fit, 30, seed = 1)
    prints(out)
    expect_identical(colnames(out$omega), fixed_names(fit))
    expect_identical(colnames(out$variances), variance_names(fit))
    expect_identical(c(nrow(out$omega), nrow(out$variances), length(out$pve)), rep(30L, 3))
    expect_true(all(out$variances >= 0) && all(out$pve >= 0 & out$pve <= 1))
    expect_null(out$beta)
    effects <- posterior_sample(fit, 30, seed = 1, beta = TRUE)$beta
    expect_equal(NCOL(effects), sum(lengths(ranef(fit))) + (length(fit$designs) == 0))
    if (length(fit$designs)) expect_identical(colnames(effects), names(ranef(fit)[[1]]))
    expect_identical(nrow(as.matrix(out)), 30L)
  },
  posterior_predict = function(fit) {
    for (random in c(TRUE, FALSE)) {
      out <- posterior_predict(fit, draws = 30, seed = 1, random = random)
      expect_identical(dim(out), c(30L, as.integer(nobs(fit))))
      expect_identical(colnames(out), rownames(model.frame(fit)))
      expect_true(all(is.finite(out)))
    }
    expect_identical(out, posterior_predict(fit, draws = 30, seed = 1, random = FALSE))
  },
  as_draws = function(fit) {
    skip_if_not_installed("posterior")
    expect_parameters(posterior::as_draws(fit), fit)
    sample <- posterior_sample(fit, 20, seed = 1)
    for (convert in c("as_draws", "as_draws_array", "as_draws_df", "as_draws_matrix")) {
      out <- getExportedValue("posterior", convert)(sample)
      expect_parameters(out, fit)
      own <- posterior::as_draws_matrix(out)[, "var_Residual"]
      expect_identical(as.numeric(own), unname(sample$variances[, "Residual"]))
    }
  },
  as_draws_array = function(fit) {
    skip_if_not_installed("posterior")
    out <- posterior::as_draws_array(fit, draws = 20, seed = 1)
    expect_identical(posterior::nchains(out), if (is.null(fit$draws)) 1L else 2L)
    expect_parameters(out, fit)
  },
  as_draws_matrix = function(fit) {
    skip_if_not_installed("posterior")
    expect_parameters(posterior::as_draws_matrix(fit, draws = 20, seed = 1), fit)
  },
  as_draws_df = function(fit) {
    skip_if_not_installed("posterior")
    expect_parameters(posterior::as_draws_df(fit, draws = 20, seed = 1), fit)
  },
  compare_methods = function(fit) {
    out <- compare_methods(fit, c("REML", "MAP"))
    prints(out)
    expect_identical(out$method, c("REML", "MAP"))
    has_answer <- nzchar(out$note) | !is.na(out$pve)  # a method may have none, and says so
    expect_true(all(has_answer) && all(out$pve >= 0 & out$pve <= 1, na.rm = TRUE))
  },
  deviance = function(fit) {
    is_mixed <- length(fit$designs) > 0
    expected <- if (is_mixed) -2 * c(logLik(fit)) else sum(residuals(fit)^2)
    expect_equal(deviance(fit), expected, tolerance = 1e-13)  # the same sum, reordered
  },
  nobs = function(fit) expect_equal(nobs(fit), sum(!is.na(residuals(fit)))),
  df.residual = function(fit) {
    random <- if (length(fit$designs) > 0) length(varcomp(fit)) else 0
    expect_equal(df.residual(fit), nobs(fit) - length(fixed_names(fit)) - random)
  },
  vcov = function(fit) {
    expect_equal(dim(vcov(fit)), rep(length(fixed_names(fit)), 2))
    full <- vcov(fit, full = TRUE)
    expect_equal(dim(full), rep(length(fixed_names(fit)) + length(varcomp(fit)), 2))
    expect_identical(rownames(full), colnames(full))
  },
  formula = function(fit) {
    # the fit keeps a smaller environment for what its terms need at new rows
    expect_equal(formula(fit), fit$formula, ignore_formula_env = TRUE)
    expect_identical(environment(formula(fit)), environment(terms(fit)))
  },
  terms = function(fit) {
    expect_s3_class(terms(fit), "terms")
    expect_false(any(grepl("re(", attr(terms(fit), "term.labels"), fixed = TRUE)))
  },
  model.frame = function(fit) expect_equal(nrow(model.frame(fit)), nobs(fit)),
  model.matrix = function(fit) {
    expect_equal(nrow(model.matrix(fit)), nobs(fit))
    expect_identical(length(attr(model.matrix(fit), "assign")), ncol(model.matrix(fit)))
  },
  random_matrix = function(fit) expect_false(is.null(model.matrix(fit, type = "random"))),
  family = function(fit) expect_identical(family(fit)$family, "gaussian"),
  weights = function(fit) {
    if (is.null(fit$call$weights)) expect_null(weights(fit)) else
      expect_rows(weights(fit), fit)
  },
  na.action = function(fit) {
    expect_equal(length(na.action(fit)), n_rows(fit) - nobs(fit))
  },
  fitted = function(fit) expect_rows(fitted(fit), fit),
  residuals = function(fit) {
    for (type in c("response", "pearson", "scaled")) {
      expect_rows(residuals(fit, type = type), fit)
    }
  },
  hatvalues = function(fit) {
    hat <- hatvalues(fit)
    expect_rows(hat, fit)
    # the effective number of parameters lies between c (less under a prior that shrinks them) and
    # n; rounding only
    free <- is.null(fit$prior) || fit$prior$fixed$kind == "flat"
    expect_gte(sum(hat, na.rm = TRUE), if (free) length(fixed_names(fit)) - 1e-8 else 0)
    expect_lte(sum(hat, na.rm = TRUE), nobs(fit) + 1e-8)
  },
  predict = function(fit) {
    expect_rows(predict(fit), fit)
    expect_rows(predict(fit, random = FALSE), fit)
    out <- predict(fit, se.fit = TRUE, interval = "prediction")
    expect_named(out, c("fit", "se.fit", "df", "residual.scale"))
    expect_identical(dim(out$fit), c(n_rows(fit), 3L))
    expect_identical(colnames(out$fit), c("fit", "lwr", "upr"))
    expect_rows(out$se.fit, fit)
  },
  simulate = function(fit) {
    out <- simulate(fit, 2, seed = 1)
    expect_identical(dim(out), c(n_rows(fit), 2L))
    expect_identical(rownames(out), names(fitted(fit)))
    expect_named(out, c("sim_1", "sim_2"))
    expect_false(is.null(attr(out, "seed")))
  },
  confint = function(fit) {
    expect_limits(confint(fit), all_parameters(fit))
    own <- hdlmm:::limit_methods(fit, "fixed")
    if ("wald" %in% own) expect_limits(confint(fit, method = "wald"), all_parameters(fit))
  },
  bootstrap = function(fit) {
    out <- confint(fit, method = "boot", draws = 20, seed = 1)
    expect_limits(out, all_parameters(fit))
    expect_false(anyNA(out))
  },
  update = function(fit) {
    again <- suppressWarnings(update(fit, . ~ .))
    # the same computation again
    expect_equal(varcomp(again), varcomp(fit), tolerance = 1e-12)
    expect_identical(update(fit, method = "ML", evaluate = FALSE)$method, "ML")
    # what the refusals advise, whatever algorithm and prior the fit had
    expect_no_error(suppressWarnings(update(fit, method = "REML")))
  },
  anova = function(fit) {
    out <- anova(fit)
    expect_s3_class(out, "anova")
    expect_named(out, c("Df", "Den Df", "F value", "Pr(>F)"))
    expect_identical(rownames(out), attr(terms(fit), "term.labels"))
  },
  drop1 = function(fit) {
    out <- suppressWarnings(drop1(fit))
    expect_s3_class(out, "anova")
    expect_identical(rownames(out), c("<none>", attr(terms(fit), "term.labels")))
  },
  add1 = function(fit) {
    expect_identical(rownames(suppressWarnings(add1(fit, ~ .))), "<none>")
  },
  dropterm = function(fit) {
    expect_identical(suppressWarnings(MASS::dropterm(fit)), suppressWarnings(drop1(fit)))
  },
  addterm = function(fit) {
    expect_identical(rownames(suppressWarnings(MASS::addterm(fit, ~ .))), "<none>")
  },
  `$<-` = function(fit) {
    marked <- fit
    marked$formula <- terms(fit)
    expect_setequal(all.names(formula(marked)), all.names(formula(fit)))
    marked$formula <- NULL
    expect_null(marked$formula)
    expect_s3_class(marked, "hdlmm")
  },
  profile = function(fit) {
    out <- profile(fit, n = 20)
    prints(out)
    plots(plot(out))
    expect_named(out, c("curve", "modes", "unbounded", "boundary", "method"))
    expect_true(all(out$curve$pve >= 0 & out$curve$pve <= 1))
  },
  test_random = function(fit) {
    out <- test_random(fit, draws = 50, seed = 1)
    prints(out)
    expect_identical(out$method, c("exact", "mixture"))
    expect_true(all(out$p_value > 0 & out$p_value <= 1))
  },
  loo = function(fit) {
    out <- loo(fit)
    prints(out)
    expect_equal(nrow(out$table), nobs(fit))
    expect_true(is.finite(out$elpd))
  },
  convergence = function(fit) {
    out <- convergence(fit)
    expect_true(all(c("iteration", "objective", variance_names(fit)) %in% names(out)))
    expect_false(anyNA(out[variance_names(fit)]))
    # draws end anywhere; a factor's mean is not the 1 / E(1 / sigma^2) at which its sweeps work
    if (!is.null(fit$draws) || isTRUE(fit$q$is_full)) return()
    # the last step is the fit; a Newton step at tol is below 1e-9 relative
    last <- unlist(out[nrow(out), variance_names(fit), drop = FALSE])
    expect_equal(last, varcomp(fit), tolerance = 1e-8)
  },
  plot = function(fit) plots(suppressMessages(plot(fit, which = 1:6))),
  tidy = function(fit) {
    skip_if_not_installed("generics")
    out <- generics::tidy(fit, c("fixed", "ran_pars", "ran_vals"), conf.int = TRUE)
    expect_named(out, c(
      "effect", "group", "level", "term", "estimate", "std.error", "statistic", "df",
      "p.value", "conf.low", "conf.high"
    ))
    count <- length(fixed_names(fit)) + length(varcomp(fit)) + sum(lengths(ranef(fit)))
    expect_equal(nrow(out), count)
  },
  glance = function(fit) {
    skip_if_not_installed("generics")
    expect_equal(nrow(generics::glance(fit)), 1)
  },
  augment = function(fit) {
    skip_if_not_installed("generics")
    out <- generics::augment(fit, se_fit = TRUE)
    added <- c(".fitted", ".fixed", ".resid", ".hat", ".se.fit")
    expect_true(all(added %in% names(out)))
    expect_equal(nrow(out), nobs(fit))
    expect_false(anyNA(out[added]))
  },
  recover_data = function(fit) {
    skip_if_not_installed("emmeans")
    if (length(attr(terms(fit), "term.labels")) == 0) return(succeed("no predictors"))
    expect_equal(nrow(emmeans::recover_data(fit)), nobs(fit))
  },
  emm_basis = function(fit) {
    skip_if_not_installed("emmeans")
    out <- as.data.frame(emmeans::emmeans(fit, ~1))
    expect_true(all(c("emmean", "SE", "df") %in% names(out)))
  },
  Anova = function(fit) {
    skip_if_not_installed("car")
    for (test in tests_of(fit)) prints(car::Anova(fit, test.statistic = test))
  },
  linearHypothesis = function(fit) {
    skip_if_not_installed("car")
    for (test in tests_of(fit)) {
      prints(car::linearHypothesis(fit, names(fixef(fit))[1], test = test))
    }
  },
  getME = function(fit) {
    skip_if_not_installed("lme4")
    out <- lme4::getME(fit, c("X", "Z", "beta", "b", "theta", "sigma", "y", "mu"))
    random <- drop(as.matrix(out$Z %*% out$b))
    expect_equal(drop(out$X %*% out$beta) + random, out$mu, ignore_attr = TRUE,
                 tolerance = 1e-8)  # one product in another order than the fit's own
  },
  isREML = function(fit) {
    skip_if_not_installed("lme4")
    expect_identical(lme4::isREML(fit), fit$method == "REML")
  },
  isLMM = function(fit) {
    skip_if_not_installed("lme4")
    expect_identical(lme4::isLMM(fit), length(fit$designs) > 0)
  },
  isGLMM = function(fit) {
    skip_if_not_installed("lme4")
    expect_false(lme4::isGLMM(fit))
  },
  isNLMM = function(fit) {
    skip_if_not_installed("lme4")
    expect_false(lme4::isNLMM(fit))
  },
  ngrps = function(fit) {
    skip_if_not_installed("lme4")
    units <- vapply(fit$designs, function(d) d$kind %in% c("grouped", "kernel"), NA)
    expect_named(lme4::ngrps(fit), variance_names(fit)[-length(varcomp(fit))][units])
  },
  refit = function(fit) {
    skip_if_not_installed("lme4")
    y <- model.frame(fit)[[1]]
    again <- suppressWarnings(lme4::refit(fit, y))
    # the same computation again
    expect_equal(varcomp(again), varcomp(fit), tolerance = 1e-12)
    expect_equal(fitted(again), fitted(fit), tolerance = 1e-12)
  },
  find_formula = function(fit) {
    skip_if_not_installed("insight")
    expect_equal(
      insight::find_formula(fit)$conditional, formula(terms(fit)), ignore_formula_env = TRUE
    )
  },
  find_random = function(fit) {
    skip_if_not_installed("insight")
    expect_identical(
      as.character(insight::find_random(fit, flatten = TRUE)),
      setdiff(variance_names(fit), "Residual")
    )
  },
  get_statistic = function(fit) {
    skip_if_not_installed("insight")
    expect_identical(insight::get_statistic(fit)$Parameter, rownames(coef(summary(fit))))
  },
  get_df = function(fit) {
    skip_if_not_installed("insight")
    expect_equal(insight::get_df(fit), df.residual(fit))
    df <- insight::get_df(fit, "satterthwaite")
    expect_equal(df, coef(summary(fit))[, "df"], ignore_attr = TRUE)
  },
  get_loglikelihood = function(fit) {
    skip_if_not_installed("insight")
    expect_identical(insight::get_loglikelihood(fit), logLik(fit))
  },
  get_deviance = function(fit) {
    skip_if_not_installed("insight")
    expect_false(is.nan(insight::get_deviance(fit)))
  },
  get_variance = function(fit) {
    skip_if_not_installed("insight")
    out <- insight::get_variance(fit)
    # one root, one square
    expect_equal(out$var.residual, sigma(fit)^2, tolerance = 1e-15)
  },
  is_converged = function(fit) {
    skip_if_not_installed("insight")
    expect_identical(insight::is_converged(fit), fit$is_converged)
  }
))

plots <- function(code) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  expect_true(inherits(code, c("hdlmm", "hdlmm_profile")))
}

for (name in names(contract)) {
  test_that(paste0(name, "() works on every kind of fit, or refuses as announced"), {
    expect_kept(contract[[name]], fits, refusals[[name]])
  })
}

test_that("the functions that take no fit give what they promise", {
  expect_s3_class(lmm_control(), "lmm_control")
  prints(lmm_control())
  expect_s3_class(hdlmm_config(), "hdlmm_config")
  prints(hdlmm_config())
  expect_named(lmm_methods(), c("method", "algorithm", "description"))
  expect_error(re(1), class = "hdlmm_bad_input")
  expect_error(loo(1), class = "error")
  expect_error(posterior_predict(1), class = "error")
  for (density in list(prior_beta(2, 3), prior_half_t(3, 1), prior_inverse_gamma(2, 1))) {
    prints(density)
    expect_length(simulate(density, 4, seed = 1), 4)
    expect_true(is_proper(density))
  }
  own <- lmm_prior(
    random = prior_half_t(3, 1), residual = prior_half_t(3, 1), fixed = prior_normal(0, 1)
  )
  prints(own)
  expect_named(simulate(own, 4, seed = 1), c("random", "residual", "pve"))
  d <- contract_data()$d
  expect_identical(dim(prior_predict(y ~ x + (1 | g), d, own, draws = 3, seed = 1)), c(3L, 24L))
  expect_s3_class(fits$group, "hdlmm")
})

not_on_fits <- c(
  "lmm", "lmm_control", "lmm_methods",
  "hdlmm_config", "re", "lmm_prior", "is_proper", "prior_predict", "cv_lmm",
  paste0(
    "prior_", c("beta", "dirichlet", "flat", "half_t", "inverse_gamma", "jeffreys", "normal")
  )
)

test_that("every export has a line in the contract", {
  exports <- getNamespaceExports("hdlmm")
  expect_identical(setdiff(exports, c(names(contract), not_on_fits)), character())
})

# Methods of the objects that fits give, each called above where its object is made.
methods_of_answers <- c(
  "coef.summary.hdlmm", "print.summary.hdlmm", "print.ranef.hdlmm", "print.VarCorr.hdlmm",
  "print.hdlmm_loo", "print.hdlmm_profile", "plot.hdlmm_profile",
  "print.hdlmm_profiles", "plot.hdlmm_profiles",
  "print.hdlmm_random_test", "print.lmm_control",
  "print.hdlmm_config", "loo.default", "posterior_predict.default",
  "print.hdlmm_comparison", "plot.hdlmm_comparison", "print.hdlmm_sample",
  "as.matrix.hdlmm_sample", "print.lmm_density", "print.lmm_prior", "simulate.lmm_density",
  "simulate.lmm_prior", "as.data.frame.hdlmm_sample", "as.data.frame.ranef.hdlmm",
  "convergence.default", "elbo.default", "kl_gap.default", "log_evidence.default", "pve.default",
  "varcomp.default",
  "dotplot.ranef.hdlmm", "qqmath.ranef.hdlmm",  # test-ecosystem.R
  # test-cv.R and its like
  "as.data.frame.hdlmm_cv", "glance.hdlmm_cv", "tidy.hdlmm_cv", "autoplot.hdlmm_cv",
  "plot.hdlmm_cv", "print.hdlmm_cv", "print.summary.hdlmm_cv", "summary.hdlmm_cv",
  "test_random.default", "print.hdlmm_multi_loo", "print.summary.hdlmm_multi",
  paste0("as_draws", c("", "_array", "_df", "_matrix"), ".hdlmm_sample"),
  # test-knitr.R
  paste0("knit_print.", c(
    "VarCorr.hdlmm", "hdlmm_comparison", "hdlmm_cv", "hdlmm_random_test", "summary.hdlmm"
  )),
  # test-pictures.R
  paste0("autoplot.", c(
    "hdlmm_comparison", "hdlmm_convergence", "hdlmm_density", "hdlmm_loo", "hdlmm_profile",
    "hdlmm_profiles", "hdlmm_random_test", "hdlmm_sample", "lmm_density", "lmm_prior", "ranef.hdlmm"
  )),
  paste0("plot.", c(
    "hdlmm_convergence", "hdlmm_density", "hdlmm_loo", "hdlmm_random_test", "hdlmm_sample",
    "lmm_density", "lmm_prior", "ranef.hdlmm"
  ))
)

test_that("every S3 method has a line in the contract", {
  methods <- getNamespaceInfo("hdlmm", "S3methods")
  on_fits <- methods[, 2] == "hdlmm"
  on_several <- methods[, 2] == "hdlmm_multi"  # test-multi.R has those
  expect_identical(setdiff(methods[on_fits, 1], names(contract)), character())
  inside <- setdiff(ls(asNamespace("hdlmm")), getNamespaceExports("hdlmm"))
  # test-design-classes.R and its like have those
  is_other <- !on_fits & !on_several & !methods[, 1] %in% inside
  others <- paste(methods[is_other, 1], methods[is_other, 2], sep = ".")
  expect_identical(setdiff(others, methods_of_answers), character())
})
