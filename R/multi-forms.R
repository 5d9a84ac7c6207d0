# Forms in P of all responses that a block's search has fitted: what standard errors, leverages and
# leave-one-out predictions follow from, so that nothing has to be fitted for these. A number of
# which less than least_left remains is left to the fit of its response.

# sigma_e^2 a'P a [k x m] for the columns of a [n x k] and the responses of project_block(). along =
# U'a, beyond = |a|^2 less |along|^2. Rows that a response lacks are fixed effects of their own,
# which are estimated beside Q. Not a number where V is not positive definite to working precision.
projection_forms <- function(found, a, along, beyond) {
  frame <- found$frame
  out <- beyond + cpp_crossprod(along^2, found$w)
  beside <- cpp_crossprod(frame$beside, a)
  for (j in seq_along(found$at)) {
    cpp_poll()
    rows <- found$missing[[j]]
    if (length(rows) + ncol(frame$q) == 0) next
    w <- found$w[, j]
    half <- rbind(
      cpp_crossprod(w * frame$uq, along) + beside,
      a[rows, , drop = FALSE] - cpp_crossprod((1 - w) * t(frame$u[rows, , drop = FALSE]), along)
    )
    root <- tryCatch(chol(extended_precision(frame, w, rows)), error = function(e) NULL)
    out[, j] <- if (is.null(root)) NaN else
      out[, j] - colSums(backsolve(root, half, transpose = TRUE)^2)
  }
  out
}

# (Q, E)'V^-1 (Q, E) with the unit vectors E of some rows.
extended_precision <- function(frame, w, rows) {
  inner <- fixed_precision_at(frame, w)
  if (length(rows) == 0) return(inner)
  u <- frame$u[rows, , drop = FALSE]
  across <- frame$q[rows, , drop = FALSE] - u %*% ((1 - w) * frame$uq)
  own <- diag(length(rows)) - cpp_crossprod((1 - w) * t(u), t(u))
  rbind(cbind(inner, t(across)), cbind(across, own))
}

# sigma_e^2 P_ii of the rows of the core [n x m].
projection_diagonals <- function(found) {
  n <- nrow(found$frame$u)
  out <- matrix(0, n, length(found$at))
  for (rows in blocks_of(n, 512)) {
    unit <- matrix(0, n, length(rows))
    unit[cbind(rows, seq_along(rows))] <- 1
    along <- t(found$frame$u[rows, , drop = FALSE])
    out[rows, ] <- projection_forms(found, unit, along, pmax(0, 1 - colSums(along^2)))
  }
  out
}

# Standard errors of random effects given the variances, by term as ranef.hdlmm() has them.
projected_errors <- function(x, block, found) {
  problem <- block$problem
  design <- lone_design(problem)
  m <- length(found$at)
  variance <- matrix(0, design$n_cols, m)
  is_known <- rep(TRUE, m)
  for (columns in blocks_of(design$n_cols, 512)) {
    a <- cpp_covariance_columns(design$core, problem$fixed$root, columns)
    forms <- projection_forms(found, a, cpp_crossprod(found$frame$u, a), 0)
    prior <- prior_variances(design, columns)
    own <- prior - forms * rep(found$ratio, each = length(columns))
    is_known <- is_known & (colSums(own > least_left * prior) == length(columns)) %in% TRUE
    variance[columns, ] <- own
  }
  lapply(seq_len(m), function(j) {
    if (!is_known[j]) return(NULL)
    units <- response_units(problem, found$data, j)
    label <- design$label
    scale <- inside_variance(units, x$facts[[found$at[j]]]$variances[[label]], label)
    errors <- user_effects(units, sqrt(variance[, j] * scale), label)
    stats::setNames(list(shaped_effects(design, errors)), label)
  })
}

# Random effects with their standard errors.
projected_effects_and_errors <- function(x, block, found) {
  effects <- projected_effects(x, block, found)
  Map(function(effect, errors) if (!is.null(errors)) structure(effect, se = errors),
    effects, projected_errors(x, block, found))
}

# f(response's own list(py, diagonal of P as the user measures them, leverage, y, names), ...) of
# the rows of each response, with their numbers.
projected_diagonal_rows <- function(x, block, found, f) {
  problem <- block$problem
  root <- value_or(problem$fixed$root, rep(1, nrow(problem$fixed$q)))
  diagonals <- projection_diagonals(found)
  lapply(seq_along(found$at), function(j) {
    keep <- setdiff(seq_along(root), found$missing[[j]])
    own <- diagonals[keep, j]
    if (!all((own > least_left) %in% TRUE)) return(NULL)
    units <- response_units(problem, found$data, j)
    variances <- x$facts[[found$at[j]]]$variances
    noise <- inside_variance(units, variances[["Residual"]], "Residual")
    out <- f(list(
      py = user_inverse(units, found$alpha[keep, j] * root[keep] / noise),
      diagonal = user_inverse_variance(units, own * root[keep]^2 / noise), leverage = 1 - own,
      y = block$y[keep, match(found$at[j], block$at)], names = x$row_names[keep],
      variances = variances, weights = problem$model$weights[keep]
    ))
    if (!is.null(out)) structure(out, rows = problem$model$rows[keep])
  })
}
