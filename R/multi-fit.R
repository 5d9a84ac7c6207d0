# A fit of several responses: a fit a response, each kept as what it does not share with the others
# (multi-parts.R).

# y: response_matrix().
fit_responses <- function(asked, y) {
  expr <- asked$formula[[2]]
  exprs <- response_exprs(y, expr)
  names <- response_names(y, expr)
  stand_in <- asked_stand_in(asked, y)
  start <- start_fit(
    stand_in$formula, stand_in$data, stand_in$call, asked$settings, stand_in$env
  )
  problem <- start$problem
  engine <- start$engine
  rows <- problem$model$rows
  is_whole <- colSums(is.na(y[rows, , drop = FALSE])) == 0
  store <- list(base = NULL, own = vector("list", length(names)))
  heard <- vector("list", length(names))
  for (k in order(!is_whole)) {
    own <- asked_response(asked, exprs[[k]])
    heard[[k]] <- recorded(if (is_whole[k]) {
      fit_problem(
        written_call(own$call, own$formula), own$formula,
        problem_of_response(problem, y[rows, k], own), engine, own$settings$control
      )
    } else {
      fit_model(own)
    })
    store <- add_fit(store, k, heard[[k]]$fit)
    heard[[k]]$fit <- NULL
  }
  report(heard, names)
  new_multi_fit(asked, engine, problem, names, store, lapply(heard, `[[`, "error"))
}

# The problem of one response that misses nothing in the rows of the stand-in's problem.
problem_of_response <- function(problem, y, own) {
  model <- problem$model
  expr <- own$formula[[2]]
  y <- as.double(y)
  check_finite(y, model$rows, backtick(deparse1(expr)))
  model$y <- y
  model$terms <- terms_for_response(model$terms, expr)
  model$frame[[1]] <- y
  names(model$frame)[1] <- variable_names(model$terms)[1]
  attr(model$frame, "terms") <- model$terms
  prior <- if (length(problem$designs) > 0) problem$prior
  fixed <- fit_fixed(model, prior)
  if (!is.null(prior)) fixed <- apply_fixed_prior(fixed, model, prior)
  new_problem(
    model, fixed, problem$designs, prior = problem$prior, empty = problem$empty,
    host = problem$host
  )
}

# Terms with another response.
terms_for_response <- function(terms, expr) {
  for (name in c("variables", "predvars")) attr(terms, name)[[2]] <- expr
  name <- variable_names(terms)[1]
  names(attr(terms, "dataClasses"))[1] <- name
  if (is.matrix(attr(terms, "factors"))) rownames(attr(terms, "factors"))[1] <- name
  terms[[2]] <- expr
  terms
}

# list(fit, error, warnings): what a fit says goes with the others' at the end, and one that has no
# fit does not take theirs away.
recorded <- function(expr) {
  found <- collect_warnings(tryCatch(expr, hdlmm_error = function(e) {
    if (inherits(e, c("hdlmm_internal", "hdlmm_out_of_memory"))) stop(e)
    e
  }))
  is_error <- inherits(found$value, "error")
  list(
    fit = if (!is_error) found$value, error = if (is_error) found$value, warnings = found$warnings
  )
}

# One warning a class of them, by the names of the responses.
report <- function(heard, names) {
  errors <- lapply(heard, `[[`, "error")
  is_lost <- lengths(errors) > 0
  if (all(is_lost)) stop(errors[[1]])
  if (any(is_lost)) {
    warn(
      "no_fit", counted(sum(is_lost), "response"), " of ", length(names), " without a fit, ",
      enumerate(backtick(names[is_lost])), ": ", conditionMessage(errors[is_lost][[1]])
    )
  }
  all <- unlist(lapply(heard, `[[`, "warnings"), recursive = FALSE)
  of <- rep(names, lengths(lapply(heard, `[[`, "warnings")))
  class <- vapply(all, function(w) class(w)[1], "")
  for (one in unique(class)) {
    at <- class == one
    warn(
      sub("^hdlmm_", "", one), enumerate(backtick(unique(of[at]))), ": ",
      conditionMessage(all[at][[1]])
    )
  }
}

new_multi_fit <- function(asked, engine, problem, names, store, errors) {
  model <- problem$model
  cache <- new.env(parent = emptyenv())
  formula <- asked$formula
  remember_environment(cache, environment(formula))
  environment(formula) <- environment(model$terms)
  fits <- list(
    call = written_call(asked$call, formula), formula = formula, method = engine$method,
    algorithm = engine$algorithm, responses = names, base = store$base, own = store$own,
    errors = errors,
    dims = list(n = length(model$y), n_total = model$n_total, n_responses = length(names)),
    prior = problem$prior, terms = terms_for_response(model$terms, asked$formula[[2]]),
    random_terms = model$random, weights = model$weights, rows = model$rows,
    row_names = rownames(model$frame), na_action = model$na_action,
    fixed = list(aliased = problem$fixed$aliased), dropped = model$dropped,
    notes = fit_notes(problem), control = asked$settings$control, internal = list(cache = cache),
    version = getNamespaceVersion("hdlmm")[[1]]
  )
  class(fits) <- "hdlmm_multi"
  fits
}
