# Tail probabilities of likelihood ratios on the boundary of covariances. Under the null such a
# ratio is asymptotically the squared length of z projected onto the cone of the directions in
# which the covariances of the larger model can move, less the same of the smaller one,
# z ~ N(0, I^-1) in the metric of I, the information of the null (Self & Liang 1987, J. Am. Stat.
# Assoc. 82, 605-610; Shapiro 1988, Int. Stat. Rev. 56, 49-62): a mixture of chi^2.

# Of 1/2 chi2_0 + 1/2 chi2_1, the law where one variance of zero is tested.
half_chi2_tail <- function(statistic) {
  p <- stats::pchisq(statistic, 1, lower.tail = FALSE) / 2
  p[!(statistic > 0)] <- 1
  p
}

# Fewer where a matrix has no closed form of its eigenvalues.
cone_draws <- function(widths) if (any(widths > 2)) 1e4 else 1e5

# list(p, se): p of a likelihood ratio against a smaller model. null: what that has of every term of
# the fit, a list of list(columns a [r x r0], relative S0 [r0 x r0]), by which S is the sum of
# a S0 a'. n_fixed: fixed effects that it lacks.
boundary_tail <- function(fit, null, statistic, n_fixed = 0) {
  if (statistic <= 1e-8) return(list(p = 1, se = 0))  # less is the rounding of two searches
  directions <- null_directions(fit, null)
  information <- null_information(fit, null)
  scale <- sqrt(diagonal(information))
  scale[!(scale > 0)] <- 1
  metric <- information / outer(scale, scale) + diag(1e-12, length(scale))
  cone <- test_cone(lapply(directions, function(d) d * scale), metric)
  cone$widths <- attr(directions, "widths")
  cone$held_widths <- attr(directions, "held_widths")
  share <- projected_shares(cone, n_fixed, make_host(fit$control))
  df <- nrow(cone$metric) + n_fixed
  tails <- stats::pchisq(statistic / share, df, lower.tail = FALSE)
  list(p = mean(tails), se = stats::sd(tails) / sqrt(length(tails)))
}

# Average information of all parameters where the null model has its maximum.
null_information <- function(fit, null) {
  relative <- Map(function(parts, s) null_block(parts, nrow(s)), null, fit$internal$relative)
  cpp_terms_evaluate(
    terms_system(fit), fit$uncertainty$criterion, unname(relative), make_host(fit$control)
  )$information
}

null_block <- function(parts, r) {
  Reduce(
    `+`, lapply(parts, function(part) part$columns %*% part$relative %*% t(part$columns)),
    matrix(0, r, r)
  )
}

# Directions of the parameters, columns of list(common, free, cone, held): in both models; in the
# larger one alone; half vectors of matrices that must be positive semidefinite in the larger one,
# and in the smaller one, where it is singular itself. With the widths of these matrices.
null_directions <- function(fit, null) {
  widths <- vapply(fit$internal$relative, nrow, 0L)
  m <- nrow(fit$parameters)
  before <- cumsum(c(0, widths * (widths + 1) / 2))
  out <- list(common = diag(m)[, m, drop = FALSE])
  own_widths <- held_widths <- integer()
  for (k in seq_along(widths)) {
    lift <- function(d) {
      out <- matrix(0, m, ncol(d))
      out[before[k] + seq_len(nrow(d)), ] <- d
      out
    }
    all <- block_directions(diag(widths[k]), null_block(null[[k]], widths[k]))
    out$linear <- cbind(out$linear, lift(all$linear))
    out$cone <- cbind(out$cone, lift(all$cone))
    own_widths <- c(own_widths, all$width)
    for (part in null[[k]]) {
      own <- block_directions(part$columns, part$relative)
      out$common <- cbind(out$common, lift(own$linear))
      out$held <- cbind(out$held, lift(own$cone))
      held_widths <- c(held_widths, own$width)
    }
  }
  out$free <- beyond(out$common, out$linear)
  structure(
    out[c("common", "free", "cone", "held")], widths = own_widths[own_widths > 0],
    held_widths = held_widths[held_widths > 0]
  )
}

