# From what lmm() was asked for to a fit. settings: list(engine, contrasts, prior, has_prior,
# control), everything checked.

# asked: list(formula, data, call, env, settings)
fit_model <- function(asked) {
  start <- start_fit(asked$formula, asked$data, asked$call, asked$settings, asked$env)
  fit_problem(
    written_call(asked$call, asked$formula), asked$formula, start$problem, start$engine,
    asked$settings$control
  )
}

# What lmm() has to fit, and by what.
start_fit <- function(formula, data, call, settings, env = environment(formula)) {
  used <- used_prior(settings$prior, settings$has_prior, settings$engine)
  problem <- build_problem(
    formula, data, call, env, settings$contrasts, used, make_host(settings$control)
  )
  list(problem = problem, engine = settled_engine(settings, problem))
}

# Without a random term every model is fitted by least squares.
settled_engine <- function(settings, problem) {
  engine <- settings$engine
  if (length(problem$designs) == 0) {
    is_lost <- settings$has_prior && takes_prior(engine)
    if (takes_random(engine)) engine <- find_engine("OLS", NULL)
    if (is_lost) warn_ignored_prior(engine)
  } else if (!takes_random(engine)) {
    found <- term_text(problem$model$random[[1]])
    bad_input(
      "method ", dQuote(engine$method, FALSE), " has no random term; found ", backtick(found), "."
    )
  }
  engine
}

fit_problem <- function(call, formula, problem, engine, control) {
  result <- with_memory(run_engine(engine, problem, control), problem)
  new_fit(call, formula, problem, engine, result, control)
}

# The prior as the engine sees it; where there is none the default is not built.
used_prior <- function(prior, is_given, engine) {
  if (engine$prior == "any" || (engine$prior == "own" && is_given)) return(prior)
  if (is_given) warn_ignored_prior(engine)
  NULL
}

# As in lme4 a formula is written out where an expression gave it; without its environment, which
# the formula of the fit has.
written_call <- function(call, formula) {
  attributes(formula) <- NULL
  call$formula <- formula
  call
}

warn_ignored_prior <- function(engine) {
  warn(
    "ignored_prior", "`prior` has no part in method ", dQuote(engine$method, FALSE),
    if (takes_random(engine)) "; use \"MAP\", \"VB\" or \"Bayes\"." else
      ", which a model without a random term is fitted by."
  )
}

# A failed allocation in the core as an error of ours: the session goes on.
with_memory <- function(expr, problem) {
  withCallingHandlers(expr, hdlmm_out_of_memory = function(e) {
    if (!is.null(e$needed)) return(invisible())  # says more than is known here
    n <- nrow(problem$fixed$q)
    p <- sum(vapply(problem$designs, `[[`, 0, "n_cols"))
    side <- min(n, p)
    abort(
      "out_of_memory", "not enough memory: the fit needs a few matrices of ", side, " x ", side,
      " (", format(8 * as.double(side)^2 / 2^30, digits = 2), " GB each)."
    )
  })
}

# What the user must hear at once, beside the warnings of the engine.
announce <- function(fit) {
  aliased <- fit$fixed$aliased
  if (length(aliased) > 0) {
    message(
      "lmm: fixed-effect design is rank deficient, so ", enumerate(backtick(aliased)),
      if (length(aliased) == 1) " is" else " are", " dropped (coefficient NA)."
    )
  }
  if (fit$dropped$zero_weight > 0) {
    message("lmm: ", counted(fit$dropped$zero_weight, "row"), " of weight zero left out.")
  }
  for (note in fit$notes) message("lmm: ", note, ".")
}
