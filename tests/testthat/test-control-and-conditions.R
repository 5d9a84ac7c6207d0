# lmm_control(), lmm_methods(), the conditions, and what print() and summary() say.

d <- bad_input_data()
n <- nrow(d)
plain <- lmm(y ~ x + re(X), d)
grouped <- lmm(y ~ x + (1 | g), d)
ols <- lmm(y ~ x + f, d)

test_that("lmm_control() keeps what it is given and prints every component", {
  control <- lmm_control(
    tol = 1e-6, max_iter = 7, draws = 50, warmup = 20, chains = 2, thin = 3, seed = 3,
    threads = 1, progress = FALSE, accelerate = "squarem", blocks = c("a", "b", "a"),
    sweep = "random", system = "row"
  )
  expect_s3_class(control, "lmm_control")
  expect_identical(
    unclass(control),
    list(
      tol = 1e-6, max_iter = 7, draws = 50, warmup = 20, chains = 2, thin = 3, seed = 3,
      threads = 1, progress = FALSE, grid_step = 0.5, accelerate = "squarem",
      blocks = factor(c("a", "b", "a")), sweep = "random", system = "row"
    )
  )
  text <- utils::capture.output(shown <- print(control))
  expect_identical(shown, control)
  expect_match(text[1], "^Control of an lmm\\(\\) fit$")
  for (name in names(control)) expect_match(
    text, paste0("^  ", name, " +\\S+( blocks)?$"), all = FALSE
  )
  expect_match(utils::capture.output(print(lmm_control())), "^  seed +NULL$", all = FALSE)
})

test_that("a fit keeps its control, and later answers use it", {
  fit <- lmm(y ~ x + re(X), d, control = lmm_control(draws = 15, seed = 4))
  expect_identical(fit$control$draws, 15)
  expect_identical(
    confint(fit, "pve", method = "boot"),
    confint(plain, "pve", method = "boot", draws = 15, seed = 4)
  )
  expect_identical(
    test_random(fit, "exact")$p_value,
    test_random(plain, "exact", draws = 15, seed = 4)$p_value
  )
})

test_that("a seed gives the same draws whatever the generator, and puts its state back", {
  old <- RNGkind()
  on.exit(do.call(RNGkind, as.list(old)))
  ask <- function() {
    list(
      confint(plain, "x", method = "boot", draws = 9, seed = 5),
      test_random(plain, "exact", draws = 9, seed = 5)$p_value,
      simulate(plain, 2, seed = 5)[[2]]
    )
  }
  set.seed(1)
  state <- .Random.seed
  first <- ask()
  expect_identical(.Random.seed, state)
  suppressWarnings(RNGkind("Wichmann-Hill", "Box-Muller", "Rounding"))
  set.seed(2)
  expect_identical(ask(), first)
  expect_identical(RNGkind()[1:2], c("Wichmann-Hill", "Box-Muller"))
  rm(".Random.seed", envir = globalenv())
  expect_identical(ask(), first)
  expect_false(exists(".Random.seed", envir = globalenv(), inherits = FALSE))
})

test_that("without a seed the draws are those of set.seed()", {
  draw <- function() {
    set.seed(11)
    test_random(plain, "exact", draws = 20)$p_value
  }
  expect_identical(draw(), draw())
})

test_that("results do not depend on the number of threads", {
  one <- lmm(y ~ x + re(X), d, control = lmm_control(threads = 1))
  four <- lmm(y ~ x + re(X), d, control = lmm_control(threads = 4))
  expect_identical(varcomp(one), varcomp(four))
  expect_identical(ranef(one, se = TRUE), ranef(four, se = TRUE))
})

