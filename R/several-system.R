# The system of a fit with several random terms, and what it says with the covariances held.

# The system itself, kept in the cache and made again where a fit was saved and loaded.
terms_system <- function(fit) {
  cache <- fit$internal$cache
  # a pointer that was saved and loaded points nowhere
  if (!cpp_is_terms_system(cache$terms)) {
    problem <- list(designs = all_terms(fit), fixed = fit$internal$fixed)
    cache$terms <- build_terms_system(problem, fit$control, make_host(fit$control))
  }
  cache$terms
}

# All designs of the fit, though it stands for some of its terms only; see with_terms().
all_terms <- function(fit) value_or(fit$all_designs, fit$designs)

# V^-1 b for b [n x m].
terms_solve <- function(fit, b) {
  cpp_terms_solve(terms_system(fit), fit$internal$relative, b, make_host(fit$control))
}

# list(py, diagonal): P y and diag(P) for the covariance of y itself, in the user's units.
terms_projection <- function(fit) {
  internal <- fit$internal
  root <- value_or(internal$fixed$root, 1)
  list(
    py = user_inverse(internal$units, internal$alpha * root / internal$tau2),
    diagonal = user_inverse_variance(
      internal$units, terms_leverages(fit) * root^2 / internal$tau2
    )
  )
}

# diag(P) per unit sigma_e^2 in the rows of the core [n].
terms_leverages <- function(fit) {
  internal <- fit$internal
  cpp_terms_leverages(
    terms_system(fit), internal$relative, internal$covariance, make_host(fit$control)
  )
}

# The criterion of the core with the scale held, at the estimates.
terms_criterion <- function(fit, criterion) {
  internal <- fit$internal
  e <- cpp_terms_evaluate(
    terms_system(fit), criterion, internal$relative, make_host(fit$control)
  )
  df <- fit$dims$n - if (criterion == "REML") fit$dims$n_fixed else 0
  log_det <- -2 * e$value - df * (log(2 * pi) + 1 + log(e$rss / df))
  if (internal$tau2 == 0) return(Inf)
  -0.5 * (df * log(2 * pi * internal$tau2) + log_det + e$rss / internal$tau2)
}

# Var(z'omega + x'beta | y) at rows [m], x'beta of the terms that the fit stands for; with omega
# held, Var(x'beta | y, omega).
terms_variance <- function(fit, rows, fixed_held = FALSE) {
  cells <- lapply(fit$designs, function(design) row_cells(design, term_rows(rows, design)))
  if (!any(vapply(cells, is.null, NA))) {
    known <- cells_variance(fit, rows, cells, fixed_held)
    if (length(known) == rows$m) return(known)
  }
  out <- numeric(rows$m)
  for (at in point_blocks(fit, rows$m)) {
    out[at] <- terms_block_variance(fit, rows, at, fixed_held)
  }
  out
}

# The same of rows with a level in each of the terms, by covariances of coefficients; empty where
# the system does not have them. An unseen level has its prior variance.
cells_variance <- function(fit, rows, cells, fixed_held) {
  internal <- fit$internal
  z <- basis_coordinates(internal$fixed, rows$z)
  labels <- names(all_terms(fit))
  given <- stats::setNames(vector("list", length(labels)), labels)
  given[names(fit$designs)] <- cells
  is_missing <- !stats::complete.cases(z)
  prior <- numeric(rows$m)
  for (label in names(fit$designs)) {
    own <- given[[label]]
    values <- own$values
    is_missing <- is_missing | own$is_missing | !stats::complete.cases(values)
    unseen <- is.na(own$unit) & !is_missing
    drawn <- values[unseen, , drop = FALSE]
    prior[unseen] <- prior[unseen] + rowSums((drawn %*% internal$relative[[label]]) * drawn)
    given[[label]]$values[is_missing, ] <- 0
  }
  z[is_missing, ] <- 0
  variance <- cpp_terms_row_variances(
    terms_system(fit), internal$relative, internal$covariance * !fixed_held, unname(given), z,
    make_host(fit$control)
  )
  if (length(variance) == 0) return(variance)
  variance <- variance + prior
  variance[is_missing] <- NA
  user_response_variance(internal$units, internal$tau2 * pmax(0, variance))
}

# The same of a block of rows `at`.
terms_block_variance <- function(fit, rows, at, fixed_held) {
  internal <- fit$internal
  own <- each_term(fit, function(design) {
    relative <- internal$relative[[design$label]]
    term_points(design, term_rows(rows, design), at, relative, internal)
  })
  points <- complete_points(
    internal$fixed, rows, at, Reduce(`+`, lapply(own, `[[`, "covariance")),
    Reduce(`+`, lapply(own, `[[`, "prior"))
  )
  solved <- terms_solve(fit, points$covariance)
  variance <- error_variances(
    points, solved, internal$fixed$q, if (!fixed_held) internal$covariance
  )
  user_response_variance(internal$units, internal$tau2 * variance)
}

# Rows to be predicted: list(z [c x m], covariance [n x m], k = sum_k X_k S_k x_k, prior [m],
# is_missing [m]), columns of rows that miss something zero.
complete_points <- function(fixed, rows, at, covariance, prior) {
  z <- t(basis_coordinates(fixed, rows$z[at, , drop = FALSE]))
  is_missing <- !stats::complete.cases(t(z), t(covariance), prior)
  z[, is_missing] <- 0
  covariance[, is_missing] <- 0
  list(z = z, covariance = covariance, prior = prior, is_missing = is_missing)
}

# x'Sx - k'V^-1 k + (z - Q'V^-1 k)' A^-1 (z - Q'V^-1 k) per unit of sigma_e^2 [m], from V^-1 k and
# A^-1, which is NULL where the fixed effects are held.
error_variances <- function(points, solved, q, inverse) {
  variance <- points$prior - colSums(points$covariance * solved)
  if (!is.null(inverse)) {
    rest <- points$z - cpp_crossprod(q, solved)
    variance <- variance + colSums(rest * (inverse %*% rest))
  }
  replace(pmax(0, variance), points$is_missing, NA)
}

# Standard errors of the coefficients of a term in the user's units, level by level.
terms_effect_se <- function(fit, design) {
  internal <- fit$internal
  cache <- internal$cache
  if (is.null(cache$level_errors)) {
    cache$level_errors <- cpp_terms_block_variances(
      terms_system(fit), internal$relative, internal$covariance, make_host(fit$control)
    )
  }
  # [r x r J], of which the diagonals of blocks are wanted
  own <- cache$level_errors[[match(design$label, names(all_terms(fit)))]]
  r <- nrow(own)
  variances <- own[cbind(rep_len(seq_len(r), ncol(own)), seq_len(ncol(own)))]
  sd <- sqrt(pmax(0, variances) * internal$tau2)
  user_effects(internal$units, sd, design$label)
}
