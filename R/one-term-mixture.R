# What the decomposition of one random term says at every node of a posterior of its variances.

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

# Random effects likewise: each is a point with x = e_j and z = 0.
effect_components <- function(fit, design, index) {
  internal <- fit$internal
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

# Posterior of points z'omega + x'beta: list(mean, sd) [m x nodes], sd per unit tau, and `noise`
# [m x nodes], the variance of a new response's error per unit tau^2, zero for latent values.
row_components <- function(fit, rows, random, weights = NULL, core = fit$posterior$core) {
  fixed <- fit$internal$fixed
  units <- fit$internal$units
  m <- rows$m
  mean <- variance <- matrix(0, m, length(core$h))
  base <- drop(rows$z[, fixed$kept, drop = FALSE] %*% fixed$omega[fixed$kept])
  if (!is.null(rows$offset)) base <- base + rows$offset
  for (at in point_blocks(fit, m)) {
    part <- if (random) block_components(fit, rows, at, core) else
      fixed_row_components(fit, rows, at, core)
    mean[at, ] <- part$mean
    variance[at, ] <- part$variance
  }
  if (!is.null(weights)) {
    noise <- outer(inside_noise(units, rep_len(weights, m)), core$nu)
    if (!random) {
      design <- lone_design(fit)
      x2 <- inside_squares(design, row_variances(design, term_rows(rows, design), fit$internal))
      noise <- noise + outer(x2, core$h / fit$posterior$kappa)
    }
    variance <- variance + noise
  }
  list(mean = user_response(units, mean) + base, sd = user_response(units, sqrt(variance)))
}

block_components <- function(fit, rows, at, core) {
  internal <- fit$internal
  design <- lone_design(fit)
  point <- rows_as_points(fit, design, rows, at)
  out <- cpp_mixture_points(
    design$core, internal$fixed$root, internal$system, core, point$covariance,
    point$prior, point$z, make_host(fit$control)
  )
  out$mean[point$is_missing, ] <- NA
  out$variance[point$is_missing, ] <- NA
  out
}

fixed_row_components <- function(fit, rows, at, core) {
  fixed <- fit$internal$fixed
  z <- basis_coordinates(fixed, rows$z[at, , drop = FALSE])
  parts <- cpp_mixture_fixed(fit$internal$system, core)
  variance <- apply(parts$covariance, 2, function(column) {
    rowSums((z %*% matrix(column, fixed$rank)) * z)
  })
  list(mean = z %*% parts$mean, variance = matrix(variance, length(at)))
}

# P y and diag(P) at every node of a core, in internal units, tau^2 = 1.
mixture_projection <- function(fit, core) {
  cpp_mixture_projection(
    lone_design(fit)$core, fit$internal$fixed$root, fit$internal$system, core,
    make_host(fit$control)
  )
}

# Mean and variance of the mixture, row by row.
mixture_moments <- function(posterior, mean, sd) {
  sums <- node_weights(posterior)
  centre <- drop(mean %*% sums$weight)
  variance <- drop(sd^2 %*% sums$second) + drop((mean - centre)^2 %*% sums$weight)
  list(mean = centre, variance = variance)
}

# Of a posterior.
mixture_variance <- function(object, rows, random) {
  parts <- row_components(object, rows, random)
  posterior <- object$posterior
  variance <- mixture_moments(posterior, parts$mean, parts$sd)$variance
  existing_variance(variance, posterior$orders, function(h, tau) {
    row_components(object, rows, random, core = one_node(posterior$core, h, tau))$sd[, 1]^2
  })
}

# A core of one node.
one_node <- function(core, h, tau) {
  core$h <- h
  core$nu <- 1 - h
  if (length(core$tau) > 0) core$tau <- tau
  core
}

# What a variance is to the posterior of one random term.
variance_role <- function(name) if (name == "Residual") "residual" else "random"

# The finer grid of a fit by quadrature.
fine_of <- function(fit) {
  problem <- problem_of(fit)
  target <- posterior_target(problem, internal_prior(problem), fit$control)
  fine_posterior(fit$posterior$grid, target)
}
