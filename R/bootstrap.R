# The parametric bootstrap on the decomposition of a fit.

# Parametric bootstrap: matrix [draws x parameters] of refitted values.
bootstrap <- function(fit, draws, seed) {
  if (is_exact_fit(fit) || is.infinite(fit$loglik)) {
    abort("exact_fit", "the response is explained exactly: there is nothing to resample.")
  }
  bootstrap_values(fit, draws, seed)
}

# On the decomposition of one random term: matrix [draws x parameters] of refitted values.
bootstrap_one <- function(fit, draws, seed) {
  if (!has_random(fit) || is_zero_design(fit)) return(bootstrap_ols(fit, draws, seed))
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  shared <- list(
    system = spectral_system(fit), criterion = fit$uncertainty$criterion, control = control,
    share = fit$internal$share, ends = block_ends(draws, n_workers())
  )
  raw <- with_seed(seed, bootstrap_blocks(shared))
  bootstrap_table(fit, raw)
}

# The last draw of every block of draws in turn.
block_ends <- function(draws, blocks) {
  blocks <- max(1, min(blocks, draws %/% 10))
  round(draws * seq_len(blocks) / blocks)
}

# Every block starts where R's generator stands and takes the numbers of the draws before it, so
# that draws do not depend on who makes them; in the end the generator stands after all of them.
bootstrap_blocks <- function(shared) {
  blocks <- length(shared$ends)
  if (blocks == 1) return(refit_draws(shared, 0, shared$ends))
  shared$control <- worker_control(shared$control)
  shared$state <- random_state()
  parts <- task_values(run_tasks(blocks, refit_block, shared))
  refit_draws(shared, shared$ends[blocks], 0)
  do.call(rbind, parts)
}

refit_block <- function(shared, i) {
  before <- c(0, shared$ends)[i]
  with_random_state(shared$state, refit_draws(shared, before, shared$ends[i] - before))
}

refit_draws <- function(shared, before, draws) {
  share <- shared$share
  cpp_refit(
    shared$system, shared$criterion, search_options(shared$control), share$h, share$nu, draws,
    before, make_host(shared$control)
  )
}

bootstrap_table <- function(fit, raw) {
  internal <- fit$internal
  fixed <- internal$fixed
  design <- lone_design(fit)
  tau2 <- raw[, 3] * internal$tau2
  delta <- t(raw[, -(1:4), drop = FALSE]) * sqrt(internal$tau2)
  out <- matrix(NA_real_, nrow(raw), length(parameter_kinds(fit)))
  colnames(out) <- names(parameter_kinds(fit))
  if (fixed$rank > 0) {
    change <- unscale_changes(fixed, delta)
    kept <- fit$fixed$kept
    out[, kept] <- t(fit$fixed$estimate[kept] + change)
  }
  units <- internal$units
  random <- tau2 * raw[, 1] / internal$system$kappa
  out[, design$label] <- user_variance(units, random, design$label)
  out[, "Residual"] <- user_variance(units, tau2 * raw[, 2], "Residual")
  out[, "pve"] <- raw[, 1]
  out
}

# Without a random term, or with one of zeros alone, whose variance stays at 0.
bootstrap_ols <- function(fit, draws, seed) {
  control <- fit$control
  draws <- if (is.null(draws)) control$draws else check_number(draws, "draws", 1, 1e8, TRUE)
  seed <- if (is.null(seed)) control$seed else check_seed(seed)
  df <- fit$dims$n - fit$dims$n_fixed
  kept <- fit$fixed$kept
  sigma2 <- fit$variances[["Residual"]]
  with_seed(seed, {
    normals <- cpp_normals(draws, length(kept))
    variance <- sigma2 * cpp_chi_squares(draws, df) / variance_df(fit)
  })
  out <- matrix(0, draws, length(parameter_kinds(fit)))
  colnames(out) <- names(parameter_kinds(fit))
  out[, fit$fixed$aliased] <- NA
  if (length(kept) > 0) {
    change <- normals %*% covariance_root(fit$fixed$vcov)
    out[, kept] <- sweep(change, 2, fit$fixed$estimate[kept], `+`)
  }
  out[, "Residual"] <- variance
  out
}
