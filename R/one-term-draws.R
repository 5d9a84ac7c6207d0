# Joint draws of all parameters along the eigenvectors of one random term.

# Draws of the variances from nodes, of the effects given these.
node_sample <- function(fit, draws, with_beta) {
  # means that were taken out of the columns are drawn along g
  system <- if (with_beta) full_system(fit) else spectral_system(fit)
  parts <- draw_parts(fit, draws, system, with_beta || length(system$parts$mean) > 0)
  internal <- fit$internal
  fixed <- internal$fixed
  design <- lone_design(fit)
  mean <- parts$system$parts$mean
  delta <- parts$delta
  beta <- if (with_beta) draw_coefficients(fit, parts)
  if (length(mean) > 0) {
    along <- if (with_beta) crossprod(design$mean_columns, beta) else mean_along(mean, parts)
    delta <- delta - outer(mean$constant, drop(along))
  }
  omega <- sample_matrix(fit, draws)
  omega[, fixed$kept] <- t(unscale_draws(fixed, delta))
  variances <- do.call(cbind, drawn_variances(fit, parts))
  new_sample(omega, variances, parts$h, if (with_beta) {
    named_effects(design, user_effects(internal$units, beta, design$label))
  })
}

# The variances of draws in the user's units, by name.
drawn_variances <- function(fit, parts) {
  inside <- list(parts$tau2 * parts$h / parts$kappa, parts$tau2 * parts$nu)
  names(inside) <- names(fit$variances)
  Map(function(x, name) user_variance(fit$internal$units, x, name), inside, names(inside))
}

# Draws of the variances and, given them, of delta [c x s] and g = U'X beta [r x s], by the core's
# units; sorted by node so that each is whitened once. g is along the vectors of `system`, and
# left out unless it is wanted.
draw_parts <- function(fit, draws, system, wants_effects = TRUE) {
  nodes <- draw_nodes(fit, draws)
  tau <- sqrt(nodes$tau2)
  out <- cpp_mixture_draws(system, nodes$core, nodes$node, tau, wants_effects)
  c(out, list(
    h = nodes$core$h[nodes$node], nu = nodes$core$nu[nodes$node], tau2 = nodes$tau2,
    d = system$parts$d, kappa = system$kappa, system = system
  ))
}

# Draws of the variances held at their estimates.
held_nodes <- function(fit, draws) {
  internal <- fit$internal
  # the system of a MAP fit holds its prior rows already
  core <- list(
    h = internal$share$h, nu = internal$share$nu, tau = numeric(),
    prior_root = matrix(0, 0, internal$fixed$rank)
  )
  list(core = core, node = rep(1L, draws), tau2 = rep(internal$tau2, draws))
}

# A node for every draw of a posterior.
posterior_nodes <- function(fit, h, nu, tau2) {
  core <- list(h = h, nu = nu, tau = numeric(), prior_root = fit$posterior$core$prior_root)
  if (nrow(core$prior_root) > 0) core$tau <- sqrt(tau2)
  list(core = core, node = seq_along(tau2), tau2 = tau2)
}

# m'beta, m the means that were taken out of the columns, where beta itself is not wanted.
mean_along <- function(mean, parts) {
  inside <- colSums(mean$coordinates * parts$g / sqrt(parts$d))
  inside + sqrt(mean$rest2 * parts$tau2 * parts$h / parts$kappa) * stats::rnorm(length(parts$h))
}

# beta [p x s] in the core's units given g = U'X beta: a draw from the prior, moved to where it has
# these coordinates (Matheron's rule).
draw_coefficients <- function(fit, parts) {
  internal <- fit$internal
  design <- lone_design(fit)
  root <- internal$fixed$root
  system <- parts$system
  draws <- length(parts$tau2)
  out <- cpp_zeros(design$n_cols, draws)
  own_root <- effect_root(design, seq_len(design$n_cols))
  for (at in blocks_of(draws, 64)) {
    xi <- cpp_normals(design$n_cols, length(at))
    if (!is.null(own_root)) xi <- cpp_crossprod(own_root, xi)
    xi <- sweep(xi, 2, sqrt(parts$tau2[at] * parts$h[at] / system$kappa), `*`)
    there <- cpp_rotate(design$core, root, system, cpp_product(design$core, root, xi))
    back <- cpp_unrotate(
      design$core, root, system, (parts$g[, at, drop = FALSE] - there) / system$parts$d
    )
    out[, at] <- xi + cpp_covariance_product(design$core, root, back)
  }
  out
}

# x'beta at the rows in the core's units, jointly: a function of draws `at`, which come in order,
# that gives [m x length(at)].
random_draws <- function(fit, rows, z, parts) {
  internal <- fit$internal
  design <- lone_design(fit)
  root <- internal$fixed$root
  if (rows$is_fitted) {
    return(function(at) {
      g <- parts$g[, at, drop = FALSE]
      cpp_unrotate(design$core, root, parts$system, g) / value_or(root, 1)
    })
  }
  point <- joint_covariance(design, term_rows(rows, design), z, internal)
  along <- cpp_rotate(design$core, root, parts$system, point$covariance)
  d <- parts$system$parts$d
  scaled <- along / sqrt(d)
  rest <- point$prior - cpp_crossprod(scaled, scaled)
  small <- 1e-10 * max(1, diag(point$prior))
  open <- which(diag(rest) > small)
  half <- chol_root((rest + t(rest))[open, open, drop = FALSE] / 2)
  spread <- sqrt(parts$tau2 * parts$h / parts$kappa)
  function(at) {
    inside <- cpp_crossprod(along, parts$g[, at, drop = FALSE] / d)
    if (length(open) == 0) return(inside)
    fresh <- cpp_crossprod(half, cpp_normals(length(open), length(at)))
    inside[open, ] <- inside[open, ] + fresh * rep(spread[at], each = length(open))
    inside
  }
}
