# An argument that nothing uses is an error, in every function and method that has dots: they are
# enumerated here from the namespace, so that a new one cannot forget it.

set.seed(5)
d <- data.frame(x = rnorm(36), f = gl(3, 12), g = gl(9, 4, labels = letters[1:9]))
d$X <- matrix(rnorm(36 * 40), 36)
d$y <- d$x + rnorm(9)[d$g] + rnorm(36)
fit <- lmm(y ~ x + f + (1 | g), d)
wide <- lmm(y ~ x + re(X), d)
ml <- update(fit, method = "ML")
bayes <- update(fit, method = "Bayes")
vb <- update(fit, method = "VB")
proper <- lmm_prior(
  random = prior_half_t(3, 1), residual = prior_half_t(3, 1), fixed = prior_normal(0, 1)
)

folds <- cv_lmm(y ~ x, d, folds = 3, seed = 1)
multi <- lmm(cbind(y, x) ~ f + (1 | g), d, method = "ML")

# By class, what a method is called on.
objects <- list(
  hdlmm = fit, hdlmm_multi = multi, hdlmm_multi_loo = loo(multi),
  summary.hdlmm_multi = summary(multi), hdlmm_comparison = compare_methods(fit, c("REML", "ML")),
  hdlmm_config = hdlmm_config(), hdlmm_cv = folds,
  hdlmm_loo = loo(fit), hdlmm_profile = profile(fit, n = 20),
  hdlmm_random_test = test_random(fit, "mixture"), hdlmm_sample = posterior_sample(fit, 5, 1),
  lmm_control = lmm_control(), lmm_density = prior_beta(1, 2), lmm_prior = proper,
  ranef.hdlmm = ranef(fit), summary.hdlmm = summary(fit),
  summary.hdlmm_cv = summary(folds), VarCorr.hdlmm = VarCorr(fit),
  hdlmm_convergence = convergence(fit), hdlmm_density = posterior_density(bayes, "x"),
  hdlmm_profiles = profile(lmm(y ~ 1 + (x | g), d), which = "Residual", n = 3)
)

# Arguments of exported functions, and of methods that need more than an object of their class.
arguments <- list(
  bayes_factor = list(bayes), compare_methods = list(fit, "REML"),
  cv_lmm = list(y ~ x, d, folds = 3),
  hdlmm_config = list(),
  is_proper = list(proper), lmm = list(y ~ x + (1 | g), d), lmm_control = list(),
  lmm_methods = list(), lmm_prior = list(), posterior_density = list(bayes, "x"),
  posterior_predict = list(fit, draws = 3), posterior_sample = list(fit, 3),
  posterior_summary = list(bayes), prior_beta = list(1, 2),
  prior_dirichlet = list(c(1, 2, 3)), prior_flat = list(),
  prior_half_t = list(3, 1), prior_inverse_gamma = list(2, 1), prior_jeffreys = list(),
  prior_normal = list(0, 1), prior_predict = list(y ~ x + (1 | g), d, proper, 3),
  test_random = list(fit, "mixture"), elbo = list(vb), elbo.hdlmm = list(vb), kl_gap = list(vb),
  kl_gap.hdlmm = list(vb), deviance.hdlmm = list(ml), getME.hdlmm = list(fit, "X"),
  elbo.hdlmm_multi = list(update(multi, method = "VB")),
  kl_gap.hdlmm_multi = list(update(multi, method = "VB")),
  log_evidence.hdlmm_multi = list(
    lmm(cbind(y, x) ~ f + (1 | g), d, method = "Bayes", prior = proper)
  ),
  `[[.hdlmm_multi` = list(multi, 1),
  refit.hdlmm = list(fit, d$y), posterior_predict.hdlmm = list(fit, draws = 3),
  linearHypothesis.hdlmm = list(fit, "x = 0"),
  add1.hdlmm = list(lmm(y ~ x + (1 | g), d), "f"), addterm.hdlmm = list(ml, "I(x^2)")
)

# Dots that are not checked, each for a reason.
handed_on <- c(
  "recover_data.hdlmm", "emm_basis.hdlmm",  # emmeans hands its own settings to both
  # as does marginaleffects
  "get_coef.hdlmm", "set_coef.hdlmm", "get_vcov.hdlmm", "get_predict.hdlmm",
  "loo_elsewhere", "posterior_predict_elsewhere",  # the packages that own the generics check
  "dotplot.ranef.hdlmm", "qqmath.ranef.hdlmm",  # to lattice
  "re"  # read from the formula and never called; see below
)
# methods of defaults refuse every object
refusing <- c("convergence", "elbo", "kl_gap", "log_evidence", "pve", "test_random", "varcomp")
handed_on <- c(handed_on, paste0(refusing, ".default"))

