# Refitting: the call of a fit with other arguments, evaluated where its data are.

#' @importFrom stats update
#' @export
update.hdlmm <- function(object, formula., ..., evaluate = TRUE) {
  check_flag(evaluate, "evaluate")
  extras <- match.call(expand.dots = FALSE)$...
  stop_unknown(extras)
  if (!missing(formula.) && is_step(formula., evaluate, extras, object)) {
    return(as.call(list(stored_update, object, stats::as.formula(formula.))))
  }
  call <- updated_call(object, if (!missing(formula.)) formula.)
  for (name in names(extras)) {
    # NULL takes an argument out
    if (!is.null(extras[[name]])) {
      call[[name]] <- extras[[name]]
    } else if (name %in% names(call)) {
      call[[name]] <- NULL
    }
  }
  if ("method" %in% names(extras)) call <- fitting_arguments(call, names(extras), object)
  if (!evaluate) return(call)
  refitted(call, object, parent.frame(), Filter(Negate(is.null), extras))
}

# step() and MASS::stepAIC() hand over a text and evaluate what they get: their next model is of the
# rows that the tables of drop1() and add1() were of, whatever `data` names today.
is_step <- function(formula, evaluate, extras, fit) {
  is.character(formula) && !evaluate && length(extras) == 0 && at_maximum(fit)
}

#' @export
update.hdlmm_multi <- update.hdlmm

# What they put in the place of the formula, the terms of the fixed part, takes no random term away.
#' @export
`$<-.hdlmm` <- function(x, name, value) {
  class <- oldClass(x)
  x <- unclass(x)
  if (name == "formula" && inherits(value, "terms")) value <- with_random(value, x, x$formula)
  if (name == "call" && is.call(value) && inherits(value$formula, "terms")) {
    value$formula <- with_random(value$formula, x, x$formula)
  }
  x[[name]] <- value
  class(x) <- class
  x
}

# Terms or a formula of the fixed part with the random term of a fit added, in the environment of
# `like`.
with_random <- function(fixed, fit, like = formula.hdlmm(fit)) {
  out <- stats::formula(fixed)
  for (term in written_terms(fit$random_terms)) out[[3]] <- call("+", out[[3]], term)
  environment(out) <- environment(like)
  out
}

# Another method drops the algorithm and, where it has none, the prior of the old one.
fitting_arguments <- function(call, given, fit) {
  if (!is.character(call$method) || call$method == fit$method) return(call)
  if (!"algorithm" %in% given) call$algorithm <- NULL
  if (!"prior" %in% given && !is_method_with_prior(call$method)) call$prior <- NULL
  call
}

updated_call <- function(fit, formula. = NULL) {
  call <- fit$call
  call$formula <- formula.hdlmm(fit)  # itself, wherever the variable that held it has gone
  if (!is.null(formula.)) {
    if (inherits(formula., "terms")) formula. <- with_random(formula., fit)
    call$formula <- update_formula(written_out(fit), formula.)
    environment(call$formula) <- written_in(fit)
  }
  call
}

# The call evaluated: what update() was given where it was written, priors and control as the fit
# holds them, and the rest where the fit finds its data. The new fit keeps the call as written.
refitted <- function(call, fit, here, given = list()) {
  env <- fitting_env(call, fit, here)
  run <- call
  for (name in setdiff(intersect(c("prior", "control"), names(fit$call)), names(given))) {
    if (name %in% names(call) && !is.null(.subset2(fit, name))) {
      run[[name]] <- .subset2(fit, name)
    }
  }
  for (name in setdiff(names(given), row_arguments)) run[[name]] <- eval(given[[name]], here)
  rows <- intersect(names(given), row_arguments)
  if (length(rows) > 0) run$data <- eval(run$data, env)
  for (name in rows) run[[name]] <- row_argument(given[[name]], run$data, here)
  out <- eval(run, env)
  out$call <- call
  out$call$formula <- out$formula  # without the environment that it was written in
  out
}

# Looked up among the variables of the data first, as stats::model.frame() does.
row_arguments <- c("weights", "offset", "subset", "na.action")

# A value, or the expression itself where only the environment of the formula knows its variables.
row_argument <- function(expr, data, here) {
  tryCatch(eval(expr, data, here), error = function(e) expr)
}

# The data of a fit are looked up where its formula was written, as lme4 does, so that fits made
# inside functions can be refitted; arguments that only the caller knows are found with him.
fitting_env <- function(call, fit, here) {
  env <- written_in(fit)
  own <- c("data", "method", "algorithm", "contrasts", "prior", "control")
  arguments <- intersect(own, names(call))
  needed <- unlist(lapply(arguments, function(name) all.vars(call[[name]])))
  is_there <- vapply(as.character(needed), function(name) {
    value <- get0(name, envir = env)
    !is.null(value) && !is.function(value)  # data may bear the name of a function
  }, NA)
  if (all(is_there)) env else here
}

# The formula of a fit with the `.` of its data written out.
written_out <- function(fit) {
  if ("." %in% all.vars(fit$formula[[3]])) with_random(fit$terms, fit) else formula.hdlmm(fit)
}

# update.formula() would read (1 | g) as an arithmetic term: random terms are carried over whole,
# under names that neither formula holds.
update_formula <- function(old, new) {
  new <- stats::as.formula(new)
  terms <- unique(c(random_calls(old[[3]]), random_calls(new[[length(new)]])))
  taken <- c(all.names(old), all.names(new))
  labels <- make.unique(c(taken, rep("random_term", length(terms))))
  labels <- lapply(labels[-seq_along(taken)], as.name)
  old[3] <- list(swap_terms(old[[3]], terms, labels))
  new[length(new)] <- list(swap_terms(new[[length(new)]], terms, labels))
  out <- stats::update.formula(old, new)
  at <- length(out)  # a response that is NULL is gone
  out[at] <- list(swap_terms(out[[at]], labels, terms))
  out
}

# Arguments that update() would put into a call of lmm().
stop_unknown <- function(given) {
  known <- setdiff(names(formals(lmm)), "...")
  names <- value_or(names(given), rep("", length(given)))
  is_stray <- names == "" | is.na(pmatch(names, known, duplicates.ok = TRUE))
  if (any(is_stray)) stop_stray(given[is_stray], list(name = "lmm", arguments = known))
}

# The fit of a model with another fixed part to the rows that a fit holds; the call as update()
# would make it.
stored_update <- function(fit, formula) {
  whole <- update_formula(written_out(fit), formula)
  problem <- problem_with(fit, fixed_formula(split_formula(whole), NULL, environment(whole)))
  call <- written_call(fit$call, whole)
  engine <- find_engine(fit$method, fit$algorithm)
  out <- fit_problem(call, whole, problem, engine, fit$control)
  announce(out)
  out
}
