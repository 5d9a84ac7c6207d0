# Arguments that nothing uses. Every function of the package that has dots and does not hand them
# on begins with check_dots(): a name from another package is an error and not silence.

# Stops at what the dots of the calling function hold. It reads that function's frame, is not given
# the dots: they stay unevaluated, and no name is taken that a user may type.
# `harmless` names what other tools pass as a matter of course and what changes nothing here: a list
# with the values that change nothing, NULL for any value.
check_dots <- function(harmless = list()) {
  frame <- parent.frame()
  if (eval(quote(...length()), frame) == 0) return(invisible())
  given <- as.list(eval(quote(substitute(list(...))), frame))[-1]
  names <- value_or(names(given), rep("", length(given)))
  is_known <- names %in% names(harmless) & nzchar(names)
  for (i in which(is_known)) {
    value <- eval(as.name(paste0("..", i)), frame)
    check_harmless(value, names[i], harmless[[names[i]]])
  }
  # a trailing comma leaves an argument that is empty
  is_stray <- !is_known & !vapply(given, identical, NA, formals(function(x) NULL)$x)
  if (any(is_stray)) stop_stray(given[is_stray], called_function(sys.parent()), names(harmless))
  invisible()
}

check_harmless <- function(value, name, allowed) {
  if (is.null(allowed) || any(vapply(allowed, identical, NA, value))) return(invisible())
  bad_input(
    backtick(name), " can only be ", enumerate(vapply(allowed, deparse1, ""), word = "or"),
    " here; found ", describe(value), "."
  )
}

# The public function of a frame: list(name, arguments), a method by the name of its generic.
called_function <- function(frame) {
  f <- sys.function(frame)
  called <- sys.call(frame)[[1]]
  if (is.call(called) && length(called) == 3) called <- called[[3]]  # hdlmm::lmm
  own <- ls(asNamespace("hdlmm"))
  name <- if (is.name(called)) as.character(called)
  if (is.null(name) || !name %in% c(own, generic_name(own))) name <- own_name(f)
  list(name = generic_name(name), arguments = setdiff(names(formals(f)), "..."))
}

# `given`: the expressions of arguments that `called` has no use for; `others`: names that it takes
# beside its own.
stop_stray <- function(given, called, others = NULL) {
  names <- value_or(names(given), rep("", length(given)))
  takes <- if (length(called$arguments) == 0) "it takes none" else
    paste("it takes", enumerate(backtick(called$arguments), 15))
  if (!any(nzchar(names))) {
    what <- if (length(given) == 1) "an unnamed argument" else "unnamed arguments"
    texts <- vapply(given, short_text, "")
    bad_input(called$name, "() has no use for ", what, ", ", enumerate(texts), "; ", takes, ".")
  }
  names <- names[nzchar(names)]
  called$arguments <- c(called$arguments, others)
  hints <- unlist(lapply(names, argument_hint, called))
  bad_input(
    called$name, "() has no argument ", enumerate(backtick(names)),
    if (length(hints) > 0) paste0(": ", paste(unique(hints), collapse = "; ")) else
      paste0("; ", takes), "."
  )
}

# What to write instead of an argument, as a part of a message; NULL where nothing is known.
argument_hint <- function(name, called) {
  own <- called$arguments
  near <- nearest(name, own, exact = TRUE)
  if (is.null(near)) {
    near <- Find(function(x) x %in% own, argument_synonyms[[plain_name(name)]])
  }
  hint <- if (is.null(near) && called$name == "lmm") {
    value_or(inner_hint(name), lmm_hints[[plain_name(name)]])
  }
  if (is.null(near) && is.null(hint)) hint <- argument_hints[[plain_name(name)]]
  if (!is.null(hint)) return(hint)
  if (is.null(near)) near <- nearest(name, own)
  if (!is.null(near)) paste0("perhaps ", backtick(near), " is meant")
}

# What lmm() takes inside its control or inside a random term.
inner_hint <- function(name) {
  wanted <- c(name, argument_synonyms[[plain_name(name)]])
  control <- intersect(wanted, arguments_of("lmm_control"))
  if (length(control) > 0) return(paste0("write control = lmm_control(", control[1], " = )"))
  inside <- setdiff(intersect(wanted, arguments_of("re")), "x")
  if (length(inside) > 0) paste0("it belongs into the formula, as in y ~ age + re(", switch(
    inside[1], kernel = "kernel = K", id = "kernel = K, id = g", paste0("X, ", inside[1], " = ")
  ), ")")
}

# Of a public function, by its name: it may stand on any floor.
arguments_of <- function(name) {
  setdiff(names(formals(get(name, envir = asNamespace("hdlmm")))), "...")
}