own <- asNamespace("hdlmm")
# what is for one response refuses fits of several
is_refusing <- function(name) {
  f <- get(name, own)
  "..." %in% names(formals(f)) && "stop_of_responses" %in% all.names(body(f))
}
handed_on <- c(handed_on, Filter(is_refusing, ls(own, pattern = "[.]hdlmm_multi$")))
# what a test has registered for a class of its own is a function there, not a name
registered <- Filter(is.character, as.list(getNamespaceInfo("hdlmm", "S3methods")[, 3]))
classes <- names(objects)

# "predict.hdlmm" -> "hdlmm"; the longest class, as for summary.hdlmm
class_of_method <- function(name) {
  ends <- vapply(classes, function(class) endsWith(name, paste0(".", class)), NA)
  classes[ends][which.max(nchar(classes[ends]))]
}

entries <- local({
  # methods of generics that other packages own are not among those registered here
  methods <- Filter(function(name) length(class_of_method(name)) > 0, ls(own))
  all <- unique(c(getNamespaceExports("hdlmm"), unlist(registered), methods))
  all <- Filter(function(name) exists(name, own) && is.function(get(name, own)), all)
  Filter(function(name) "..." %in% names(formals(get(name, own))), sort(all))
})

arguments_of <- function(name) {
  if (name %in% names(arguments)) return(arguments[[name]])
  class <- class_of_method(name)
  list(objects[[if (length(class) > 0) class else "hdlmm"]])
}

call_entry <- function(name, ...) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  given <- arguments_of(name)
  # by its name, as a user calls it; what goes on to the next method by its generic's
  if (name %in% c("AIC.hdlmm", "BIC.hdlmm")) name <- sub("[.]hdlmm$", "", name)
  f <- get(name, own)
  if (name %in% c("Anova.hdlmm", "linearHypothesis.hdlmm")) {
    name <- sub("[.]hdlmm$", "", name)
    f <- getExportedValue("car", name)
  }
  caller <- list2env(stats::setNames(list(f), name), parent = globalenv())
  utils::capture.output(
    value <- suppressMessages(eval(as.call(c(as.name(name), given, list(...))), caller))
  )
  value
}

# Packages whose generics these methods call.
needs <- c(
  as_draws.hdlmm = "posterior", as_draws_array.hdlmm = "posterior", as_draws_df.hdlmm = "posterior",
  as_draws_matrix.hdlmm = "posterior", get_variance.hdlmm = "insight", addterm.hdlmm = "MASS",
  dropterm.hdlmm = "MASS", get_predicted.hdlmm = "insight",
  r2.hdlmm = "performance", model_performance.hdlmm = "performance",
  p_value.hdlmm = "parameters", ci.hdlmm = "bayestestR", model_parameters.hdlmm = "parameters",
  Anova.hdlmm = "car", linearHypothesis.hdlmm = "car", dotplot.ranef.hdlmm = "lattice",
  qqmath.ranef.hdlmm = "lattice", as_draws.hdlmm_sample = "posterior",
  as_draws_array.hdlmm_sample = "posterior", as_draws_df.hdlmm_sample = "posterior",
  as_draws_matrix.hdlmm_sample = "posterior", pp_check.hdlmm = "bayesplot",
  posterior_epred.hdlmm = "rstantools", posterior_linpred.hdlmm = "rstantools",
  log_lik.hdlmm = "rstantools", bayes_R2.hdlmm = "rstantools"
)
is_there <- function(name) {
  if (startsWith(name, "autoplot.")) return(requireNamespace("ggplot2", quietly = TRUE))
  if (startsWith(name, "knit_print.")) return(requireNamespace("knitr", quietly = TRUE))
  !name %in% names(needs) || requireNamespace(needs[[name]], quietly = TRUE)
}

test_that("the entries with dots are those of the whole package", {
  expect_gt(length(entries), 80)
  expect_true(all(c("lmm", "predict.hdlmm", "tidy.hdlmm", "print.lmm_prior") %in% entries))
  # an exception that is gone, or has no dots any more, leaves the list
  expect_identical(setdiff(handed_on, entries), character())
})

test_that("every exported function that takes arguments has dots, which it checks", {
  exported <- Filter(function(name) is.function(get(name, own)), getNamespaceExports("hdlmm"))
  expect_identical(setdiff(exported, entries), character())
})

for (name in Filter(is_there, setdiff(entries, handed_on))) {
  test_that(paste0(name, "() stops at an argument that it does not have"), {
    caught <- tryCatch(call_entry(name, no_such_argument = 1), error = identity)
    expect_s3_class(caught, c("hdlmm_bad_input", "hdlmm_error"), exact = FALSE)
    expect_match(conditionMessage(caught), "no argument `no_such_argument`", fixed = TRUE)
    expect_match(conditionMessage(caught), "[^.]\\.$")
    expect_no_error(call_entry(name))
  })
}