test_that("OMP_THREAD_LIMIT bounds the threads, two are the default", {
  old <- Sys.getenv("OMP_THREAD_LIMIT", unset = NA)
  on.exit(
    if (is.na(old)) Sys.unsetenv("OMP_THREAD_LIMIT") else Sys.setenv(
      OMP_THREAD_LIMIT = old
    )
  )
  Sys.unsetenv("OMP_THREAD_LIMIT")
  expect_identical(hdlmm:::n_threads(lmm_control()), 2L)
  expect_identical(hdlmm:::n_threads(lmm_control(threads = 8)), 8L)
  Sys.setenv(OMP_THREAD_LIMIT = "1")
  expect_identical(hdlmm:::n_threads(lmm_control(threads = 8)), 1L)
  Sys.setenv(OMP_THREAD_LIMIT = "many")
  expect_identical(hdlmm:::n_threads(lmm_control(threads = 3)), 3L)
})

test_that("a finer grid finds the same mode", {
  fine <- lmm(y ~ x + re(X), d, control = lmm_control(grid_step = 0.05))
  # polished to 1e-10 in log ratio
  expect_equal(varcomp(fine), varcomp(plain), tolerance = 1e-9)
})

test_that("lmm_methods() lists what lmm() takes, each method's default first", {
  table <- lmm_methods()
  expect_identical(names(table), c("method", "algorithm", "description"))
  known <- c("OLS", "REML", "ML", "MAP", "VB", "Bayes")
  expect_identical(utils::head(unique(table$method), length(known)), known)
  expect_identical(anyDuplicated(table[c("method", "algorithm")]), 0L)
  expect_true(all(nzchar(table$description)))
  for (method in setdiff(table$method, "OLS")) {
    fit <- lmm(y ~ x + re(X), d, method = method)
    expect_identical(fit$algorithm, table$algorithm[match(method, table$method)])
    expect_identical(fit$method, method)
  }
})

test_that("an unknown method or algorithm is answered with those that exist", {
  methods <- unique(lmm_methods()$method)
  for (bad in list("reml", 3, NULL, NA_character_, c("ML", "REML")[0])) {
    error <- expect_error(lmm(y ~ re(X), d, method = bad), class = "hdlmm_bad_input")
    for (method in methods) expect_match(
      conditionMessage(error), paste0("\"", method, "\"")
    )
  }
  expect_error(
    lmm(y ~ re(X), d, method = "REML", algorithm = "gradient"),
    "`algorithm` for method \"REML\" must be .*\"direct\".*; found \"gradient\"",
    class = "hdlmm_bad_input"
  )
})

test_that("conditions can be caught by what they are, by kind, and as R's own", {
  catch <- function(class, run) {
    handler <- stats::setNames(list(function(e) "caught"), class)
    do.call(tryCatch, c(list(quote(run())), handler))
  }
  stops <- function() lmm(y ~ x, put_cells(d, "y", 1, Inf))
  warns <- function() lmm(y ~ x + re(X), put(d, y = 3))
  for (class in c("hdlmm_bad_input", "hdlmm_error", "error", "condition")) {
    expect_identical(catch(class, stops), "caught")
  }
  for (class in c("hdlmm_exact_fit", "hdlmm_warning", "warning", "condition")) {
    expect_identical(catch(class, warns), "caught")
  }
})

test_that("a condition shows the call that the user made", {
  calls <- list(
    lmm = function() lmm(y ~ re(X), d, method = "reml"),
    predict = function() predict(plain, 3),
    update = function() update(plain, method = "reml"),
    lmm_control = function() lmm_control(tol = -1),
    confint = function() confint(plain, "nothing")
  )
  for (name in names(calls)) {
    call <- conditionCall(observe(calls[[name]])$error)
    expect_identical(as.character(call[[1]]), name)
  }
  expect_identical(
    conditionCall(observe(function() lmm(y ~ re(X), d, method = "reml"))$error),
    quote(lmm(y ~ re(X), d, method = "reml"))
  )
})

test_that("a call made by do.call() is shown by name and without its data", {
  arguments <- list(y ~ re(X), data = d, method = "reml")
  error <- observe(function() do.call("lmm", arguments))$error
  expect_identical(as.character(conditionCall(error)[[1]]), "lmm")
  expect_lt(sum(nchar(deparse(conditionCall(error)))), 200)
})

