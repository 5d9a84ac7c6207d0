# A fit of several responses: each is kept as what tables need of it (multi-facts.R) beside what it
# shares with the others (multi-shared.R), or as its own fit less the parts that are those of
# another (multi-parts.R).

# y: response_matrix().
fit_responses <- function(asked, y) {
  expr <- asked$formula[[2]]
  exprs <- response_exprs(y, expr)
  names <- response_names(y, expr)
  start <- start_stand_in(asked, y)
  engine <- start$engine
  formulas <- lapply(exprs, response_formula, asked = asked)
  blocks <- find_blocks(asked, y, start, formulas)
  control <- asked$settings$control
  facts <- vector("list", length(names))
  for (block in blocks) facts[block$at] <- search_block(block, engine, control)
  heard <- vector("list", length(names))
  lacking <- which(lengths(facts) == 0)
  store <- list(base = NULL, own = vector("list", length(names)))
  problem <- share_vectors(start$problem, engine, control, y, lacking)
  step <- progress_step(length(lacking))
  is_whole <- is_whole_response(problem, y)
  for (k in lacking[order(!is_whole[lacking])]) {
    heard[[k]] <- recorded(
      fit_of_response(asked, formulas[[k]], y[, k], problem, engine, is_whole[k])
    )
    store <- add_fit(store, k, heard[[k]]$fit, engine)
    if (!is.null(heard[[k]]$fit)) facts[[k]] <- fit_facts(heard[[k]]$fit)
    heard[[k]]$fit <- NULL
    step()
  }
  report(heard, names)
  store$facts <- facts
  store$blocks <- lapply(blocks, kept_block)
  store$base <- shared_base(store$base, store$blocks)
  new_multi_fit(asked, engine, start$problem, names, store, lapply(heard, `[[`, "error"))
}

# By itself, on the decomposition of the problem where that has one.
fit_of_response <- function(asked, formula, y, problem, engine, is_whole) {
  asked$formula <- formula
  if (!is_whole) return(fit_model(asked))
  own <- on_system_of(problem, problem_of_response(problem, y[problem$model$rows], formula))
  fit_problem(written_call(asked$call, formula), formula, own, engine, asked$settings$control)
}

response_formula <- function(expr, asked) asked_response(asked, expr)$formula

is_whole_response <- function(problem, y) {
  colSums(is.na(y[problem$model$rows, , drop = FALSE])) == 0
}

# The problem with eigenvectors, where several of the responses are fitted one by one by a method
# that is not searched for all at once.
share_vectors <- function(problem, engine, control, y, lacking) {
  is_shared <- takes_random(engine) && is_one_variance(problem) &&
    sum(is_whole_response(problem, y)[lacking]) > 1
  if (!is_shared) return(problem)
  problem$host <- make_host(control)
  problem$system <- build_system(lone_design(problem), problem$fixed, problem$host)
  problem
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
    facts = store$facts, blocks = store$blocks,
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
