# One fold of a cross-validation: a fit of the training rows, and what it predicts of the others.
#
# A cross-validated model is list(label, formula, model, responses, used, engine, contrasts, prior,
# has_prior, control): all that lmm() read of the data, its random terms resolved (model-rows.R), so
# that folds are fitted wherever they are sent and no call is evaluated again. `model` is that of
# a stand-in where there are several responses. `used` is the engine of all rows, `engine` that
# which was asked for.

predictive_level <- 0.95

# start: of start_responses().
new_cv_model <- function(label, start, asked) {
  problem <- start$problem
  model <- problem$model
  terms <- lapply(model$random, function(term) {
    resolved_term(term, problem$designs[[term$label]], model, asked$data, asked$env)
  })
  for (name in c("place", "rules", "offset_rule", "kept_in")) model[name] <- list(NULL)
  model$random <- terms
  kept_formula <- function(formula) {
    environment(formula) <- environment(model$terms)
    formula
  }
  responses <- start$responses
  responses$formulas <- lapply(responses$formulas, kept_formula)
  c(list(
    label = label, formula = kept_formula(asked$formula), model = model, responses = responses,
    used = start$engine
  ), asked$settings)
}

# What the fits of `count` responses share that have the rows `train`, positions among those of the
# model: list(problem, engine, y [n x m]).
training_start <- function(whole, train, count) {
  if (length(train) == 0) bad_input("there is no row to fit: a fold holds all that there are.")
  model <- rows_of_model(whole$model, train, whole$contrasts)
  used <- if (takes_prior(whole$engine) && (whole$has_prior || whole$engine$prior == "any")) {
    whole$prior
  }
  problem <- problem_of_model(model, NULL, NULL, used, make_host(whole$control))
  engine <- settled_engine(whole, problem)
  list(
    problem = share_vectors(problem, engine, whole$control, count), engine = engine,
    y = whole$responses$y[train, , drop = FALSE]
  )
}

training_fit <- function(whole, start, k) {
  formula <- whole$responses$formulas[[k]]
  own <- on_system_of(start$problem, problem_of_response(start$problem, start$y[, k], formula))
  call <- written_call(quote(lmm()), formula)
  fit_problem(call, formula, own, start$engine, whole$control)
}

# Other rows of the model, as points for a fit of some of them.
held_rows <- function(whole, fit, held) {
  model <- whole$model
  frame <- model$frame[held, , drop = FALSE]
  attr(frame, "terms") <- attr(model$frame, "terms")
  x <- lapply(stats::setNames(nm = names(fit$designs)), function(label) {
    term <- fit$random_terms[[label]]
    read_rows(fit$designs[[label]], term$at_new_rows, held_source(term, frame, model$rows[held]))
  })
  list(
    m = length(held), z = fixed_rows(frame, fit), offset = model$offset[held], x = x,
    names = rownames(frame), is_fitted = FALSE
  )
}

# See read_rows().
held_source <- function(term, frame, rows) {
  list(
    evaluate = function(expr, rule) {
      name <- if (is.name(expr)) as.character(expr) else deparse1(expr)
      if (is.null(term$values)) frame[[name]] else take_rows(term$values[[name]], rows)
    },
    rules = NULL, values = NULL, newdata = list(), m = nrow(frame), allow_new_levels = TRUE
  )
}

# Predictive distributions of the held rows: data frame(prediction, se, lower, upper,
# log_density).
predicted_rows <- function(fit, rows, y, weights) {
  random <- has_random(fit)
  mean <- point_mean(fit, rows, random)
  variance <- if (random && at_maximum(fit) && is_factored_for_less(fit, rows$m)) {
    factored_variance(fit, rows)
  } else {
    mean_variance(fit, rows, random)
  }
  asked <- list(
    random = random, interval = "prediction", level = predictive_level, weights = weights,
    df = row_df(fit)
  )
  limits <- row_limits(fit, rows, mean, variance, asked)
  total <- variance + response_variance(fit, weights, random, rows)
  data.frame(
    prediction = unname(mean), se = unname(sqrt(total)), lower = unname(limits[, 1]),
    upper = unname(limits[, 2]),
    log_density = unname(row_log_densities(fit, rows, mean, total, y, asked))
  )
}

# The same where y less its prediction is `residual`, normal or Student t.
normal_rows <- function(y, residual, se, df) {
  centre <- y - residual
  half <- stats::qt((1 + predictive_level) / 2, df) * se
  data.frame(
    prediction = centre, se = se, lower = centre - half, upper = centre + half,
    log_density = stats::dt(residual / se, df, log = TRUE) - log(se)
  )
}

# What a fold says of its training fit.
fold_facts <- function(fit) {
  pve <- if (has_random(fit)) sum(fit$pve) else 0
  c(
    list(pve = pve), as.list(fit$variances),
    list(converged = isTRUE(fit$is_converged), boundary = boundary_text(fit))
  )
}

# Of each of the responses `at`, which have the same training rows: list(value) or list(error), the
# value a list(rows, baseline, facts, notes). tasks: of every response.
run_fold <- function(whole, tasks, at) {
  start <- answer_of(collect_warnings(
    training_start(whole, tasks[[at[1]]]$train, length(at)), "warning"
  ))
  if (!is.null(start$error)) return(rep(list(start), length(at)))
  heard <- start$value$warnings
  lapply(at, function(k) {
    answer_of(fold_of_response(whole, start$value$value, tasks[[k]], k, heard))
  })
}

fold_of_response <- function(whole, start, task, k, heard) {
  y <- whole$responses$y[, k]
  found <- collect_warnings({
    fit <- training_fit(whole, start, k)
    rows <- held_rows(whole, fit, task$held)
    weights <- value_or(whole$model$weights[task$held], 1)
    list(
      rows = predicted_rows(fit, rows, y[task$held], weights), baseline = mean(y[task$train]),
      facts = fold_facts(fit)
    )
  }, "warning")
  c(found$value, list(notes = unique(messages_of(c(heard, found$warnings)))))
}