test_that("the parts of messages are English", {
  expect_identical(hdlmm:::enumerate(character()), character())
  expect_identical(hdlmm:::enumerate("a"), "a")
  expect_identical(hdlmm:::enumerate(c("a", "b")), "a and b")
  expect_identical(hdlmm:::enumerate(letters[1:3]), "a, b and c")
  expect_identical(hdlmm:::enumerate(1:8), "1, 2, 3, 4, 5 and 3 more")
  expect_identical(hdlmm:::counted(1, "row"), "1 row")
  expect_identical(hdlmm:::counted(0, "row"), "0 rows")
  expect_identical(hdlmm:::counted(2, "entry", "entries"), "2 entries")
})

test_that("a large count is written out", {
  many <- data.frame(y = rep(c(1, 2, Inf), c(60000, 60000, 100000)))
  expect_error(lmm(y ~ 1, many), "100000 infinite values", class = "hdlmm_bad_input")
})

own <- lmm_prior(
  random = prior_half_t(3, 1), residual = prior_inverse_gamma(2, 1), fixed = prior_normal(0, 10)
)
bayes <- lmm(y ~ x + re(X), d, method = "Bayes")
full <- lmm(y ~ x + re(X), d, method = "VB", prior = own)

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

test_that("print() says model, formula, sizes, variances and fixed effects", {
  text <- printed(plain)
  expect_match(
    text, "^Linear mixed model, restricted maximum likelihood \\(REML\\) Formula: "
  )
  expect_match(
    text, "Formula: y ~ x \\+ re\\(X\\) 40 rows, 2 fixed effects, 60 columns of X "
  )
  expect_match(
    text, "Variances: Variance Std.Dev. Std.Error Share X 0.03647 0.191 0.01986 62.1%"
  )
  expect_match(text, "Fixed effects: \\(Intercept\\) x 0.7619 1.1687$")
  by_ml <- lmm(y ~ x + re(X), d, method = "ML")
  expect_match(printed(by_ml), "^Linear mixed model, maximum likelihood \\(ML\\)")
  expect_match(printed(grouped), "40 rows, 2 fixed effects, 10 levels of g ")
  expect_match(
    printed(lmm(y ~ x + re(X), d, weights = z + 1)), "60 columns of X, weighted"
  )
  sparse <- Matrix::Matrix(d$X * (d$X > 1), sparse = TRUE)
  expect_match(printed(lmm(y ~ x + re(sparse), d)), "60 columns of sparse \\(sparse\\)")
  kernel <- tcrossprod(d$X)
  expect_match(
    printed(lmm(y ~ x + re(kernel = kernel), d)), "kernel kernel over 40 individuals"
  )
})

test_that("print() of an OLS fit gives the residual standard deviation and its df", {
  text <- printed(ols)
  expect_match(
    text, "^Linear model, ordinary least squares Formula: y ~ x \\+ f 40 rows, 5 fixed"
  )
  expect_match(text, "Residual standard deviation: 1.999 on 35 degrees of freedom")
  expect_match(printed(lmm(y ~ x, d[1:3, ])), "on 1 degree of freedom")
})

test_that("print() returns its argument, invisibly", {
  things <- list(
    plain, summary(plain), VarCorr(plain), ranef(plain), profile(plain), loo(plain),
    lmm_control(), bayes, full, summary(bayes), summary(full), VarCorr(bayes), loo(bayes),
    posterior_sample(bayes, 5, seed = 1), own, prior_half_t(3, 1)
  )
  for (thing in things) {
    utils::capture.output(shown <- withVisible(print(thing)))
    expect_identical(shown$value, thing)
    expect_false(shown$visible)
  }
})

test_that("rows that are dropped are counted by reason", {
  dropped <- put(d, w = rep(1:0, c(36, 4)))
  dropped$y[1:2] <- NA
  fit <- suppressMessages(lmm(y ~ x + re(X), dropped, weights = w, subset = -(3:7)))
  expect_match(printed(fit), "29 rows")
  expect_match(
    printed(fit), "Rows dropped: 2 by missing values, 4 by weight zero, 5 by subset"
  )
})

