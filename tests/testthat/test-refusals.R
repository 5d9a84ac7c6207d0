# What print() and every verb refuse: an argument out of its range, and a question that a fit has no
# answer to.

list2env(bad_input_fits(), environment())

asked_wrongly <- list(
  list(
    quote(residuals(plain, "partial")),
    "`type` must be .*\"pearson\".*found \"partial\""
  ),
  list(quote(model.matrix(plain, "all")), "`type` must be"),
  list(quote(predict(plain, d, interval = "both")), "`interval` must be"),
  list(
    quote(predict(plain, d, interval = "confidence", level = 95)),
    "strictly between 0 and 1"
  ),
  list(quote(predict(plain, se.fit = NA)), "`se.fit` must be TRUE or FALSE; found NA"),
  list(
    quote(predict(plain, random = "no")), "`random` names no random term: \"no\"; there are \"X\""
  ),
  list(
    quote(predict(plain, d, interval = "prediction", weights = -1)),
    "`weights` must be one"
  ),
  list(
    quote(predict(plain, d, interval = "prediction", weights = 1:3)),
    "`weights` must be .*40"
  ),
  list(
    quote(predict(grouped, d, allow.new.levels = 1)),
    "`allow.new.levels` must be TRUE or FALSE"
  ),
  list(
    quote(confint(plain, level = 2)), "`level` must lie strictly between 0 and 1; found 2"
  ),
  list(
    quote(confint(plain, "nothing")),
    "names no parameter: \"nothing\"; there are .*\"pve\""
  ),
  list(quote(confint(plain, 99)), "`parm` must be between 1 and 5; found 99"),
  list(quote(confint(plain, method = "bayes")), "`method` must be"),
  list(quote(confint(plain, "x", method = "exact")), "is for pve alone"),
  list(
    quote(confint(plain, method = "boot", draws = 0)), "`draws` must be one whole number"
  ),
  list(
    quote(confint(ols, method = "boot", draws = 9, seed = "q")),
    "`seed` must be one whole"
  ),
  list(quote(pve(plain, 0)), "`level` must lie strictly"),
  list(quote(vcov(plain, full = 3)), "`full` must be TRUE or FALSE"),
  list(quote(fixef(plain, complete = "a")), "`complete` must be TRUE or FALSE"),
  list(quote(ranef(plain, se = "a")), "`se` must be TRUE or FALSE"),
  list(quote(logLik(plain, REML = "a")), "`REML` must be TRUE or FALSE"),
  list(quote(simulate(plain, nsim = -1)), "`nsim` must be one whole number"),
  list(quote(simulate(plain, seed = "a")), "`seed` must be one whole number"),
  list(quote(profile(plain, n = 1)), "`n` must be one whole number"),
  list(quote(test_random(3)), "`fit` must be a fit of lmm\\(\\); found 3"),
  list(quote(test_random(plain, "bayes")), "`method` must be"),
  list(quote(update(plain, evaluate = "a")), "`evaluate` must be TRUE or FALSE"),
  list(quote(drop1(plain, "nothing")), "`scope` names no term: `nothing`"),
  list(quote(anova(plain, grouped, refit = 3)), "`refit` must be TRUE or FALSE"),
  list(quote(lmm(data = d)), "`formula`"),
  list(quote(posterior_sample(3)), "`fit` must be a fit of lmm\\(\\); found 3"),
  list(quote(posterior_sample(plain, 0)), "`draws` must be one whole number .*; found 0"),
  list(quote(posterior_sample(plain, seed = "a")), "`seed` must be one whole number"),
  list(quote(posterior_sample(plain, beta = 1)), "`beta` must be TRUE or FALSE"),
  list(quote(predict(plain, newdta = d)), "no argument `newdta`: perhaps `newdata` is meant"),
  list(quote(posterior_predict(plain, draws = 0)), "`draws` must be one whole number"),
  list(quote(posterior_predict(plain, 3)), "`newdata` must be a data frame or a list"),
  list(quote(posterior_predict(plain, d["y"])), "`newdata` lacks `x` and `X`"),
  list(quote(posterior_predict(plain, random = NA)), "`random` must be TRUE or FALSE"),
  list(quote(posterior_predict(plain, weights = -1)), "`weights` must be .*positive"),
  list(quote(posterior_predict(plain, seed = 1.5)), "`seed` must be one whole number"),
  list(quote(prior_predict(y ~ x + re(X), d)), "`prior` is missing"),
  list(quote(prior_predict(y ~ x + re(X), d, 3)), "`prior` must come from lmm_prior"),
  list(quote(prior_predict(prior = own)), "`formula`"),
  list(quote(prior_predict(3, d, own)), "`formula` must be a formula"),
  list(quote(prior_predict(y ~ x + re(X), d, own, draws = 0)), "`draws` must be one whole"),
  list(quote(prior_predict(y ~ x + re(X), d, own, seed = "b")), "`seed` must be one whole"),
  list(quote(bayes_factor(3)), "`fit` must be a fit of lmm\\(\\); found 3"),
  list(quote(bayes_factor(bayes, log = 3)), "`log` must be TRUE or FALSE; found 3"),
  list(quote(confint(bayes, "nothing")), "names no parameter: \"nothing\""),
  list(quote(pve(bayes, 2)), "`level` must lie strictly"),
  list(quote(lmm(y ~ x + re(X), d, prior = 3)), "`prior` must come from lmm_prior")
)

