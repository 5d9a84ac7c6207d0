# What a posterior says of single parameters, in the user's units.

credible_interval <- function(fit, name, kind, level) {
  p <- tail_levels(level)
  switch(kind,
    pve = share_quantiles(fit, p),
    variance = variance_limits(fit, name, p),
    fixed = drop(fixed_quantiles(fit, match(name, rownames(fit$fixed$vcov)), p))
  )
}

variance_limits <- function(fit, name, p, fine = fine_of(fit)) {
  which <- if (name == "Residual") "residual" else "random"
  user_variance(fit$internal$units, variance_quantiles(fit, which, p, fine), name)
}

# Fixed effects at every node of the core: list(mean, sd) [index x nodes], sd per unit tau.
fixed_components <- function(fit, index) {
  fixed <- fit$internal$fixed
  at <- cpp_mixture_fixed(fit$internal$system, fit$posterior$core)
  to_user <- coefficient_map(fixed)[index, , drop = FALSE]
  base <- fixed$omega[fixed$kept][index]
  variance <- apply(at$covariance, 2, function(column) {
    rowSums((to_user %*% matrix(column, fixed$rank)) * to_user)
  })
  list(
    mean = to_user %*% at$mean + base,
    sd = sqrt(matrix(pmax(0, variance), length(index)))
  )
}

fixed_quantiles <- function(fit, index, p) {
  parts <- fixed_components(fit, index)
  mixture_quantiles(fit$posterior, parts$mean, parts$sd, p)
}

# Random effects likewise: each is a point with x = e_j and z = 0.
effect_components <- function(fit, index) {
  internal <- fit$internal
  design <- lone_design(fit)
  covariance <- cpp_covariance_columns(design$core, internal$fixed$root, as.integer(index))
  prior <- prior_variances(design, index)
  at <- cpp_mixture_points(
    design$core, internal$fixed$root, internal$system, fit$posterior$core, covariance, prior,
    matrix(0, length(index), internal$fixed$rank), make_host(fit$control)
  )
  to_user <- function(x) user_effects(internal$units, x, design$label, index)
  list(mean = to_user(at$mean), sd = to_user(sqrt(at$variance)))
}

bayes_effect_se <- function(fit, design) {
  sums <- node_weights(fit$posterior)
  variances <- cpp_mixture_variances(
    design$core, fit$internal$fixed$root, fit$internal$system, fit$posterior$core, sums$weight,
    sums$second, make_host(fit$control)
  )
  variances <- existing_variance(variances, fit$posterior$orders, function(h, tau) {
    effect_variances_at(fit, design, h, tau)
  })
  user_effects(fit$internal$units, sqrt(variances), design$label)
}

# Var(beta_j | y) per unit tau^2 at one share, [p].
effect_variances_at <- function(fit, design, h, tau) {
  core <- one_node(fit$posterior$core, h, tau)
  cpp_mixture_variances(
    design$core, fit$internal$fixed$root, fit$internal$system, core, 1, 1, make_host(fit$control)
  )
}

# A core of one node.
one_node <- function(core, h, tau) {
  core$h <- h
  core$nu <- 1 - h
  if (length(core$tau) > 0) core$tau <- tau
  core
}

# Mean and variance of the mixture, row by row.
mixture_moments <- function(posterior, mean, sd) {
  sums <- node_weights(posterior)
  centre <- drop(mean %*% sums$weight)
  variance <- drop(sd^2 %*% sums$second) + drop((mean - centre)^2 %*% sums$weight)
  list(mean = centre, variance = variance)
}
