# Folds of few rows by deletion: see deleted-rows.R.

fewest_deletions <- 8  # eigenvectors cost as much as some decompositions without them

# The model with what its folds share, where there are enough that are small.
share_deletions <- function(whole, folds) {
  is_worth <- can_share_frame(whole) && count_deletions(whole, folds) >= fewest_deletions
  if (is_worth) add_frame(whole) else whole
}

can_share_frame <- function(whole) {
  engine <- whole$engine
  is_kernel_alone(whole$model) && engine$needs == "criterion" && engine$criterion == "REML"
}

add_frame <- function(whole) {
  host <- make_host(whole$control)
  problem <- problem_of_model(whole$model, NULL, NULL, NULL, host)
  data <- response_data(problem, whole$responses$y)
  if (!any(data$is_usable)) return(whole)
  whole$frame <- deletion_frame(problem, host)
  whole$along <- along_frame(whole$frame, data)
  whole
}

# Small sets of rows that some training fit lacks, responses of the same rows counted once.
count_deletions <- function(whole, folds) {
  known <- !is.na(whole$responses$y)
  known <- known[, !duplicated(known, MARGIN = 2), drop = FALSE]
  sum(vapply(folds$train, function(at) {
    sum(is_small_deletion(nrow(known) - colSums(known[at, , drop = FALSE]), nrow(known)))
  }, 0))
}

is_small_deletion <- function(count, n) count <= largest_deleted_share * n

# Answers for those responses whose training fits follow by deletion, NULL where they do not.
# tasks: of every response.
deleted_folds <- function(whole, tasks) {
  out <- vector("list", length(tasks))
  if (is.null(whole$frame)) return(out)
  n <- nrow(whole$responses$y)
  missing <- lapply(tasks, function(task) setdiff(seq_len(n), task$train))
  is_deleted <- is_small_deletion(lengths(missing), n) & whole$along$is_usable & has_held(tasks)
  for (same in alike(missing[is_deleted])) {
    same <- which(is_deleted)[same]
    at <- missing[[same[1]]]
    if (loses_digits(whole$frame, at)) next
    deletion <- with_nodes(deletion_of(whole$frame, at))
    out[same] <- lapply(same, function(k) {
      found <- deleted_maximum(deleted_response(deletion, whole$along, k), 1e-8)
      if (is.null(found)) return(NULL)
      list(value = deleted_fold(
        whole, deletion, c(found, list(sigma2 = found$square / deletion$df)), tasks[[k]], k
      ))
    })
  }
  out
}

# As fold_of_response() has it; found: of deleted_at(), with the residual variance inside.
deleted_fold <- function(whole, deletion, found, task, k) {
  frame <- whole$frame
  units <- response_units(frame, whole$along, k)
  y <- whole$responses$y[, k]
  at <- match(task$held, deletion$at)
  sigma2 <- found$sigma2
  root <- value_or(frame$fixed$root[task$held], 1)
  residual <- user_response(units, drop(found$inverse %*% found$py)[at]) / root
  variance <- user_response_variance(units, sigma2 * diag(found$inverse)[at]) / root^2
  label <- names(units$effect)
  variances <- stats::setNames(c(
    user_variance(units, exp(found$phi) * sigma2, label), user_variance(units, sigma2, "Residual")
  ), c(label, "Residual"))
  explained <- deletion$kappa * variances[[1]]
  list(
    notes = character(), rows = normal_rows(y[task$held], residual, sqrt(variance), Inf),
    baseline = mean(y[task$train]),
    facts = c(
      list(pve = explained / (explained + variances[[2]])), as.list(variances),
      list(converged = TRUE, boundary = "none")
    )
  )
}

# The folds of response k with its variances held at their estimates from all its rows, `fitted`:
# those of deleted_maximum() and the deletion at which it found them; tasks: by fold. NULL where a
# fit has to tell.
held_folds <- function(whole, fitted, tasks, k) {
  q <- whole$frame$fixed$q
  sigma2 <- fitted$found$square / fitted$deletion$df
  out <- vector("list", length(tasks))
  for (i in which(has_held(tasks))) {
    at <- sort(c(tasks[[i]]$held, fitted$deletion$at))
    is_complete <- length(at) + length(tasks[[i]]$train) == nrow(q)
    if (!is_complete || loses_digits(whole$frame, at)) return(NULL)
    deletion <- deletion_of(whole$frame, at)
    found <- deleted_at(deleted_response(deletion, whole$along, k), fitted$found$phi)
    deletion$kappa <- fitted$deletion$kappa
    out[[i]] <- list(
      value = deleted_fold(whole, deletion, c(found, list(sigma2 = sigma2)), tasks[[i]], k)
    )
  }
  out
}

# By response, see closed_folds(); NULL where a fit has to tell.
held_by_deletion <- function(whole, folds) {
  out <- vector("list", ncol(whole$responses$y))
  if (!has_several_responses(whole) || !can_share_frame(whole)) return(out)
  whole <- add_frame(whole)
  if (is.null(whole$frame)) return(out)
  missing <- lapply(seq_along(out), function(k) which(is.na(whole$responses$y[, k])))
  q <- whole$frame$fixed$q
  for (same in alike(missing)) {
    at <- missing[[same[1]]]
    if (loses_digits(whole$frame, at) || !is_small_deletion(length(at), nrow(q))) next
    deletion <- with_nodes(deletion_of(whole$frame, at))
    for (k in same[whole$along$is_usable[same]]) {
      found <- deleted_maximum(deleted_response(deletion, whole$along, k), 1e-8)
      if (is.null(found)) next
      fitted <- list(found = found, deletion = deletion)
      own <- held_folds(whole, fitted, tasks_of_response(whole, folds, k), k)
      if (!is.null(own)) out[[k]] <- own
    }
  }
  out
}
