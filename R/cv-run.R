# All fits of a cross-validation, and the object that they make.

# A list by model and task, model by model; see run_fold().
run_folds <- function(models, folds, reestimate, seed) {
  models <- lapply(models, function(one) {
    one$control <- worker_control(one$control)
    if (reestimate) share_deletions(one, folds) else one
  })
  count <- length(folds$held)
  if (!reestimate) {
    return(unlist(lapply(models, closed_folds, folds = folds), recursive = FALSE))
  }
  shared <- list(models = models, held = folds$held, train = folds$train, seed = seed)
  run_tasks(count * length(models), run_fold_task, shared)
}

run_fold_task <- function(shared, i) {
  count <- length(shared$held)
  whole <- shared$models[[(i - 1) %/% count + 1]]
  k <- (i - 1) %% count + 1
  task <- list(held = shared$held[[k]], train = shared$train[[k]])
  found <- deleted_fold(whole, task)
  if (!is.null(found)) return(found)
  # what samples has a stream of its own, whoever samples before it
  if (is.null(whole$control$seed)) {
    whole$control$seed <- cpp_permutation(shared$seed, 2^31 + k, 2^16)[1]
  }
  run_fold(whole, task)
}

# results: of run_tasks(), models in turn.
new_cv <- function(call, models, folds, results, settings) {
  count <- length(folds$held)
  labels <- vapply(models, `[[`, "", "label")
  parts <- lapply(seq_along(results), function(i) {
    whole <- models[[(i - 1) %/% count + 1]]
    k <- (i - 1) %% count + 1
    fold_tables(whole, folds, k, results[[i]])
  })
  table <- bind_rows(lapply(parts, `[[`, "folds"))
  stop_failed_folds(results, table)
  out <- list(
    call = call, rows = do.call(rbind, lapply(parts, `[[`, "rows")), folds = table,
    models = data.frame(
      model = labels, formula = vapply(models, function(one) deparse1(one$formula), ""),
      method = vapply(models, function(one) one$used$method, ""),
      algorithm = vapply(models, function(one) one$used$algorithm, "")
    ),
    response = unique(vapply(models, function(one) deparse1(one$formula[[2]]), "")),
    n = length(models[[1]]$model$y), level = predictive_level
  )
  structure(c(out, settings), class = "hdlmm_cv")
}

# list(rows, folds): what a fold adds to the tables.
fold_tables <- function(whole, folds, k, result) {
  held <- folds$held[[k]]
  id <- folds$table[k, ]
  n <- length(held)
  rows <- data.frame(
    model = rep(whole$label, n), row = whole$model$rows[held], `repeat` = rep(id[["repeat"]], n),
    fold = rep(id$fold, n), observed = whole$model$y[held], check.names = FALSE
  )
  about <- data.frame(
    model = whole$label, `repeat` = id[["repeat"]], fold = id$fold, n = n,
    n_train = length(folds$train[[k]]), check.names = FALSE
  )
  value <- result$value
  if (is.null(value)) {
    none <- rep(NA_real_, n)
    rows[c("prediction", "se", "lower", "upper", "log_density", "baseline")] <- list(none)
    about$note <- conditionMessage(result$error)
  } else {
    rows <- cbind(rows, value$rows, baseline = value$baseline)
    about[names(value$facts)] <- value$facts
    about$note <- paste(value$notes, collapse = "; ")
  }
  list(rows = rows, folds = about)
}

# Tables whose columns differ, one below the other.
bind_rows <- function(tables) {
  names <- unique(unlist(lapply(tables, names)))
  names <- c(setdiff(names, c("converged", "boundary", "note")), intersect(
    c("converged", "boundary", "note"), names
  ))
  out <- lapply(tables, function(table) {
    table[setdiff(names, names(table))] <- NA
    table[names]
  })
  do.call(rbind, out)
}

stop_failed_folds <- function(results, table) {
  errors <- lapply(results, `[[`, "error")
  failed <- which(lengths(errors) > 0)
  if (length(failed) == 0) return(invisible())
  if (length(failed) == length(results)) stop(errors[[1]])
  by_model <- split(table, factor(table$model, unique(table$model)))
  names <- unlist(lapply(by_model, failed_names, length(by_model) > 1))
  warn(
    "fold_failed", enumerate(names), if (length(names) == 1) " has" else " have",
    " no predictions: ", sentence(errors[[failed[1]]]), data = list(folds = table[failed, ])
  )
}

# Folds of one model without predictions, in words.
failed_names <- function(table, is_one_of_several) {
  is_failed <- is.na(table$pve)
  of_model <- if (is_one_of_several) paste(" of", backtick(table$model[1]))
  if (!any(is_failed)) return(NULL)
  if (all(is_failed)) return(paste0("every fold", of_model))
  repeats <- if (max(table[["repeat"]]) > 1) paste(" of repeat", table[["repeat"]])
  paste0("fold ", table$fold, repeats, of_model)[is_failed]
}
