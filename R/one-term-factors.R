# Factors of q over the columns of one random term: draws, and variances of rows.

# Draws from the factors of q; see posterior_sample(). draw_parameters: list(omega, variances) of
# the fit.
factor_sample <- function(fit, draws, with_beta, draw_parameters) {
  parameters <- draw_parameters(fit, draws)
  variances <- parameters$variances
  explained <- fit$kappa * variances[, 1]
  new_sample(
    parameters$omega, variances, explained / (explained + variances[, 2]),
    if (with_beta) {
      design <- lone_design(fit)
      named_effects(design, fit$effects[[design$label]] + draw_factors(fit, draws))
    }
  )
}

# Parameters of q stay where they are.
held_parameters <- function(fit, draws) {
  omega <- sample_matrix(fit, draws)
  kept <- fit$fixed$kept
  omega[, kept] <- rep(fit$fixed$estimate[kept], each = draws)
  variances <- matrix(rep(fit$variances, each = draws), draws)
  colnames(variances) <- names(fit$variances)
  list(omega = omega, variances = variances)
}

# Those that have factors are drawn.
factor_parameters <- function(fit, draws) {
  out <- held_parameters(fit, draws)
  kept <- fit$fixed$kept
  change <- cpp_normals(draws, length(kept)) %*% chol_root(fit$q$omega_vcov)
  out$omega[, kept] <- out$omega[, kept] + change
  out$variances[, 1] <- fit$q$random$scale / stats::rgamma(draws, fit$q$random$shape)
  out$variances[, 2] <- fit$q$residual$scale / stats::rgamma(draws, fit$q$residual$shape)
  out
}

# Deviations of beta from its mean under q, [p x draws].
draw_factors <- function(fit, draws) {
  p <- length(fit$q$effect_variance)
  if (fit$internal$share$h == 0) return(matrix(0, p, draws))
  fresh <- cpp_normals(p, draws)
  if (fit$q$family == "mean-field") return(sqrt(fit$q$effect_variance) * fresh)
  out <- matrix(0, p, draws)
  for (block in q_blocks(fit)) {
    cpp_poll()
    x <- block_columns(fit, block)
    out[block, ] <- draw_block(q_ratio(fit), x, fresh[block, , drop = FALSE])
  }
  user_effects(fit$internal$units, out * sqrt(q_variance(fit)), lone_design(fit)$label)
}

# The blocks as lists of columns; X of one block as the user has it, in the core's units.
q_blocks <- function(fit) {
  blocks <- single_blocks(fit$control, lone_design(fit))
  split(seq_along(blocks), blocks)
}

block_columns <- function(fit, block) {
  root <- value_or(fit$internal$fixed$root, rep(1, fit$dims$n))
  design <- lone_design(fit)
  x <- cpp_covariance_columns(design$core, fit$internal$fixed$root, block)
  mean <- design$mean_columns
  if (is.null(mean)) x else x + outer(root, mean[block])
}

# sigma_b^2 of q in the core's units, and its ratio to sigma_e^2.
q_variance <- function(fit) fit$internal$tau2 * fit$internal$share$h / fit$internal$system$kappa

q_ratio <- function(fit) fit$internal$share$h / fit$internal$share$nu / fit$internal$system$kappa

# Draws from N(0, (I + rho X'X)^-1) for one block, by Matheron's rule where it is wide.
draw_block <- function(rho, x, fresh) {
  if (ncol(x) <= nrow(x)) {
    return(backsolve(chol(diag(ncol(x)) + rho * crossprod(x)), fresh))
  }
  noise <- cpp_normals(nrow(x), ncol(fresh)) / sqrt(rho)
  inner <- diag(nrow(x)) / rho + tcrossprod(x)
  fresh - crossprod(x, solve(inner, x %*% fresh + noise))
}

# x'(I + rho X'X)^-1 x for the columns of u [size of the block x m].
block_quadratic <- function(rho, x, u) {
  if (ncol(x) <= nrow(x)) {
    half <- backsolve(chol(diag(ncol(x)) + rho * crossprod(x)), u, transpose = TRUE)
    return(colSums(half^2))
  }
  half <- backsolve(chol(diag(nrow(x)) / rho + tcrossprod(x)), x %*% u, transpose = TRUE)
  pmax(0, colSums(u^2) - colSums(half^2))
}

# sum_j x_j^2 Var(beta_j)
squared_effects <- function(fit, rows) {
  design <- lone_design(fit)
  rows <- term_rows(rows, design)
  # columns of units share no row: q has no covariance between them
  if (fit$q$family == "blocks" && is.null(unit_index(design))) return(block_effects(fit, rows))
  unseen <- value_or_infinite(fit$variances[[design$label]])
  weighted_squares(design, rows, fit$q$effect_variance, unseen, fit$internal)
}

# The same where q has covariances within blocks.
block_effects <- function(fit, rows) {
  if (fit$internal$share$h == 0) return(numeric(rows$m))
  design <- lone_design(fit)
  root <- value_or(fit$internal$fixed$root, 1)
  total <- numeric(rows$m)
  for (block in q_blocks(fit)) {
    cpp_poll()
    x <- block_columns(fit, block)
    u <- if (rows$is_fitted) t(x / root) else block_points(design, rows$x, block)
    total <- total + block_quadratic(q_ratio(fit), x, u)
  }
  user_response_variance(fit$internal$units, total * q_variance(fit))
}

block_points <- function(design, x, block) {
  new <- t(as.matrix(x[, block, drop = FALSE]))
  (new - value_or(design$center[block], 0)) * rep_len(design$core$scale, design$n_cols)[block]
}
