# Columns of P, the inverse covariance of y with the fixed effects projected out, with the variances
# held at their estimates, for any number of terms.

# list(system, relative, sigma2): what V / sigma_e^2 = I + sum_k X_k (I (x) S_k) X_k' is made of.
held_system <- function(fit) {
  internal <- fit$internal
  if (!has_random(fit)) return(list(sigma2 = internal$tau2))
  if (!is.null(internal$relative)) {
    return(list(system = terms_system(fit), relative = internal$relative, sigma2 = internal$tau2))
  }
  share <- internal$share
  if (!(share$nu > 0)) {
    abort("exact_fit", "the residual variance is 0: rows that are left out have no distribution.")
  }
  problem <- list(designs = fit$designs, fixed = internal$fixed)
  list(
    system = build_terms_system(problem, fit$control, make_host(fit$control)),
    relative = list(matrix(share$h / internal$system$kappa / share$nu)),
    sigma2 = internal$tau2 * share$nu
  )
}

# list(q = V^-1 Q, b = V^-1 b, inverse = (Q'V^-1 Q)^-1) per unit of sigma_e^2, b [n x m] in the rows
# of the core, by one factor of V.
held_solve <- function(fit, held, b) {
  q <- fit$internal$fixed$q
  both <- cbind(q, b)
  if (!is.null(held$system)) {
    both <- cpp_terms_solve(held$system, held$relative, both, make_host(fit$control))
  }
  vq <- both[, seq_len(ncol(q)), drop = FALSE]
  list(
    q = vq, b = both[, ncol(q) + seq_len(ncol(b)), drop = FALSE],
    inverse = if (ncol(q) > 0) solve(cpp_crossprod(q, vq)) else matrix(0, 0, 0)
  )
}

# Cov(beta | y, omega, variances) = S - K'V^-1 K by term and level, [r x r x J] in the user's units:
# prediction errors where the fixed effects have none.
conditional_covariances <- function(fit) {
  held <- held_system(fit)
  q <- ncol(fit$internal$fixed$q)
  blocks <- cpp_terms_block_variances(
    held$system, held$relative, matrix(0, q, q), make_host(fit$control)
  )
  lapply(fit$designs, function(design) {
    own <- blocks[[match(design$label, names(all_terms(fit)))]]
    r <- nrow(own)
    at <- matrix(seq_len(ncol(own)), r)
    by_column <- rep(at, each = r)
    by_row <- as.vector(at[, rep(seq_len(ncol(at)), each = r)])
    units <- fit$internal$units
    sided <- user_effects(units, held$sigma2 * as.vector(own), design$label, by_row)
    array(user_effects(units, sided, design$label, by_column), c(r, r, ncol(at)))
  })
}

# P sigma_e^2 e_i for the rows i of `at`, in the rows of the core [n x length(at)].
projection_columns <- function(fit, held, at) {
  pick <- matrix(0, nrow(fit$internal$fixed$q), length(at))
  pick[cbind(at, seq_along(at))] <- 1
  solved <- held_solve(fit, held, pick)
  solved$b - solved$q %*% tcrossprod(solved$inverse, solved$q[at, , drop = FALSE])
}

# What the other rows say of the rows `at`, with the variances held: y_F - E(y_F | rest) =
# Pi^-1 (P y)_F with covariance Pi^-1, Pi = P_FF; `columns` are those of projection_columns().
# Rows with a fixed effect that no other row has are NA: Pi has a zero along such an effect. In the
# user's units: list(residual, variance).
left_out_rows <- function(fit, held, at, columns) {
  internal <- fit$internal
  fixed <- internal$fixed
  root <- value_or(fixed$root[at], 1)
  pi <- columns[at, , drop = FALSE]
  lost <- lost_directions(fixed$q[at, , drop = FALSE])
  inverse <- chol2inv(chol(pi + tcrossprod(lost))) - tcrossprod(lost)
  residual <- drop(inverse %*% drop(crossprod(columns, fixed$residual)))
  is_lost <- rowSums(abs(lost)) > 1e-8
  residual[is_lost] <- NA
  variance <- replace(diag(inverse) * held$sigma2, is_lost, NA)
  list(
    residual = user_response(internal$units, residual) / root,
    variance = user_response_variance(internal$units, variance) / root^2
  )
}

# Eigenvalues: how much of the directions of the fixed effects rows other than these tell.
told_by_others <- function(q, ...) eigen(diag(ncol(q)) - crossprod(q), symmetric = TRUE, ...)

# Unit vectors over rows F along which fixed effects vary within F and nowhere else, [f x ..].
lost_directions <- function(q) {
  left <- told_by_others(q)
  # rounding; a direction that other rows share has far more of its square there
  q %*% left$vectors[, left$values < 1e-10, drop = FALSE]
}

# Var(z'omega + x'beta | y) at rows [m] of a fit with one random term, by one factor of V in the
# place of its eigenvectors: less work where rows are few.
factored_variance <- function(fit, rows) {
  internal <- fit$internal
  q <- internal$fixed$q
  held <- held_system(fit)
  design <- uncentred(lone_design(fit))
  internal$system$parts["mean"] <- list(NULL)  # whose columns are not centred either
  at <- seq_len(rows$m)
  own <- term_points(design, term_rows(rows, design), at, held$relative[[1]], internal)
  points <- complete_points(internal$fixed, rows, at, own$covariance, own$prior)
  solved <- held_solve(fit, held, points$covariance)
  variance <- error_variances(points, solved$b, q, solved$inverse)
  user_response_variance(internal$units, held$sigma2 * variance)
}

# Whether eigenvectors, which the fit has not made, would cost more, and V is far from singular.
is_factored_for_less <- function(fit, m) {
  internal <- fit$internal
  is_one_variance(fit) && is.null(internal$system$vectors) && isTRUE(internal$share$nu > 1e-6) &&
    2 * m < min(fit$dims$n, fit$dims$p)
}
