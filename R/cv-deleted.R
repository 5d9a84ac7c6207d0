# Folds of few rows by deletion: see deleted-rows.R.

fewest_deletions <- 8  # eigenvectors cost as much as some decompositions without them

# The model with what its folds share, where there are enough that are small.
share_deletions <- function(whole, folds) {
  n <- length(whole$model$y)
  is_small <- lengths(folds$held) <= largest_deleted_share * n
  is_complete <- lengths(folds$held) + lengths(folds$train) == n
  engine <- whole$engine
  if (!is_kernel_alone(whole$model)) return(whole)
  if (engine$needs != "criterion" || engine$criterion != "REML") return(whole)
  if (sum(is_small & is_complete) < fewest_deletions) return(whole)
  host <- make_host(whole$control)
  problem <- problem_of_model(whole$model, NULL, NULL, NULL, host)
  if (problem$fixed$is_exact) return(whole)
  whole$frame <- deletion_frame(problem, host)
  whole
}

# A fold as run_fold() has it, NULL where it is to be fitted by itself.
deleted_fold <- function(whole, task) {
  at <- task$held
  n <- length(whole$model$y)
  is_small <- length(at) <= largest_deleted_share * n
  if (is.null(whole$frame) || !is_small || length(at) + length(task$train) < n) return(NULL)
  fixed <- whole$frame$fixed
  if (ncol(lost_directions(fixed$q[at, , drop = FALSE])) > 0) return(NULL)
  own <- deletion_of(whole$frame, at)
  found <- deleted_maximum(own, 1e-8)
  if (is.null(found)) return(NULL)
  units <- whole$frame$units
  sigma2 <- found$at$square / own$df
  root <- value_or(fixed$root[at], 1)
  residual <- user_response(units, drop(found$at$inverse %*% found$at$py)) / root
  variance <- user_response_variance(units, sigma2 * diag(found$at$inverse)) / root^2
  label <- names(units$effect)
  variances <- stats::setNames(c(
    user_variance(units, exp(found$phi) * sigma2, label), user_variance(units, sigma2, "Residual")
  ), c(label, "Residual"))
  explained <- kept_kappa(whole$frame, at) * variances[[1]]
  list(
    notes = character(), rows = normal_rows(whole$model$y[at], residual, sqrt(variance), Inf),
    baseline = mean(whole$model$y[task$train]),
    facts = c(
      list(pve = explained / (explained + variances[[2]])), as.list(variances),
      list(converged = TRUE, boundary = "none")
    )
  )
}
