# Joint draws of the fixed and the random effects of several terms given their covariances, by
# Matheron's rule: effects and noise are drawn from their prior, and moved by what y less the
# response drawn says of them.

# list(delta [c x s], beta: by term [p x s]) in the user's units; delta is the change of the fixed
# effects that are kept, 0 where they are held.
terms_draws <- function(fit, draws, fixed_held = FALSE) {
  internal <- fit$internal
  fixed <- internal$fixed
  noise <- sqrt(internal$tau2) * cpp_normals(fit$dims$n, draws)
  beta <- each_term(fit, function(design) {
    prior_effects(design, covariance_of(fit, design$label), draws)
  })
  response <- sum_terms(fit, function(design) {
    fitted_effects(design, beta[[design$label]], internal)
  })
  own <- drawn_from_prior(fixed, draws) * !fixed_held
  solved <- terms_solve(fit, inside_response(fixed, response) + noise + fixed$q %*% own)
  delta <- internal$covariance %*% cpp_crossprod(fixed$q, solved) * !fixed_held
  if (fixed$rank > 0) solved <- solved - terms_solve(fit, fixed$q) %*% delta
  list(
    omega = unscale_changes(fixed, own - delta),
    beta = each_term(fit, function(design) {
      label <- design$label
      fit$effects[[label]] + beta[[label]] - terms_effects(fit, design, solved)
    })
  )
}

# Coefficients of Q from their normal prior [c x draws]; those of a flat one are counted from 0.
drawn_from_prior <- function(fixed, draws) {
  if (is.null(fixed$prior_root)) return(matrix(0, fixed$rank, draws))
  solve(fixed$prior_root, cpp_normals(fixed$rank, draws))
}

# (I (x) S) X'v in the user's units for v [n x s] in the rows of the core.
terms_effects <- function(fit, design, v) {
  internal <- fit$internal
  x <- cpp_covariance_product(design$core, internal$fixed$root, v)
  relative <- internal$relative[[design$label]]
  inside <- matrix(relative %*% matrix(x, nrow(relative)), nrow(x))
  user_effects(internal$units, inside, design$label)
}

terms_sample <- function(fit, draws, with_beta) {
  omega <- sample_matrix(fit, draws)
  kept <- fit$fixed$kept
  beta <- if (with_beta) matrix(0, draws, sum(fit$dims$p))
  for (at in blocks_of(draws, 64)) {
    cpp_poll()
    one <- terms_draws(fit, length(at))
    omega[at, kept] <- t(fit$fixed$estimate[kept] + one$omega)
    if (with_beta) beta[at, ] <- t(do.call(rbind, one$beta))
  }
  if (with_beta) colnames(beta) <- all_effect_names(fit)
  variances <- matrix(rep(fit$variances, each = draws), draws)
  colnames(variances) <- names(fit$variances)
  new_sample(omega, variances, rep(sum(fit$pve), draws), beta)
}

# Latent values [m x draws] at rows, and the variance of the noise [draws]. random: FALSE draws the
# effects anew.
terms_latent <- function(fit, rows, random, draws) {
  value <- cpp_zeros(rows$m, draws)
  kept <- fit$fixed$kept
  z <- rows$z[, kept, drop = FALSE]
  base <- drop(z %*% fit$fixed$estimate[kept]) + value_or(rows$offset, 0)
  for (at in blocks_of(draws, 64)) {
    cpp_poll()
    one <- terms_draws(fit, length(at))
    value[, at] <- base + z %*% one$omega + if (random) {
      drawn_effects(fit, rows, do.call(rbind, one$beta)) + unseen_held(fit, rows, length(at))
    } else {
      fresh_held(fit, rows, length(at))
    }
  }
  list(value = value, noise = rep(fit$variances[["Residual"]], draws))
}