# Those in which a S a' can move, S [r x r] positive semidefinite: list(linear, cone, width), the
# cone on the null space of S of that width.
block_directions <- function(a, s) {
  spectrum <- eigen(s, symmetric = TRUE)
  is_null <- spectrum$values <= 1e-8 * max(spectrum$values[1], 0)
  basis <- a %*% spectrum$vectors[, c(which(!is_null), which(is_null)), drop = FALSE]
  rank <- sum(!is_null)
  at <- which(lower.tri(s, TRUE), arr.ind = TRUE)
  lower <- lower.tri(diag(nrow(a)), TRUE)
  moved <- vapply(seq_len(nrow(at)), function(i) {
    own <- tcrossprod(basis[, at[i, 1]], basis[, at[i, 2]])
    (if (at[i, 1] == at[i, 2]) own else own + t(own))[lower]
  }, numeric(sum(lower)))
  moved <- matrix(moved, sum(lower))
  in_cone <- at[, 2] > rank
  list(
    linear = moved[, !in_cone, drop = FALSE], cone = moved[, in_cone, drop = FALSE],
    width = sum(is_null)
  )
}

# Columns of b that are independent of those of a and of each other.
beyond <- function(a, b) {
  whole <- cbind(a, b)
  whole <- whole / rep(sqrt(colSums(whole^2)), each = nrow(whole))
  found <- qr(whole, tol = 1e-9)
  at <- sort(found$pivot[seq_len(found$rank)])
  b[, at[at > ncol(a)] - ncol(a), drop = FALSE]
}

# list(metric, n_free, held): the metric of the free directions and of those of the cone, common
# ones profiled out; held: the cone of the smaller model by these directions.
test_cone <- function(directions, information) {
  whole <- cbind(directions$common, directions$free, directions$cone)
  metric <- crossprod(whole, information %*% whole)
  is_common <- seq_len(ncol(whole)) <= ncol(directions$common)
  held <- if (length(directions$held) > 0) {
    qr.coef(qr(whole), directions$held)[!is_common, , drop = FALSE]
  }
  list(
    metric = without_part(metric, is_common), n_free = ncol(directions$free), held = held
  )
}

# Of a metric, the least over the coordinates `is_out`.
without_part <- function(metric, is_out) {
  if (!any(is_out)) return(metric)
  cross <- metric[is_out, !is_out, drop = FALSE]
  rest <- metric[!is_out, !is_out, drop = FALSE] -
    crossprod(cross, solve(metric[is_out, is_out, drop = FALSE], cross))
  (rest + t(rest)) / 2
}

# |projection of z|^2 / |z|^2 of draws z, independent of |z|^2 ~ chi^2.
projected_shares <- function(cone, n_fixed, host) {
  metric <- cone$metric
  d <- nrow(metric)
  normals <- with_seed(1, cpp_normals(d + n_fixed, cone_draws(cone$widths)))
  own <- normals[seq_len(d), , drop = FALSE]
  z <- backsolve(chol(metric), own)
  is_free <- seq_len(d) <= cone$n_free
  length <- colSums(normals^2)
  out <- length
  if (length(cone$widths) > 0) {
    out <- out - cpp_cone_distances(
      without_part(metric, is_free), cone$widths, z[!is_free, , drop = FALSE], host
    )
  }
  if (length(cone$held_widths) > 0) {
    inner <- crossprod(cone$held, metric %*% cone$held)
    nearest <- solve(inner, crossprod(cone$held, metric %*% z))
    own_length <- colSums(nearest * (inner %*% nearest))
    out <- out - own_length + cpp_cone_distances(inner, cone$held_widths, nearest, host)
  }
  pmin(pmax(out / length, 0), 1)
}
