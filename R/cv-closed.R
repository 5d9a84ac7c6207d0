# Folds in closed form, the variances held at their estimates from all rows.

# By response and fold: list(value) or list(error), see run_fold(), NULL where a response has no row
# in a fold.
closed_folds <- function(whole, folds) {
  out <- held_by_deletion(whole, folds)
  known <- lapply(seq_along(out), function(k) which(!is.na(whole$responses$y[, k])))
  lacking <- which(lengths(out) == 0)
  for (same in lapply(alike(known[lacking]), function(at) lacking[at])) {
    at <- known[[same[1]]]
    if (length(at) == 0) next
    start <- answer_of(collect_warnings(training_start(whole, at, length(same))))
    for (k in same) out[[k]] <- closed_response(whole, start, folds, at, k)
  }
  out
}

# rows: those that the response has; positions of folds are among all of them.
closed_response <- function(whole, start, folds, rows, k) {
  tasks <- tasks_of_response(whole, folds, k)
  held <- lapply(tasks, `[[`, "held")
  out <- vector("list", length(held))
  asked <- which(has_held(tasks))
  found <- answer_of(closed_start(whole, start, k))
  if (!is.null(found$error)) {
    # what the method cannot do at all is no matter of folds
    if (inherits(found$error, "hdlmm_unsupported")) stop(found$error)
    out[asked] <- list(found)
    return(out)
  }
  shared <- c(found$value, list(whole = whole, n = length(rows), tasks = tasks, k = k))
  position <- match(seq_along(whole$model$y), rows)
  for (block in fold_blocks(lengths(held[asked]), 2^25 / length(rows))) {
    together <- unique(unlist(held[asked[block]]))
    columns <- projection_columns(shared$fit, shared$system, position[together])
    for (i in asked[block]) {
      own <- columns[, match(held[[i]], together), drop = FALSE]
      out[[i]] <- answer_of(closed_fold(shared, i, own, position[held[[i]]]))
    }
  }
  out
}

# list(fit, system, notes): the fit of all rows of a response.
closed_start <- function(whole, start, k) {
  if (!is.null(start$error)) stop(start$error)
  found <- collect_warnings(training_fit(whole, start$value$value, k))
  fit <- found$value
  if (has_posterior(fit)) {
    abort(
      "unsupported", "`reestimate = FALSE` holds variances that are estimates; method ",
      dQuote(fit$method, FALSE), " has a posterior of them."
    )
  }
  list(
    fit = fit, system = held_system(fit),
    notes = messages_of(c(start$value$warnings, found$warnings))
  )
}

# Folds in turn, as many as hold `size` rows together.
fold_blocks <- function(counts, size) split(seq_along(counts), cumsum(counts) %/% max(1, size))

# at: the held rows among those of the fit; columns: of P.
closed_fold <- function(shared, i, columns, at) {
  fit <- shared$fit
  task <- shared$tasks[[i]]
  if (length(task$held) + length(task$train) < shared$n) {
    abort("unsupported", "`reestimate = FALSE` needs folds whose other rows are all fitted.")
  }
  found <- left_out_rows(fit, shared$system, at, columns)
  y <- shared$whole$responses$y[, shared$k]
  list(
    rows = normal_rows(y[task$held], found$residual, sqrt(found$variance), row_df(fit)),
    baseline = mean(y[task$train]), facts = fold_facts(fit), notes = shared$notes
  )
}