test_that("summary() adds likelihood, residuals, pve with its interval, and t-tests", {
  value <- summary(plain)
  text <- printed(value)
  expect_match(text, "REML log-likelihood -80.7766, AIC 169.553, BIC 176.309")
  expect_match(text, "Scaled residuals: Min 1Q Median 3Q Max")
  expect_match(
    text, "Proportion of variance explained by X: 0.6205 \\(s.e. 0.2426\\), 95%"
  )
  expect_match(text, "95% profile interval 0.1003 to 0.9336")
  expect_match(
    text, "Satterthwaite's degrees of freedom\\): Estimate Std. Error df t value"
  )
  expect_identical(rownames(coef(value)), c("(Intercept)", "x"))
  expect_identical(value$AIC, AIC(plain))
  expect_identical(value$pve, pve(plain))
  expect_match(printed(summary(plain, level = 0.9)), "90% profile interval")
  expect_match(printed(summary(ols)), "Log-likelihood .*Residual standard deviation")
  expect_match(printed(summary(lmm(y ~ 0 + re(X), d))), "degrees of freedom\\): none")
})

test_that("fits by other methods name themselves and what their numbers are", {
  text <- printed(bayes)
  expect_match(text, "^Linear mixed model, exact Bayesian inference")
  expect_match(
    text, "posterior mean and standard deviation.*Post.SD.*Fixed effects \\(posterior means"
  )
  expect_match(printed(summary(bayes)), "credible interval")
  expect_match(printed(full), "^Linear mixed model, variational")
  expect_match(printed(loo(bayes)), "40 rows, averaged over the posterior")
  map <- lmm(y ~ x + re(X), d, method = "MAP", prior = own)
  expect_match(printed(map), "^Linear mixed model, .*posterior")
})

test_that("VarCorr(), ranef(), profile(), loo() and anova() print their key lines", {
  expect_match(printed(VarCorr(plain)), "X 0.03647 0.191 0.01986 62.1%")
  expect_match(
    printed(ranef(plain)), "^60 random effects of X, the 10 largest: effect m35 0.2870"
  )
  expect_match(printed(ranef(grouped, se = TRUE)), "^10 random effects of g: effect se ")
  expect_identical(printed(ranef(ols)), "No random effects.")
  expect_match(
    printed(profile(plain)),
    "^Restricted log-likelihood, profiled .* 1 mode, the highest inside: pve logLik"
  )
  expect_match(
    printed(loo(plain)), "^Leave-one-out prediction of 40 rows.*squared error 1.79"
  )
  expect_match(
    printed(anova(plain)), "Type III tests of fixed effects.*Response: y Df Den Df F"
  )
  expect_match(
    printed(anova(lmm(y ~ x, d), plain)), "Likelihood-ratio tests.*Tested on the boundary"
  )
  expect_match(
    printed(test_random(plain, draws = 20, seed = 1)),
    "variance\\(X\\) = 0 statistic 5.5.*finite-sample null.*1/2 chi2_0 \\+ 1/2 chi2_1"
  )
  expect_match(printed(drop1(plain)), "Single term deletions \\(maximum likelihood\\)")
})

test_that("convergence() is the course of the search, with its verdict", {
  course <- convergence(plain)
  expect_identical(names(course), c("iteration", "objective", "X", "Residual"))
  expect_identical(course$iteration, seq_len(nrow(course)))
  expect_true(attr(course, "converged"))
  expect_match(attr(course, "reason"), "fell below `tol`")
  last <- course[nrow(course), ]
  # the mode itself
  expect_equal(last$objective, as.numeric(logLik(plain)), tolerance = 1e-12)
  expect_equal(unlist(last[c("X", "Residual")]), varcomp(plain), tolerance = 1e-9)
})

test_that("what is repaired is one note, kept in the fit and printed", {
  holes <- put_cells(d, "X", cbind(2, 3), NA)
  expect_message(
    fit <- lmm(y ~ re(X, na = "mean"), holes), "^lmm: 1 missing value in 1 column of `X`"
  )
  expect_match(
    printed(fit), "1 missing value in 1 column of `X` replaced by column means\\.$"
  )
  expect_match(printed(summary(fit)), "replaced by column means\\.$")
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
