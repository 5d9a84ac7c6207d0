# P y of all responses that a block's search has fitted, by products of matrices: what random
# effects, residuals and predictions follow from, so that nothing has to be fitted for these.

# Which responses of a block have facts of its search alone.
searched_in_block <- function(x, block) {
  is_searched <- vapply(block$at, function(k) {
    is.null(x$own[[k]]) && is.null(x$errors[[k]])
  }, NA)
  which(is_searched)
}

# list(at, data, ratio [m], alpha [n x m] = sigma_e^2 P y in the rows of the core, 0 in rows that a
# response lacks, frame, w [r x m] = 1 / (1 + t d), missing (rows)) of the responses `js` of block
# b. With V = I + t K, t = sigma_b^2 / sigma_e^2, and K = U diag(d) U', all is along U and beside
# it. A response without rows F is that of all rows with y_F less Pi^-1 (P y)_F, Pi = P_FF, of which
# P y is zero at F.
project_block <- function(x, b, js) {
  block <- x$blocks[[b]]
  problem <- block$problem
  data <- response_data(problem, block$y[, js, drop = FALSE])
  frame <- projection_frame(problem, block_system(x, b))
  ratio <- vapply(seq_along(js), function(j) {
    units <- response_units(problem, data, j)
    inside <- x$facts[[block$at[js[j]]]]$variances
    label <- names(units$effect)
    inside_variance(units, inside[[label]], label) /
      inside_variance(units, inside[["Residual"]], "Residual")
  }, 0)
  along <- cpp_crossprod(frame$u, data$residual)
  w <- 1 / (1 + outer(frame$d, ratio))
  missing <- lapply(js, function(j) which(is.na(block$y[, j])))
  y <- data$residual
  for (j in which(lengths(missing) > 0)) {
    rows <- missing[[j]]
    z <- filled_change(frame, w[, j], along[, j], y[, j], rows)
    y[rows, j] <- y[rows, j] - z
    along[, j] <- along[, j] - drop(crossprod(frame$u[rows, , drop = FALSE], z))
  }
  delta <- vapply(seq_along(js), function(j) {
    fixed_along(frame, w[, j], along[, j], y[, j])
  }, numeric(ncol(frame$q)))
  delta <- matrix(delta, ncol(frame$q))
  alpha <- y - frame$q %*% delta - product_of(frame$u, (1 - w) * (along - frame$uq %*% delta))
  for (j in which(lengths(missing) > 0)) alpha[missing[[j]], j] <- 0
  list(
    at = block$at[js], data = data, ratio = ratio, alpha = alpha, frame = frame, w = w,
    missing = missing
  )
}

# list(u [n x r], d [r], q [n x c], uq = U'Q, beside = Q less U U'Q).
projection_frame <- function(problem, system) {
  q <- problem$fixed$q
  u <- if (system$side == "row") system$vectors else cpp_unrotate(
    lone_design(problem)$core, problem$fixed$root, system, diag(length(system$parts$d))
  )
  uq <- cpp_crossprod(u, q)
  list(u = u, d = system$parts$d, q = q, uq = uq, beside = q - product_of(u, uq))
}

# (Q'V^-1 Q)^-1 Q'V^-1 y, V^-1 = U diag(w) U' + (I - U U').
fixed_along <- function(frame, w, along, y) {
  if (ncol(frame$q) == 0) return(numeric())
  right <- crossprod(frame$uq, w * along) + crossprod(frame$beside, y)
  drop(solve(fixed_precision_at(frame, w), right))
}

fixed_precision_at <- function(frame, w) {
  crossprod(frame$uq, w * frame$uq) + crossprod(frame$beside)
}

# Pi^-1 (P y)_F at the rows F.
filled_change <- function(frame, w, along, y, rows) {
  u <- frame$u[rows, , drop = FALSE]
  delta <- fixed_along(frame, w, along, y)
  py <- y[rows] - frame$q[rows, , drop = FALSE] %*% delta -
    u %*% ((1 - w) * (along - frame$uq %*% delta))
  pi <- diag(length(rows)) - cpp_crossprod(t(u) * (1 - w), t(u))
  if (ncol(frame$q) > 0) {
    vq <- frame$q[rows, , drop = FALSE] - u %*% ((1 - w) * frame$uq)
    pi <- pi - vq %*% solve(fixed_precision_at(frame, w), t(vq))
  }
  drop(solve(pi, py))
}

# f(x, projected, j) of every response that was searched, NULL for others: a list by response.
# Responses go in blocks of columns, so that X is read once for many and no matrix is large.
projected_answers <- function(x, f, ...) {
  out <- vector("list", length(x$responses))
  for (b in seq_along(x$blocks)) {
    js <- searched_in_block(x, x$blocks[[b]])
    if (length(js) < 2) next
    for (part in split(js, (seq_along(js) - 1) %/% 256)) {
      found <- project_block(x, b, part)
      out[found$at] <- f(x, x$blocks[[b]], found, ...)
    }
  }
  out
}

# Random effects by term, as ranef.hdlmm() has them but for what it says of itself.
projected_effects <- function(x, block, found) {
  problem <- block$problem
  design <- lone_design(problem)
  inside <- cpp_covariance_product(
    design$core, problem$fixed$root, found$alpha, make_host(x$control)
  )
  lapply(seq_along(found$at), function(j) {
    units <- response_units(problem, found$data, j)
    effects <- user_effects(units, found$ratio[j] * inside[, j], design$label)
    stats::setNames(list(shaped_effects(design, effects)), design$label)
  })
}

# Residuals, or fitted values, of the rows of each response, with their numbers.
projected_rows <- function(x, block, found, is_residual) {
  problem <- block$problem
  root <- value_or(problem$fixed$root, 1)
  lapply(seq_along(found$at), function(j) {
    units <- response_units(problem, found$data, j)
    y <- block$y[, match(found$at[j], block$at)]
    keep <- which(!is.na(y))
    residual <- user_response(units, found$alpha[, j] / root)
    value <- if (is_residual) residual else y - residual
    structure(value[keep], rows = problem$model$rows[keep])
  })
}

# Predictions at new rows of responses that know the levels of all.
projected_points <- function(x, block, found, fit, rows) {
  effects <- projected_effects(x, block, found)
  design <- lone_design(block$problem)
  beta <- vapply(effects, function(one) one[[1]], numeric(design$n_cols))
  random <- effect_values(design, term_rows(rows, design), matrix(beta, design$n_cols), NULL)
  lapply(seq_along(found$at), function(j) {
    fit$fixed$estimate <- x$facts[[found$at[j]]]$fixed
    fit$fixed$kept <- which(!is.na(fit$fixed$estimate))
    y <- block$y[, match(found$at[j], block$at)]
    if (!has_all_levels(fit, block$problem$model$frame, !is.na(y))) return(NULL)
    stats::setNames(fixed_mean(fit, rows) + random[, j], rows$names)
  })
}

has_all_levels <- function(fit, frame, keep) {
  all(keep) || all(vapply(names(fit$xlevels), function(name) {
    all(fit$xlevels[[name]] %in% frame[[name]][keep])
  }, NA))
}
