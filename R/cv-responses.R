# The responses of a cross-validation, all on the same folds: each in the rows in which it is not
# missing.
#
# Those of a model are list(names, formulas, y [n x m]), one where the formula has no matrix; y is
# NA where a response misses a row that another one has.

# What lmm() has to fit, see start_fit(), beside the responses.
start_responses <- function(asked) {
  y <- response_matrix(asked)
  if (is.null(y)) {
    start <- start_fit(asked$formula, asked$data, asked$call, asked$settings, asked$env)
    start$responses <- list(
      names = deparse1(asked$formula[[2]]), formulas = list(asked$formula),
      y = cbind(start$problem$model$y)
    )
    return(start)
  }
  start <- start_several(asked, y)
  start$responses$y <- unname(y[start$problem$model$rows, , drop = FALSE]) + 0
  start
}

has_several_responses <- function(whole) ncol(whole$responses$y) > 1

# The models on the rows that all of them keep, and every response in those that it has in all.
on_common_rows <- function(models) {
  check_same_responses(models)
  totals <- vapply(models, function(one) as.double(one$model$n_total), 0)
  if (any(totals != totals[1])) {
    bad_input("the formulas have responses of different lengths: ", enumerate(totals), " rows.")
  }
  rows <- Reduce(intersect, lapply(models, function(one) one$model$rows))
  is_known <- Reduce(`&`, lapply(models, function(one) {
    !is.na(one$responses$y[match(rows, one$model$rows), , drop = FALSE])
  }))
  rows <- rows[rowSums(is_known) > 0]
  is_known <- is_known[rowSums(is_known) > 0, , drop = FALSE]
  is_lost <- colSums(is_known) == 0
  counts <- vapply(models, function(one) length(one$model$rows), 0L)
  if (length(rows) == 0) bad_input("there is no row that every model keeps.")
  if (any(counts > length(rows))) {
    message(
      "cv_lmm: ", counted(max(counts) - length(rows), "row"), " that not every model keeps ",
      if (max(counts) - length(rows) == 1) "is" else "are", " left out of all."
    )
  }
  if (any(is_lost)) {
    warn(
      "fold_failed", enumerate(backtick(models[[1]]$responses$names[is_lost])),
      if (sum(is_lost) == 1) " has" else " have", " no rows: every value is missing."
    )
  }
  lapply(models, function(one) {
    at <- match(rows, one$model$rows)
    if (length(at) < length(one$model$rows)) {
      one$model <- rows_of_model(one$model, at, one$contrasts)
    }
    one$responses$y <- replace(one$responses$y[at, , drop = FALSE], !is_known, NA)
    one
  })
}

# One response may be transformed from formula to formula, several go by their names.
check_same_responses <- function(models) {
  names <- lapply(models, function(one) one$responses$names)
  if (all(lengths(names) == 1)) return(invisible())
  is_same <- vapply(names, identical, NA, names[[1]])
  if (all(is_same)) return(invisible())
  bad_input(
    "formulas that are compared must have the same responses; found ", enumerate(names[[1]]),
    " and ", enumerate(names[[which(!is_same)[1]]]), ": call cv_lmm() once for each set of ",
    "responses, with the same `folds` or the same `seed`."
  )
}

# The part of a task that a response has: what it misses is neither fitted nor predicted.
task_of_response <- function(whole, task, k) {
  is_known <- !is.na(whole$responses$y[, k])
  lapply(task[c("held", "train")], function(at) at[is_known[at]])
}

tasks_of_response <- function(whole, folds, k) {
  Map(function(held, train) {
    task_of_response(whole, list(held = held, train = train), k)
  }, folds$held, folds$train)
}

has_held <- function(tasks) lengths(lapply(tasks, `[[`, "held")) > 0

# Positions of what is the same, a vector each.
alike <- function(values) {
  key <- vapply(values, paste, "", collapse = " ")
  unname(split(seq_along(values), factor(key, unique(key))))
}

# Whose measures each row of a table counts for: the response where there are several, the model
# where there are. In the order in which they come.
cv_units <- function(table) {
  id <- table[intersect(c("response", "model"), names(table))]
  key <- do.call(paste, c(unname(id), sep = "\r"))
  first <- !duplicated(key)
  differs <- vapply(id, function(x) length(unique(x)) > 1, NA)
  if (!any(differs)) differs["model"] <- TRUE
  label <- do.call(paste, c(unname(id[first, differs, drop = FALSE]), sep = ", "))
  factor(key, key[first], make.unique(label))
}
