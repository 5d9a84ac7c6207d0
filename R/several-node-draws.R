# Draws of the covariances of several terms from their posterior, and of the effects given these.

# A sample: omega, variances, correlations by their names, shares, and beta when asked.
posterior_terms_sample <- function(fit, draws, with_beta) {
  drawn <- draw_covariances(fit, draws)
  omega <- sample_matrix(fit, draws)
  kept <- fit$fixed$kept
  beta <- if (with_beta) matrix(0, draws, sum(fit$dims$p))
  each_draw(fit, drawn, function(at, one) {
    omega[at, kept] <<- t(one$omega)
    if (with_beta) beta[at, ] <<- t(do.call(rbind, one$beta))
  })
  if (with_beta) colnames(beta) <- all_effect_names(fit)
  total <- rowSums(drawn$shares)
  shares <- drawn$shares
  colnames(shares) <- paste0("pve.", colnames(shares))
  new_sample(
    omega, drawn$variances, total, beta, shares = if (ncol(shares) > 1) shares,
    correlations = drawn_correlations(fit, drawn$variances)
  )
}

# Correlations of blocks from draws of the variances and covariances; NULL where there are none.
drawn_correlations <- function(fit, variances) {
  places <- correlation_places(fit$parameters)
  if (nrow(places) > 0) correlations_of(places, variances)
}

# Latent values [m x draws] at rows, and the variance of the noise [draws].
posterior_terms_latent <- function(fit, rows, random, draws) {
  drawn <- draw_covariances(fit, draws)
  value <- cpp_zeros(rows$m, draws)
  z <- rows$z[, fit$fixed$kept, drop = FALSE]
  each_draw(fit, drawn, function(at, one) {
    effects <- if (random) {
      drawn_effects(fit, rows, do.call(rbind, one$beta)) + unseen_held(one$fit, rows, length(at))
    } else {
      fresh_held(one$fit, rows, length(at))
    }
    value[, at] <<- value_or(rows$offset, 0) + z %*% one$omega + effects
  })
  list(value = value, noise = drawn$variances[, "Residual"])
}

# list(half [m x draws], sigma2, variances [draws x parameters] and shares [draws x terms] of the
# user).
draw_covariances <- function(fit, draws) {
  drawn <- draw_nodes(fit, draws)
  c(drawn, user_draws(fit, drawn$half, drawn$sigma2))
}

# Variances, covariances and shares in the user's units.
user_draws <- function(fit, half, sigma2) {
  designs <- all_terms(fit)
  inside <- rbind(half * rep(sigma2, each = nrow(half)), sigma2)
  points <- user_parameter_points(fit$internal$units, designs, fit$parameters, inside)
  variances <- t(points)
  dimnames(variances) <- list(NULL, fit$parameters$name)
  list(variances = variances, shares = drawn_shares(fit, variances))
}

# f(at, list(omega, beta, fit)) for the draws `at` that have the same covariances: effects are drawn
# from their joint conditional, with one factor for each. `fit` holds these covariances.
each_draw <- function(fit, drawn, f) {
  groups <- split(seq_along(drawn$sigma2), draw_groups(drawn))
  for (at in groups) {
    cpp_poll()
    held <- fit_at(fit, drawn$half[, at[1]], drawn$sigma2[at[1]], drawn$variances[at[1], ])
    one <- terms_draws(held, length(at))
    one$omega <- one$omega + held$fixed$estimate[fit$fixed$kept]
    f(at, c(one, list(fit = held)))
  }
}

draw_groups <- function(drawn) {
  key <- paste(drawn$sigma2, apply(drawn$half, 2, paste, collapse = " "))
  match(key, unique(key))
}

# The fit with its covariances held, effects their means given these.
fit_at <- function(fit, half, sigma2, variances) {
  designs <- all_terms(fit)
  fixed <- fit$internal$fixed
  found <- cpp_terms_node_means(
    terms_system(fit), core_nodes(
      list(relative = cbind(half), sigma2 = sigma2), fixed$prior_precision
    ), 1, make_host(fit$control)
  )
  fit$internal$relative <- stats::setNames(relative_list(designs, half), names(designs))
  fit$internal$tau2 <- sigma2
  fit$internal$covariance <- matrix(found$covariance, fixed$rank)
  fit$variances <- variances
  fit$covariances <- block_covariances(designs, fit$parameters, variances)
  fit$effects <- stats::setNames(Map(function(x, label) {
    user_effects(fit$internal$units, x, label)
  }, found$effects, names(designs)), names(designs))
  fit$fixed$estimate[fit$fixed$kept] <- fixed$omega[fixed$kept] +
    unscale_coefficients(fixed, drop(found$delta))
  fit
}
