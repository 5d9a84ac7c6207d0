# What the decomposition of one random term says with the variances held at their estimates.
# Several terms will have such a file of their own.

# Given the variances.
held_variance <- function(object, rows, random) {
  if (!random) return(fixed_variance(object, rows$z))
  out <- numeric(rows$m)
  for (at in point_blocks(object, rows$m)) out[at] <- block_variance(object, rows, at)
  out
}

# Rows in blocks, of which each takes as many columns of the length of the data and of X.
point_blocks <- function(object, m) {
  blocks_of(m, max(1, min(256, 2^22 %/% max(object$dims$n, sum(object$dims$p)))))
}

fixed_variance <- function(object, z) {
  z <- z[, object$fixed$kept, drop = FALSE]
  rowSums((z %*% object$fixed$vcov) * z)
}

# Rows as points of the core: list(z, covariance, prior, is_missing), zeros where they are missing.
rows_as_points <- function(object, design, rows, at) {
  internal <- object$internal
  z <- basis_coordinates(internal$fixed, rows$z[at, , drop = FALSE])
  point <- point_covariance(design, term_rows(rows, design), at, z, internal)
  is_missing <- !stats::complete.cases(z, t(point$covariance))
  z[is_missing, ] <- 0
  point$covariance[, is_missing] <- 0
  list(z = z, covariance = point$covariance, prior = point$prior, is_missing = is_missing)
}

block_variance <- function(object, rows, at) {
  internal <- object$internal
  design <- lone_design(object)
  point <- rows_as_points(object, design, rows, at)
  variance <- cpp_latent_variances(
    design$core, internal$fixed$root, full_system(object), internal$share$h, internal$share$nu,
    point$covariance, point$prior, point$z
  )
  variance[point$is_missing] <- NA
  user_response_variance(internal$units, variance * internal$tau2)
}

# Standard errors given the variances.
held_effect_se <- function(fit, design) {
  internal <- fit$internal
  variances <- cpp_coefficient_variances(
    design$core, internal$fixed$root, full_system(fit), internal$share$h, internal$share$nu,
    make_host(fit$control)
  )
  user_effects(internal$units, sqrt(variances * internal$tau2), design$label)
}

# The same of some coefficients, O(n r) each.
held_effect_se_at <- function(fit, design, at) {
  internal <- fit$internal
  covariance <- cpp_covariance_columns(design$core, internal$fixed$root, at)
  prior <- prior_variances(design, at)
  share <- internal$share
  variance <- cpp_latent_variances(
    design$core, internal$fixed$root, full_system(fit), share$h, share$nu, covariance,
    prior, matrix(0, length(at), internal$fixed$rank)
  )
  user_effects(internal$units, sqrt(pmax(0, variance) * internal$tau2), design$label, at)
}

# P y and diag(P) for the covariance of y itself, in the user's units.
projection_user <- function(fit) {
  internal <- fit$internal
  fixed <- internal$fixed
  root <- value_or(fixed$root, 1)
  p <- projection_inside(fit, internal$share$nu)
  list(
    py = user_inverse(internal$units, p$py * root / internal$tau2),
    diagonal = user_inverse_variance(internal$units, p$diagonal * root^2 / internal$tau2)
  )
}

# P y and diag(P) in internal units, tau^2 = 1.
projection_inside <- function(fit, nu) {
  internal <- fit$internal
  fixed <- internal$fixed
  if (!has_random(fit)) {
    return(list(py = internal$alpha, diagonal = 1 - rowSums(fixed$q^2)))
  }
  cpp_projection(
    lone_design(fit)$core, fixed$root, full_system(fit), internal$share$h, nu
  )
}

# The other criterion at the estimates, total variance included: nothing is maximised.
held_criterion <- function(fit, criterion) {
  internal <- fit$internal
  n <- fit$dims$n
  c <- internal$fixed$rank
  if (is.null(internal$system)) {
    rss <- sum(internal$alpha^2)
    log_det <- 0
    tau2 <- if (criterion == "ML") rss / n else rss / (n - c)
  } else {
    e <- cpp_evaluate(internal$system, internal$share$h, internal$share$nu)
    rss <- e$rss
    log_det <- if (criterion == "REML") e$log_det_restricted else e$log_det_v
    tau2 <- internal$tau2
  }
  df <- if (criterion == "REML") n - c else n
  if (tau2 == 0) return(Inf)
  -0.5 * (df * log(2 * pi * tau2) + log_det + rss / tau2) +
    loglik_constant(internal$fixed, criterion)
}