test_that("dots stay unevaluated, and no name is taken by the check itself", {
  for (name in c("harmless", "frame", "given", "names", "f", ".", "...length")) {
    arguments <- stats::setNames(list(fit, quote(stop("evaluated"))), c("", name))
    expect_error(eval(as.call(c(quote(fitted), arguments))), class = "hdlmm_bad_input")
  }
  expect_error(fitted(fit, stop("evaluated")), "no use for an unnamed argument",
    class = "hdlmm_bad_input"
  )
  # a comma too many is no argument
  expect_identical(fitted(fit, ), fitted(fit))
})

test_that("the message calls the function as the user did, however it was called", {
  said <- "predict() has no argument `newx`: perhaps `newdata` is meant."
  for (call in list(
    quote(predict(fit, newx = d)), quote(do.call(predict, list(fit, newx = d))),
    quote(lapply(list(fit), predict, newx = d)), quote(stats::predict(fit, newx = d))
  )) {
    expect_identical(conditionMessage(tryCatch(eval(call), error = identity)), said)
  }
  expect_error(Map(lmm, list(y ~ x), list(d), REML = TRUE), "^lmm\\(\\) has no argument `REML`")
  expect_error(hdlmm::lmm(y ~ x, d, nIter = 9), "control = lmm_control(draws = )", fixed = TRUE)
})

test_that("what users of other packages write is told where it is found", {
  hint <- function(call, text) {
    expect_error(call, text, fixed = TRUE, class = "hdlmm_bad_input")
  }
  hint(lmm(y ~ x + (1 | g), d, REML = FALSE), "method = \"ML\"")
  hint(lmm(y ~ x, d, random = ~ 1 | g), "(1 | g)")
  hint(lmm(y ~ x, ~ 1 | g), "(1 | g)")
  hint(lmm(y ~ x, d, family = binomial), "gaussian")
  hint(lmm(y ~ x, d, burnIn = 10), "lmm_control(warmup = )")
  hint(lmm(y ~ x, d, seed = 1), "lmm_control(seed = )")
  hint(lmm(y ~ x, d, K = diag(36)), "re(kernel = K)")
  hint(lmm(y ~ x, d, kernel = diag(36)), "re(kernel = K)")
  hint(lmm(y ~ x, d, scale = TRUE), "re(X, scale = )")
  hint(lmm(y ~ x, d, weigths = x), "`weights`")
  hint(lmm(y ~ x, d, weights = ~x), "without `~`")
  hint(lmm(y ~ re(X, centre = TRUE), d), "`center`")
  hint(lmm(d, y ~ x), "`data` is the second argument")
  hint(lmm_control(maxit = 3), "`max_iter`")
  hint(update(fit, Method = "ML"), "`method`")
  hint(predict(fit, type = "foo"), "\"response\"")
  hint(predict(fit, d, na.action = na.omit), "na.pass")
  hint(confint(fit, ddf = "Kenward-Roger"), "summary(fit, ddf = )")
  hint(posterior_sample(fit, nsim = 3), "`draws`")
  hint(confint(fit, conf.level = 0.9), "`level`")
  hint(confint(fit, level = 95), "write 0.95")
  hint(anova(fit, test = "F"), "likelihood ratio")
  hint(AIC(fit, REML = FALSE), "logLik(fit, REML = )")
  hint(residuals(fit, scaled = TRUE), "type = \"scaled\"")
  hint(VarCorr(fit, sigma = 2), "must be 1")
  hint(prior_normal(mu = 0, sigma = 1), "`mean`")
  hint(plot(fit, colour = 2), "`col`")
  hint(ranef(fit, condVar = NA), "`condVar`")
  expect_error(predict(fit, type = "terms"), class = "hdlmm_unsupported")
})

test_that("unknown methods and algorithms are told where they are found, and which there are", {
  hint <- function(text, ...) {
    caught <- tryCatch(lmm(y ~ x + (1 | g), d, ...), error = identity)
    expect_s3_class(caught, "hdlmm_bad_input")
    expect_match(conditionMessage(caught), text, fixed = TRUE)
    expect_match(conditionMessage(caught), "must be", fixed = TRUE)
  }
  hint("did you mean \"REML\"?", method = "reml")
  hint("did you mean \"Bayes\"?", method = "bayes")
  hint("did you mean \"REML\"?", method = "RELM")
  hint("method = \"Bayes\", algorithm = \"gibbs\"", method = "Gibbs")
  hint("method = \"Bayes\", algorithm = \"gibbs\"", method = "MCMC")
  hint("method = \"Bayes\", algorithm = \"quadrature\"", method = "quadrature")
  hint("method = \"REML\", algorithm = \"em\"", method = "EM")
  known <- dQuote(unique(lmm_methods()$method), FALSE)
  last <- length(known)
  listed <- paste(paste(known[-last], collapse = ", "), "or", known[last])
  hint(paste0(listed, "; found \"foo\"."), method = "foo")
  hint("did you mean \"em\"?", algorithm = "EM")
  hint("method = \"Bayes\", algorithm = \"gibbs\"", algorithm = "gibbs")
})
