# Folds in closed form, the variances held at their estimates from all rows.

# A list as run_tasks() returns it.
closed_folds <- function(whole, folds) {
  found <- collect_warnings(training_fit(whole, seq_along(whole$model$y)))
  fit <- found$value
  notes <- messages_of(found$warnings)
  if (has_posterior(fit)) {
    abort(
      "unsupported", "`reestimate = FALSE` holds variances that are estimates; method ",
      dQuote(fit$method, FALSE), " has a posterior of them."
    )
  }
  held <- held_system(fit)
  out <- vector("list", length(folds$held))
  for (block in fold_blocks(lengths(folds$held), 2^25 / length(whole$model$y))) {
    rows <- unique(unlist(folds$held[block]))
    columns <- projection_columns(fit, held, rows)
    for (k in block) {
      own <- columns[, match(folds$held[[k]], rows), drop = FALSE]
      out[[k]] <- try_task(closed_fold, list(
        whole = whole, fit = fit, system = held, folds = folds, columns = own, notes = notes
      ), k)
    }
  }
  out
}

# Folds in turn, as many as hold `size` rows together.
fold_blocks <- function(counts, size) split(seq_along(counts), cumsum(counts) %/% max(1, size))

closed_fold <- function(shared, k) {
  whole <- shared$whole
  fit <- shared$fit
  folds <- shared$folds
  at <- folds$held[[k]]
  if (length(at) + length(folds$train[[k]]) < length(whole$model$y)) {
    abort("unsupported", "`reestimate = FALSE` needs folds whose other rows are all fitted.")
  }
  found <- left_out_rows(fit, shared$system, at, shared$columns)
  y <- whole$model$y[at]
  list(
    rows = normal_rows(y, found$residual, sqrt(found$variance), row_df(fit)),
    baseline = mean(whole$model$y[folds$train[[k]]]), facts = fold_facts(fit), notes = shared$notes
  )
}
