# What the decomposition of several random terms says at every node of a posterior of their
# covariances; standard deviations are per unit sigma_e.

# What the core reads of the nodes of a fit.
fit_nodes <- function(fit) {
  core_nodes(fit$internal$nodes, fit$internal$fixed$prior_precision)
}

# Fixed effects: list(mean, sd) [index x nodes].
node_fixed_components <- function(fit, index) {
  fixed <- fit$internal$fixed
  nodes <- fit$internal$nodes
  to_user <- coefficient_map(fixed)[index, , drop = FALSE]
  list(
    mean = to_user %*% nodes$delta + fixed$omega[fixed$kept][index],
    sd = sqrt(pmax(node_quadratics(nodes, to_user), 0))
  )
}

# z'C z for rows z [m x c] at every node, C the covariance of delta, [m x nodes].
node_quadratics <- function(nodes, z) {
  c <- ncol(z)
  out <- apply(nodes$covariance, 2, function(column) rowSums((z %*% matrix(column, c)) * z))
  matrix(out, nrow(z))
}

# Random effects of a term likewise, those at `index`.
node_effect_components <- function(fit, design, index) {
  at <- cpp_terms_node_effects(
    terms_system(fit), fit_nodes(fit), match(design$label, names(all_terms(fit))),
    as.integer(index), make_host(fit$control)
  )
  to_user <- function(x) user_effects(fit$internal$units, x, design$label, index)
  list(mean = to_user(at$mean), sd = to_user(sqrt(pmax(at$variance, 0))))
}

# Posterior standard deviations of the effects of a term.
node_effect_sd <- function(fit, design) {
  cache <- fit$internal$cache
  if (is.null(cache$node_variances)) {
    sums <- node_weights(fit$posterior)
    units <- fit$internal$units
    centre <- lapply(names(fit$effects), function(label) {
      inside_effects(units, fit$effects[[label]], label)
    })
    cache$node_variances <- cpp_terms_node_variances(
      terms_system(fit), fit_nodes(fit), sums$weight, sums$second, centre, make_host(fit$control)
    )
  }
  own <- cache$node_variances[[match(design$label, names(all_terms(fit)))]]
  user_effects(fit$internal$units, sqrt(pmax(0, own)), design$label)
}

# Points z'omega + x'beta of the terms `random` (TRUE, FALSE or labels): list(mean, sd) [m x nodes].
# weights: of new responses, whose noise and new effects of the other terms are added; NULL for
# none.
node_row_components <- function(fit, rows, random, weights = NULL) {
  fixed <- fit$internal$fixed
  units <- fit$internal$units
  count <- length(fit$internal$nodes$weight)
  mean <- variance <- matrix(0, rows$m, count)
  base <- drop(rows$z[, fixed$kept, drop = FALSE] %*% fixed$omega[fixed$kept])
  if (!is.null(rows$offset)) base <- base + rows$offset
  noise <- if (!is.null(weights)) inside_noise(units, rep_len(weights, rows$m))
  for (at in blocks_of(rows$m, max(1, 2^22 %/% max(fit$dims$n, sum(fit$dims$p))))) {
    part <- node_block_components(fit, rows, at, random, !is.null(weights))
    mean[at, ] <- part$mean
    variance[at, ] <- part$variance + if (is.null(noise)) 0 else noise[at]
  }
  list(
    mean = user_response(units, mean) + base,
    sd = user_response(units, sqrt(pmax(variance, 0)))
  )
}

node_block_components <- function(fit, rows, at, random, is_new) {
  internal <- fit$internal
  nodes <- internal$nodes
  z <- basis_coordinates(internal$fixed, rows$z[at, , drop = FALSE])
  is_missing <- !stats::complete.cases(z)
  z[is_missing, ] <- 0
  used <- used_labels(fit, random)
  mean <- z %*% nodes$delta
  variance <- node_quadratics(nodes, z)
  anew <- if (is_new) fresh_labels(fit, random) else character()
  points <- c(
    lapply(fit$designs[used], term_points_at, rows = rows, at = at, fit = fit),
    lapply(fit$designs[anew], fresh_points_at, rows = rows, at = at, fit = fit)
  )
  for (i in seq_along(nodes$weight)) {
    cpp_poll()
    part <- moments_at_node(fit, i, points, used, anew, z)
    is_missing <- is_missing | part$is_missing
    mean[, i] <- mean[, i] + part$mean
    if (length(used) > 0) variance[, i] <- part$variance
    variance[, i] <- variance[, i] + part$fresh
  }
  mean[is_missing, ] <- NA
  variance[is_missing, ] <- NA
  list(mean = mean, variance = variance)
}

