# A fit of several responses: each is kept as what tables need of it (multi-facts.R) beside what it
# shares with the others (multi-shared.R), or as its own fit less the parts that are those of
# another (multi-parts.R).

# y: response_matrix().
fit_responses <- function(asked, y) {
  start <- start_several(asked, y)
  engine <- start$engine
  names <- start$responses$names
  formulas <- start$responses$formulas
  blocks <- find_blocks(asked, y, start, formulas)
  control <- asked$settings$control
  facts <- vector("list", length(names))
  for (block in blocks) facts[block$at] <- search_block(block, engine, control)
  lacking <- which(lengths(facts) == 0)
  store <- fit_one_by_one(asked, y, start, formulas, lacking)
  report(store$heard, names)
  facts[lacking] <- store$facts[lacking]
  store$facts <- facts
  store$blocks <- lapply(blocks, kept_block)
  store$base <- shared_base(store$base, store$blocks)
  new_multi_fit(asked, engine, start$problem, names, store, lapply(store$heard, `[[`, "error"))
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