test_that("an argument out of its range is named, with what was found", {
  for (one in asked_wrongly) {
    seen <- observe(function() eval(one[[1]]))
    expect_false(is.null(seen$error), info = deparse1(one[[1]]))
    if (is.null(seen$error)) next
    expect_condition_laws(seen$error, "bad_input", "error")
    if (inherits(seen$error, "hdlmm_error")) expect_match(
      conditionMessage(seen$error), one[[2]]
    )
  }
})

test_that("a question about a random term that a fit lacks is refused", {
  for (ask in list(profile, test_random, function(fit) model.matrix(fit, "random"))) {
    expect_error(
      ask(ols), "needs a random term; this fit has none", class = "hdlmm_no_random_term"
    )
  }
  expect_error(deviance(plain), "a REML fit has no deviance", class = "hdlmm_undefined")
})

# What a method has no answer to: the class, and the words that say what to do instead.
asked_of_others <- list(
  list(quote(bayes_factor(plain)), "unsupported", "needs a fit by method = \"Bayes\""),
  list(quote(elbo(plain)), "unsupported", "method \"VB\".*this one is by \"REML\""),
  list(quote(kl_gap(ols)), "unsupported", "method \"VB\".*this one is by \"OLS\""),
  list(quote(log_evidence(bayes)), "improper_prior", "`total` and `fixed` are improper"),
  list(quote(confint(bayes, method = "boot")), "unsupported", "maximum likelihood.*\"Bayes\""),
  list(quote(confint(full, "pve", method = "exact")), "unsupported", "maximum likelihood.*\"VB\""),
  list(quote(anova(bayes)), "unsupported", "see update\\(fit, method = \"REML\"\\)"),
  list(quote(anova(plain, bayes)), "unsupported", "maximum likelihood"),
  list(quote(test_random(full)), "unsupported", "maximum likelihood"),
  list(quote(profile(full)), "unsupported", "summary\\(fit\\) and confint\\(fit\\)"),
  list(
    quote(lmm(y ~ x + re(X), d, method = "VB", prior = lmm_prior())), "unsupported",
    "conjugate priors .*random = , residual ="
  ),
  list(
    quote(lmm(y ~ x + re(X), d, method = "VB", prior = lmm_prior(random = prior_flat()))),
    "improper_prior", "found prior_flat\\(\\)"
  )
)

test_that("what a method cannot say is refused by class, with what can", {
  for (one in asked_of_others) {
    seen <- observe(function() eval(one[[1]]))
    expect_false(is.null(seen$error), info = deparse1(one[[1]]))
    if (is.null(seen$error)) next
    expect_condition_laws(seen$error, one[[2]], "error")
    expect_match(conditionMessage(seen$error), one[[3]])
  }
})

test_that("loo() of what is no fit ends with an error, not with the stack", {
  expect_match(
    conditionMessage(observe(function() loo(3))$error), "no (applicable )?method"
  )
})

test_that("contrasts that name no factor, and data that are not there, are refused", {
  unknown <- list(foo = "contr.sum")
  expect_error(lmm(y ~ f + re(X), d, contrasts = unknown), class = "hdlmm_bad_input")
  expect_error(lmm(y ~ f + re(X), d, contrasts = "contr.sum"), class = "hdlmm_bad_input")
  expect_error(lmm(y ~ x + re(X), data_that_are_not_there), "`data`", class = "hdlmm_bad_input")
})

test_that("a prior without a random term is said to be ignored", {
  for (method in c("MAP", "VB", "Bayes")) {
    expect_warning(
      lmm(y ~ x, d, method = method, prior = lmm_prior(fixed = prior_normal(0, 1))),
      class = "hdlmm_ignored_prior"
    )
  }
})

test_that("accessors of the package's own refuse what is no fit", {
  for (f in list(varcomp, pve, elbo, kl_gap, log_evidence, convergence)) {
    expect_error(f(lm(dist ~ speed, cars)), "must be a fit of lmm", class = "hdlmm_bad_input")
  }
})