# Other names of our arguments, in the function that has them.
argument_synonyms <- list(
  newx = "newdata", data = "newdata", newobs = "newdata",
  conflevel = "level", confidence = "level", prob = c("level", "probs"), quantiles = "probs",
  nsim = c("draws", "nsim"), ndraws = c("draws", "nsim"),
  nboot = "draws", nrep = c("draws", "nsim"), niter = "draws", iter = "draws",
  nsamples = c("draws", "nsim"), size = c("draws", "nsim"), burnin = "warmup",
  maxit = "max_iter", maxiter = "max_iter", maxiterations = "max_iter", iterations = "max_iter",
  cores = "threads", ncores = "threads", nthreads = "threads", eps = "tol", epsilon = "tol",
  tolerance = "tol", progressbar = "progress", priors = "prior",
  condvar = "se", postvar = c("condVar", "se"), sefit = "se", se = c("se.fit", "se_fit"),
  allownewlevels = "allow.new.levels", useu = "random", reform = "random", centre = "center",
  standardize = "scale", standardise = "scale", wts = "weights",
  cov = "kernel", covariance = "kernel", grm = "kernel", kinship = "kernel", k = "kernel",
  mu = "mean", sigma = "sd", rate = "scale", nu = "df", shape1 = "a", shape2 = "b",
  models = "methods", parms = "parm", parameters = "parm", pars = "parm", variable = "parm",
  confint = "conf.int", confmethod = "conf.method",
  colour = "col", color = "col", verbose = "progress"
)

# What users of other packages write, and what to write here: by the name of the argument.
argument_hints <- list(
  # lme4 and nlme
  reml = "write lmm(method = \"REML\") or lmm(method = \"ML\"), or logLik(fit, REML = )",
  condvar = "conditional covariances are ranef(fit, condVar = TRUE)",
  postvar = "conditional covariances are ranef(fit, condVar = TRUE)",
  whichel = "choose from the list that ranef() returns",
  useu = "simulate(fit, random = TRUE) keeps the predicted random effects",
  reform = "predict() and simulate() have it",
  ddf = "summary(fit, ddf = ) and anova(fit, ddf = ) have it",
  comp = "the columns of VarCorr(fit) are `vcov`, `sdcor`, `se` and `share`",
  scales = "standard deviations are shown; varcomp(fit) gives variances",
  scaled = "write residuals(fit, type = \"scaled\")",
  correlation = "correlations of fixed effects are cov2cor(vcov(fit))",
  start = "the search is global and takes no starting values",
  # stats and broom
  family = "responses are gaussian; for others see lme4::glmer()",
  newx = "new rows are predict(fit, newdata)",
  newdata = "new rows are predict(fit, newdata)",
  data = "data are given to lmm(), new rows to predict(fit, newdata)",
  terms = "predictions of single terms are not available",
  exponentiate = "estimates are on the scale of the response",
  interval = "intervals are predict(fit, newdata, interval = \"prediction\")",
  conflevel = "intervals are confint(fit, level = )",
  level = "intervals are confint(fit, level = )",
  alpha = "the level is 1 - alpha, as in confint(fit, level = 0.95)",
  test = "the test is that of the likelihood ratio, without another choice",
  vcov = "the covariance is that of the fit, vcov(fit)"
)

# The same for lmm() alone, whose users bring the habits of mixed models, ridge regression, genomic
# prediction and Bayesian regression.
lmm_hints <- local({
  term <- "the random term stands in the formula, as in y ~ age + (1 | g) or y ~ age + re(X)"
  kernel <- "a known covariance stands in the formula, as in y ~ age + re(kernel = K)"
  ratio <- "the ratio of the variances is estimated; see varcomp(fit)"
  list(
    random = term, fixed = "fixed effects stand in the formula, as in y ~ age + (1 | g)",
    x = term, z = term, eta = term, y = "the response stands in the formula, as in y ~ age + re(X)",
    k = kernel, g = kernel, grm = kernel, kinship = kernel, cov = kernel, correlation = kernel,
    lambda = ratio, penalty = ratio
  )
})

# Harmless in print(): what print.default() hands on to the elements of a list.
print_settings <- local({
  names <- c(
    "digits", "quote", "na.print", "print.gap", "right", "max", "width", "useSource", "row.names"
  )
  stats::setNames(vector("list", length(names)), names)
})

# Handed on by plot(): arguments of plot.default() and names of par(), which would open a device.
graphical_settings <- local({
  names <- c(
    setdiff(names(formals(graphics::plot.default)), c("x", "y", "...")), "adj", "bg", "bty",
    "cex", "cex.axis", "cex.lab", "cex.main", "cex.sub", "col", "col.axis", "col.lab", "col.main",
    "col.sub", "crt", "err", "family", "fg", "font", "font.axis", "font.lab", "font.main",
    "font.sub", "lab", "las", "lend", "lheight", "ljoin", "lmitre", "lty", "lwd", "mgp", "mkh",
    "pch", "ps", "smo", "srt", "tck", "tcl", "xaxp", "xaxs", "xaxt", "xpd", "yaxp", "yaxs", "yaxt",
    "ylbias"
  )
  stats::setNames(vector("list", length(names)), names)
})

# The dots of AIC(), BIC() and anova() hold further fits, of any package: lists or S4 objects, and
# nothing else.
check_fit_dots <- function() {
  frame <- parent.frame()
  values <- eval(quote(list(...)), frame)
  is_fit <- vapply(values, function(value) is.list(value) || isS4(value), NA)
  if (all(is_fit)) return(invisible(values))
  given <- as.list(eval(quote(substitute(list(...))), frame))[-1]
  stop_stray(given[!is_fit], called_function(sys.parent()))
}
