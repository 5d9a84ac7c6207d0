# Fits of the same rows to other responses, or without some of the terms.

# What the search of the core finds for a response y [n] in its weighted rows: its result, with
# delta of y itself. designs: those of the model, by label.
search_terms <- function(fit, y, designs = fit$designs, criterion = fit$uncertainty$criterion) {
  fixed <- fit$internal$fixed
  least_squares <- drop(cpp_crossprod(fixed$q, as.matrix(y)))
  fixed$residual <- y - drop(fixed$q %*% least_squares)
  host <- make_host(fit$control)
  if (length(designs) == 0) return(least_squares_maximum(fixed, criterion))
  system <- build_terms_system(list(designs = designs, fixed = fixed), fit$control, host)
  found <- cpp_terms_search(system, criterion, NULL, terms_options(fit$control), host)
  found$delta <- found$delta + least_squares
  found
}

# Without random terms.
least_squares_maximum <- function(fixed, criterion) {
  n <- length(fixed$residual)
  df <- n - if (criterion == "REML") fixed$rank else 0
  sigma2 <- sum(fixed$residual^2) / df
  list(value = -df / 2 * (log(2 * pi) + 1 + log(sigma2)), sigma2 = sigma2, relative = list())
}

# Responses in the rows of the core, less the fixed part, drawn from terms with relative covariances
# [n x draws].
draw_terms_responses <- function(fit, designs, sigma2, relative, draws) {
  internal <- fit$internal
  out <- sqrt(sigma2) * cpp_normals(fit$dims$n, draws)
  rows <- list(m = fit$dims$n, is_fitted = TRUE, x = NULL)
  for (k in seq_along(designs)) {
    covariance <- user_block(internal$units, designs[[k]], relative[[k]] * sigma2)
    if (all(covariance == 0)) next
    fresh <- fresh_block(designs[[k]], rows, covariance, draws, internal)
    out <- out + inside_response(internal$fixed, fresh)
  }
  out
}

bootstrap_terms <- function(fit, draws, seed) {
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  internal <- fit$internal
  out <- of_drawn_responses(
    fit, list(designs = fit$designs, sigma2 = internal$tau2, relative = internal$relative),
    draws, seed, refit_response
  )
  matrix(out, draws, byrow = TRUE, dimnames = list(NULL, names(parameter_kinds(fit))))
}

# run(list(fit, y, rest), i) of column i of responses drawn from a model, all values in a row.
# model: list(designs, sigma2, relative). They are drawn and used by blocks, one after the other.
of_drawn_responses <- function(fit, model, draws, seed, run) {
  counts <- lengths(column_blocks(fit$dims$n, draws))
  shared <- list(fit = fit, rest = model$designs)
  shared$fit$control <- worker_control(fit$control)
  with_seed(seed, unlist(lapply(counts, function(count) {
    shared$y <- draw_terms_responses(fit, model$designs, model$sigma2, model$relative, count)
    task_values(run_tasks(count, run, shared))
  })))
}

refit_response <- function(shared, i) {
  cpp_poll()
  terms_values(shared$fit, search_terms(shared$fit, shared$y[, i]))
}

# All parameters at what a search found, in the order of parameter_kinds().
terms_values <- function(fit, found) {
  omega <- fit$fixed$estimate
  kept <- fit$fixed$kept
  omega[kept] <- omega[kept] + unscale_changes(fit$internal$fixed, as.matrix(found$delta))
  fit$variances <- user_parameters(
    fit$internal$units, fit$designs, fit$parameters, absolute_parameters(found, fit$parameters)
  )
  fit$covariances <- block_covariances(fit$designs, fit$parameters, fit$variances)
  explained <- explained_sizes(fit$designs, fit$covariances)
  fit$pve <- explained / (sum(explained) + fit$variances[["Residual"]])
  c(omega, fit$variances, terms_correlations(fit)$estimate, terms_shares(fit))
}

# The likelihood ratio against the model without a term, and its distribution under that model by a
# parametric bootstrap; the asymptotic mixture is that of one variance.
test_one_of_several <- function(fit, term, method, draws, seed) {
  if (method == "exact") {
    stop_of_several("the exact null distribution", "; method = \"bootstrap\" simulates it")
  }
  labels <- if (is.null(term)) term_labels(fit) else term
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  rows <- lapply(labels, function(label) term_test_rows(fit, label, method, draws, seed))
  structure(do.call(rbind, rows), null = do.call(rbind, lapply(rows, attr, "null")))
}

term_test_rows <- function(fit, label, method, draws, seed) {
  rest <- fit$designs[setdiff(term_labels(fit), label)]
  null <- search_terms(fit, fit$internal$fixed$residual, rest)
  statistic <- max(0, 2 * (fit$internal$value - null$value))
  row <- function(method, p, se) {
    data.frame(term = label, method = method, statistic = statistic, p_value = p, se = se)
  }
  rows <- list()
  curve <- NULL
  if (method != "mixture") {
    drawn <- null_ratios(fit, rest, null, draws, seed)
    p <- null_p_value(drawn, statistic)
    rows$bootstrap <- row("bootstrap", p, sqrt(p * (1 - p) / draws))
    curve <- null_curve(drawn, label, "bootstrap")
  }
  if (method != "bootstrap") {
    tail <- without_term_tail(fit, label, null, statistic)
    rows$mixture <- row("mixture", tail$p, tail$se)
  }
  structure(do.call(rbind, rows), null = curve)
}

# By the asymptotic mixture: half and half of one variance.
without_term_tail <- function(fit, label, null, statistic) {
  if (nrow(fit$covariances[[label]]) == 1) {
    # less is the rounding of two searches
    return(list(p = half_chi2_tail(if (statistic > 1e-8) statistic else 0), se = 0))
  }
  rest <- setdiff(term_labels(fit), label)
  parts <- lapply(fit$internal$relative, function(s) list())
  parts[rest] <- lapply(null$relative, function(s) {
    list(list(columns = diag(nrow(s)), relative = s))
  })
  boundary_tail(fit, parts, statistic)
}

# Likelihood ratios of data drawn from a null model.
null_ratios <- function(fit, rest, null, draws, seed) {
  model <- list(designs = rest, sigma2 = null$sigma2, relative = null$relative)
  of_drawn_responses(fit, model, draws, seed, null_ratio)
}

null_ratio <- function(shared, i) {
  cpp_poll()
  y <- shared$y[, i]
  gap <- search_terms(shared$fit, y)$value - search_terms(shared$fit, y, shared$rest)$value
  max(0, 2 * gap)
}

# Tail probabilities of simulated statistics at quantiles of theirs.
null_curve <- function(drawn, label, method) {
  at <- unique(stats::quantile(
    drawn, seq(0, 1, length.out = min(500, length(drawn))), type = 1, names = FALSE
  ))
  p <- vapply(at, function(statistic) null_p_value(drawn, statistic), 0)
  data.frame(term = label, method = method, statistic = at, p_value = p)
}

# Tail probability of a statistic, the observed data set counted as a draw.
null_p_value <- function(statistics, observed) {
  (sum(statistics >= observed - 1e-8) + 1) / (length(statistics) + 1)
}
