# Factors of q of several random terms: variances of rows, and draws.

# Covariances under q of the coefficients of a term in the user's units, by level [r x r J]; of a
# term of one variance [1 x p].
spread_of <- function(fit, label) {
  internal <- fit$internal
  spread <- fit$q$spread[[label]] * internal$tau2
  design <- all_terms(fit)[[label]]
  r <- nrow(spread)
  if (r == 1) {
    return(matrix(user_effect_variances(internal$units, drop(spread), label), 1))
  }
  levels <- array(spread, c(r, r, ncol(spread) / r))
  for (j in seq_len(dim(levels)[3])) {
    levels[, , j] <- user_block(internal$units, design, levels[, , j])
  }
  matrix(levels, r)
}

# Standard deviations under q of all coefficients of a term.
spread_sd <- function(fit, label) {
  spread <- spread_of(fit, label)
  r <- nrow(spread)
  sqrt(pmax(0, spread[cbind(rep_len(seq_len(r), ncol(spread)), seq_len(ncol(spread)))]))
}

# Var(x'beta) under q at rows [m], x'beta of the terms that the fit stands for.
spread_variance <- function(fit, rows) {
  if (fit$q$is_joint) return(terms_variance(fit, rows, fixed_held = TRUE))
  sum_terms(fit, function(design) spread_at_rows(fit, design, rows))
}

# The same of one term; of a level that the fit does not know that
# of its prior.
spread_at_rows <- function(fit, design, rows) {
  label <- design$label
  rows <- term_rows(rows, design)
  sigma <- covariance_of(fit, label)
  spread <- spread_of(fit, label)
  if (nrow(spread) > 1) return(level_squares(design, rows, spread, sigma))
  blocks <- column_blocks_of(fit, design)
  if (!is.null(blocks)) return(column_block_squares(fit, design, rows, blocks))
  weighted_squares(design, rows, drop(spread), value_or_infinite(sigma[1, 1]), fit$internal)
}

level_squares <- function(design, rows, spread, sigma) {
  x <- user_level_values(design, rows)
  place <- row_places(design, rows)
  out <- 0
  for (a in seq_len(ncol(x))) {
    for (b in seq_len(ncol(x))) {
      out <- out + x[, a] * x[, b] * spread[cbind(a, place[, b])]
    }
  }
  unseen <- which(value_or(attr(rows$x, "unseen"), FALSE))
  own <- x[unseen, , drop = FALSE]
  out[unseen] <- rowSums((own %*% sigma) * own)
  out
}

# Blocks of the columns of a term as lists of columns; NULL where q has no covariance between them.
column_blocks_of <- function(fit, design) {
  choice <- fit$q$blocks[[design$label]]
  if (!is.null(unit_index(design)) || coefficient_width(design) > 1) return(NULL)
  if (is.factor(choice)) return(split(seq_along(choice), choice))
  if (identical(choice, "terms")) list(seq_len(design$n_cols))
}

column_block_squares <- function(fit, design, rows, blocks) {
  internal <- fit$internal
  rho <- internal$relative[[design$label]][1, 1]
  if (rho == 0) return(numeric(rows$m))
  root <- value_or(internal$fixed$root, 1)
  total <- numeric(rows$m)
  for (block in blocks) {
    cpp_poll()
    x <- cpp_covariance_columns(design$core, internal$fixed$root, block)
    u <- if (rows$is_fitted) t(x / root) else block_points(design, rows$x, block)
    total <- total + block_quadratic(rho, x, u)
  }
  user_response_variance(internal$units, total * rho * internal$tau2)
}

# Draws ------------------------------------------------------------------------------------

# Draws from the factors of q, see posterior_sample(). draw_parameters: list(omega, variances).
terms_factor_sample <- function(fit, draws, with_beta, draw_parameters) {
  parameters <- draw_parameters(fit, draws)
  shares <- drawn_shares(fit, parameters$variances)
  new_sample(
    parameters$omega, parameters$variances, rowSums(shares),
    if (with_beta) {
      change <- draw_spreads(fit, draws)
      beta <- each_term(fit, function(design) {
        named_effects(design, fit$effects[[design$label]] + change[[design$label]])
      })
      do.call(cbind, unname(beta))
    }
  )
}

