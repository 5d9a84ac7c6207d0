# One fold of a cross-validation: a fit of the training rows, and what it predicts of the others.
#
# A cross-validated model is list(label, formula, model, used, engine, contrasts, prior, has_prior,
# control): all that lmm() read of the data, its random terms resolved (see model-rows.R), so that
# folds are fitted wherever they are sent and no call is evaluated again. `used` is the engine of
# all rows, `engine` that which was asked for.

predictive_level <- 0.95

new_cv_model <- function(label, formula, start, data, settings) {
  problem <- start$problem
  model <- problem$model
  env <- environment(formula)
  terms <- lapply(model$random, function(term) {
    resolved_term(term, problem$designs[[term$label]], model, data, env)
  })
  for (name in c("place", "rules", "offset_rule", "kept_in")) model[name] <- list(NULL)
  model$random <- terms
  environment(formula) <- environment(model$terms)
  c(list(label = label, formula = formula, model = model, used = start$engine), settings)
}

# The fit of the rows `train`, positions among those of the model.
training_fit <- function(whole, train) {
  model <- rows_of_model(whole$model, train, whole$contrasts)
  used <- if (takes_prior(whole$engine) && (whole$has_prior || whole$engine$prior == "any")) {
    whole$prior
  }
  problem <- problem_of_model(model, NULL, NULL, used, make_host(whole$control))
  engine <- settled_engine(whole, problem)
  call <- written_call(quote(lmm()), whole$formula)
  fit_problem(call, whole$formula, problem, engine, whole$control)
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

# list(rows, baseline, facts, notes): a fold. A fit without an answer is an error for the caller.
run_fold <- function(whole, task) {
  found <- collect_warnings({
    fit <- training_fit(whole, task$train)
    rows <- held_rows(whole, fit, task$held)
    y <- whole$model$y[task$held]
    weights <- value_or(whole$model$weights[task$held], 1)
    list(
      rows = predicted_rows(fit, rows, y, weights), baseline = mean(whole$model$y[task$train]),
      facts = fold_facts(fit)
    )
  }, "warning")
  c(found$value, list(notes = unique(messages_of(found$warnings))))
}
