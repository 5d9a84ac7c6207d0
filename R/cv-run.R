# All fits of a cross-validation, and the object that they make.

# By model, response and task: list(value) or list(error), see run_fold(), NULL where a response has
# no row in a fold.
run_folds <- function(models, folds, reestimate, seed) {
  models <- lapply(models, function(one) {
    one$control <- worker_control(one$control)
    one <- keep_digits(one, folds)
    if (reestimate) share_deletions(one, folds) else one
  })
  if (!reestimate) return(lapply(models, closed_folds, folds = folds))
  shared <- list(models = models, held = folds$held, train = folds$train, seed = seed)
  count <- length(folds$held)
  found <- run_tasks(count * length(models), run_fold_task, shared)
  lapply(seq_along(models), function(i) {
    own <- found[(i - 1) * count + seq_len(count)]
    lapply(seq_along(models[[i]]$responses$names), function(k) {
      lapply(own, function(task) if (is.null(task$error)) task$value[[k]] else task)
    })
  })
}

# By response.
run_fold_task <- function(shared, i) {
  count <- length(shared$held)
  whole <- shared$models[[(i - 1) %/% count + 1]]
  k <- (i - 1) %% count + 1
  # what samples has a stream of its own, whoever samples before it
  if (is.null(whole$control$seed)) {
    whole$control$seed <- cpp_permutation(shared$seed, 2^31 + k, 2^16)[1]
  }
  task <- list(held = shared$held[[k]], train = shared$train[[k]])
  tasks <- lapply(seq_along(whole$responses$names), task_of_response, whole = whole, task = task)
  out <- deleted_folds(whole, tasks)
  rest <- which(lengths(out) == 0 & has_held(tasks))
  for (same in alike(lapply(tasks[rest], `[[`, "train"))) {
    out[rest[same]] <- run_fold(whole, tasks, rest[same])
  }
  out
}

# results: of run_folds().
new_cv <- function(call, models, folds, results, settings) {
  parts <- unlist(Map(function(whole, own) {
    unlist(Map(function(of_response, k) {
      asked <- which(lengths(of_response) > 0)
      lapply(asked, function(i) fold_tables(whole, folds, i, k, of_response[[i]]))
    }, own, seq_along(own)), recursive = FALSE)
  }, models, results), recursive = FALSE)
  table <- bind_rows(lapply(parts, `[[`, "folds"))
  responses <- models[[1]]$responses
  if (!has_several_responses(models[[1]])) {
    responses$names <- unique(vapply(models, function(one) one$responses$names, ""))
  }
  stop_failed_folds(lapply(parts, `[[`, "error"), table)
  out <- list(
    call = call, rows = bind_rows(lapply(parts, `[[`, "rows")), folds = table,
    models = data.frame(
      model = vapply(models, `[[`, "", "label"),
      formula = vapply(models, function(one) deparse1(one$formula), ""),
      method = vapply(models, function(one) one$used$method, ""),
      algorithm = vapply(models, function(one) one$used$algorithm, "")
    ),
    response = responses$names, n = nrow(responses$y), counts = colSums(!is.na(responses$y)),
    level = predictive_level
  )
  structure(c(out, settings), class = "hdlmm_cv")
}

# list(rows, folds, error): what fold i of response k adds to the tables, columns in a list.
fold_tables <- function(whole, folds, i, k, result) {
  task <- task_of_response(whole, list(held = folds$held[[i]], train = folds$train[[i]]), k)
  n <- length(task$held)
  id <- c(
    if (has_several_responses(whole)) list(response = whole$responses$names[k]),
    list(model = whole$label)
  )
  fold <- as.list(folds$table[i, ])
  rows <- c(
    lapply(id, rep, n), list(row = whole$model$rows[task$held]), lapply(fold, rep, n),
    list(observed = whole$responses$y[task$held, k])
  )
  about <- c(id, fold, list(n = n, n_train = length(task$train)))
  value <- result$value
  if (is.null(value)) {
    rows[c("prediction", "se", "lower", "upper", "log_density", "baseline")] <-
      list(rep(NA_real_, n))
    about$note <- conditionMessage(result$error)
  } else {
    rows <- c(rows, as.list(value$rows), list(baseline = rep(value$baseline, n)))
    about <- c(about, value$facts, list(note = paste(value$notes, collapse = "; ")))
  }
  list(rows = rows, folds = about, error = result$error)
}

# Tables whose columns differ, one below the other; each a list of columns.
bind_rows <- function(tables) {
  names <- unique(unlist(lapply(tables, names)))
  last <- intersect(c("converged", "boundary", "note"), names)
  frame_of(lapply(stats::setNames(nm = c(setdiff(names, last), last)), function(name) {
    unlist(lapply(tables, function(table) {
      if (is.null(table[[name]])) rep(NA, length(table[[1]])) else table[[name]]
    }))
  }))
}

# errors: NULL where a row of the table has none.
stop_failed_folds <- function(errors, table) {
  failed <- which(lengths(errors) > 0)
  if (length(failed) == 0) return(invisible())
  if (length(failed) == length(errors)) stop(errors[[failed[1]]])
  each <- split(table, cv_units(table))
  names <- unlist(Map(failed_names, each, if (length(each) > 1) names(each) else ""))
  warn(
    "fold_failed", enumerate(names), if (length(names) == 1) " has" else " have",
    " no predictions: ", sentence(errors[[failed[1]]]), data = list(folds = table[failed, ])
  )
}

# Folds of one unit without predictions, in words.
failed_names <- function(table, unit) {
  is_failed <- is.na(table$pve)
  of_unit <- if (nzchar(unit)) paste(" of", backtick(unit))
  if (!any(is_failed)) return(NULL)
  if (all(is_failed)) return(paste0("every fold", of_unit))
  repeats <- if (max(table[["repeat"]]) > 1) paste(" of repeat", table[["repeat"]])
  paste0("fold ", table$fold, repeats, of_unit)[is_failed]
}