# Deviations of the coefficients of all terms from their means under q, [p x draws] by label.
draw_spreads <- function(fit, draws) {
  if (!fit$q$is_joint) return(each_term(fit, function(design) draw_spread(fit, design, draws)))
  beta <- terms_draws(fit, draws, fixed_held = TRUE)$beta
  Map(`-`, beta, fit$effects[names(beta)])
}

draw_spread <- function(fit, design, draws) {
  spread <- spread_of(fit, design$label)
  blocks <- if (nrow(spread) == 1) column_blocks_of(fit, design)
  if (!is.null(blocks)) return(draw_column_blocks(fit, design, blocks, draws))
  roots <- level_roots(spread)
  r <- nrow(spread)
  fresh <- array(cpp_normals(ncol(spread), draws), c(r, ncol(spread) / r, draws))
  out <- array(0, dim(fresh))
  for (a in seq_len(r)) {
    for (b in seq_len(a)) out[a, , ] <- out[a, , ] + roots[a, b, ] * fresh[b, , ]
  }
  matrix(out, ncol(spread), draws)
}

# Lower triangles L_j with L_j L_j' the covariance of level j, [r x r x J].
level_roots <- function(spread) {
  r <- nrow(spread)
  s <- array(spread, c(r, r, ncol(spread) / r))
  out <- array(0, dim(s))
  for (a in seq_len(r)) {
    for (b in seq_len(a)) {
      rest <- s[a, b, ]
      for (k in seq_len(b - 1)) rest <- rest - out[a, k, ] * out[b, k, ]
      pivot <- out[b, b, ]
      out[a, b, ] <- if (a == b) sqrt(pmax(0, rest)) else ifelse(pivot > 0, rest / pivot, 0)
    }
  }
  out
}

draw_column_blocks <- function(fit, design, blocks, draws) {
  internal <- fit$internal
  rho <- internal$relative[[design$label]][1, 1]
  out <- matrix(0, design$n_cols, draws)
  if (rho == 0) return(out)
  for (block in blocks) {
    cpp_poll()
    x <- cpp_covariance_columns(design$core, internal$fixed$root, block)
    out[block, ] <- draw_block(rho, x, cpp_normals(length(block), draws))
  }
  user_effects(internal$units, out * sqrt(rho * internal$tau2), design$label)
}

# Parameters that have factors are drawn.
terms_factor_parameters <- function(fit, draws) {
  out <- held_parameters(fit, draws)
  kept <- fit$fixed$kept
  change <- cpp_normals(draws, length(kept)) %*% chol_root(fit$q$omega_vcov)
  out$omega[, kept] <- out$omega[, kept] + change
  parameters <- fit$parameters
  for (k in seq_along(fit$q$random)) {
    at <- which(parameters$term %in% k)
    sigma <- draw_inverse_wishart(fit$q$random[[k]], draws)
    cells <- cbind(parameters$row, parameters$column)[at, , drop = FALSE]
    for (i in seq_along(at)) out$variances[, at[i]] <- sigma[cells[i, 1], cells[i, 2], ]
  }
  out$variances[, "Residual"] <- fit$q$residual$scale / stats::rgamma(draws, fit$q$residual$shape)
  out
}

# [r x r x draws]
draw_inverse_wishart <- function(factor, draws) {
  r <- nrow(factor$scale)
  if (r == 1) {
    return(array(drop(factor$scale) / 2 / stats::rgamma(draws, factor$df / 2), c(1, 1, draws)))
  }
  # in units of the scale, so that nothing overflows
  unit <- sqrt(diagonal(factor$scale))
  inside <- solve(factor$scale / outer(unit, unit))
  precision <- stats::rWishart(draws, factor$df, (inside + t(inside)) / 2)
  out <- apply(precision, 3, function(p) solve(p) * outer(unit, unit))
  array(out, c(r, r, draws))
}

# As fresh_by_variance(), with the covariances of each draw.
fresh_by_draw <- function(fit, rows, variances, unseen_only) {
  draw <- if (unseen_only) unseen_held else fresh_held
  if (!fit$q$is_full) return(draw(fit, rows, nrow(variances)))
  out <- vapply(seq_len(nrow(variances)), function(s) {
    fit$covariances <- block_covariances(fit$designs, fit$parameters, variances[s, ])
    rep_len(draw(fit, rows, 1), rows$m)
  }, numeric(rows$m))
  matrix(out, rows$m)
}