# Of a term at rows, a function of S: list(covariance [n x m], prior [m]).
term_points_at <- function(design, rows, at, fit) {
  own <- term_rows(rows, design)
  if (coefficient_width(design) > 1) {
    return(function(relative) term_points(design, own, at, relative, fit$internal))
  }
  unit <- term_points(design, own, at, matrix(1), fit$internal)
  function(relative) {
    list(covariance = unit$covariance * relative[1], prior = unit$prior * relative[1])
  }
}

# Of a term whose effects are drawn anew, a function of S: list(prior [length(at)]).
fresh_points_at <- function(design, rows, at, fit) {
  units <- fit$internal$units
  own <- term_rows(rows, design)
  unit <- user_response_variance(units, 1)
  variances <- function(relative) {
    explained_rows(design, own, user_block(units, design, relative), fit$internal) / unit
  }
  if (coefficient_width(design) > 1) {
    return(function(relative) list(prior = variances(relative)[at]))
  }
  one <- variances(matrix(1))[at]
  function(relative) list(prior = one * relative[1])
}

# Given the node: what x'beta adds to the mean, the variance of z'omega + x'beta, and that of
# effects drawn anew. With k = sum_k X_k S_k x_k and C the covariance of delta the variance is
#   x'Sx - k'V^-1 k + (z - Q'V^-1 k)'C (z - Q'V^-1 k).
moments_at_node <- function(fit, i, points, used, anew, z) {
  internal <- fit$internal
  fixed <- internal$fixed
  relative <- node_relative(fit, i)
  at <- Map(function(point, label) point(relative[[label]]), points, names(points))
  prior <- function(labels) Reduce(`+`, lapply(at[labels], `[[`, "prior"), numeric(nrow(z)))
  fresh <- prior(anew)
  if (length(used) == 0) {
    is_missing <- is.na(fresh)
    return(list(mean = 0, variance = 0, fresh = fresh, is_missing = is_missing))
  }
  k <- Reduce(`+`, lapply(at[used], `[[`, "covariance"))
  is_missing <- !stats::complete.cases(t(k), prior(used), fresh)
  k[, is_missing] <- 0
  solved <- cpp_terms_solve(
    terms_system(fit), unname(relative), cbind(k, fixed$q, fixed$residual), make_host(fit$control)
  )
  m <- ncol(k)
  along <- solved[, seq_len(m), drop = FALSE]
  vq <- solved[, m + seq_len(fixed$rank), drop = FALSE]
  py <- solved[, ncol(solved)] - drop(vq %*% internal$nodes$delta[, i])
  rest <- t(z) - cpp_crossprod(fixed$q, along)
  covariance <- matrix(internal$nodes$covariance[, i], fixed$rank)
  list(
    mean = drop(cpp_crossprod(k, as.matrix(py))),
    variance = prior(used) - colSums(k * along) + colSums(rest * (covariance %*% rest)),
    fresh = fresh, is_missing = is_missing
  )
}

# S_k of every term at a node, by label.
node_relative <- function(fit, i) {
  designs <- all_terms(fit)
  stats::setNames(relative_list(designs, fit$internal$nodes$relative[, i]), names(designs))
}

# P y and diag(P) at every node, in the rows and the unit of sigma_e^2 of the core.
node_projections <- function(fit) {
  cpp_terms_node_projections(terms_system(fit), fit_nodes(fit), make_host(fit$control))
}

# Variance of the mixture at rows.
node_variance <- function(fit, rows, random) {
  parts <- node_row_components(fit, rows, random)
  variance <- mixture_moments(fit$posterior, parts$mean, parts$sd)$variance
  if (any(is.na(fit$posterior$points$total))) variance[!is.na(variance)] <- Inf
  variance
}
