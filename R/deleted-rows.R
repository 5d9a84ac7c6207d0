# REML without some rows F on the decomposition of all of them, for one random term of which
# eigenvectors on the space that the fixed effects leave are known: K = U diag(lambda) U' there.
# With t = sigma_b^2 / sigma_e^2 and w = 1 / (1 + t lambda), P sigma_e^2 = N + U diag(w) U', N the
# projection on what neither Z nor U spans. With Pi = P_FF sigma_e^2 and S = y'P y less
# (P y)_F'Pi^-1 (P y)_F,
#   -2 l_-(t) = sum log(1 + t lambda) + log|Pi| + (n - f - c) log S + const,
# which costs r f^2 an evaluation.

largest_deleted_share <- 0.12  # of the rows: beyond, a decomposition of the others is less work

# list(vectors [n x r], lambda [r], y [r] = U'y, rest [n] = y less U U'y, fixed, units, design,
# diagonal and sums [n] of the rows of K): of a problem with a kernel.
deletion_frame <- function(problem, host) {
  design <- lone_design(problem)
  fixed <- problem$fixed
  q <- fixed$q
  root <- value_or(fixed$root, 1)
  unit <- unit_index(design)
  cells <- unit_covariances(design, unit)
  kernel <- if (length(root) == 1) cells else cells * outer(root, root)
  kernel <- off_fixed(off_fixed(kernel, q), q)
  core <- list(
    kind = "kernel", x = (kernel + t(kernel)) / 2, scale = 1, unit = seq_len(nrow(kernel)),
    rounding = design$core$rounding
  )
  found <- cpp_decompose(core, NULL, q, fixed$residual, NULL, NULL, "vectors", host)
  vectors <- found$vectors
  y <- drop(crossprod(vectors, fixed$residual))
  is_whole <- ncol(vectors) == nrow(q) - fixed$rank
  list(
    vectors = vectors, lambda = found$parts$d, y = y, is_whole = is_whole,
    rest = if (is_whole) numeric(nrow(q)) else fixed$residual - drop(vectors %*% y),
    fixed = fixed, units = problem$units, design = design, diagonal = diag(cells),
    sums = rowSums(cells)
  )
}

# kappa of the rows that are left.
kept_kappa <- function(frame, at) {
  design <- frame$design
  among <- sum(unit_covariances(design, unit_index(design)[at]))
  design$kappa_scaled <- kappa_of_rest(frame$diagonal, frame$sums, at, among)
  user_kappa(design)[[1]]
}

# (tr(K) - 1'K1 / n) / (n - 1) without the rows `at`, from the diagonal and the sums of the rows of
# all of K; among: the sum of K over rows and columns `at`.
kappa_of_rest <- function(diagonal, sums, at, among) {
  n <- length(sums) - length(at)
  total <- sum(sums) - 2 * sum(sums[at]) + among
  (sum(diagonal) - sum(diagonal[at]) - total / n) / (n - 1)
}

# (I - Q Q') k, transposed.
off_fixed <- function(k, q) t(k - q %*% crossprod(q, k))

# What of the frame concerns the rows F.
deletion_of <- function(frame, at) {
  rows <- t(frame$vectors[at, , drop = FALSE])
  q <- frame$fixed$q
  outside <- if (frame$is_whole) matrix(0, length(at), length(at)) else
    diag(length(at)) - tcrossprod(q[at, , drop = FALSE]) - crossprod(rows)
  list(
    rows = rows, outside = outside, rest = frame$rest[at], rest2 = sum(frame$rest^2),
    df = nrow(q) - length(at) - frame$fixed$rank, lambda = frame$lambda, y = frame$y
  )
}

# -2 l_- at phi = log t up to a constant, with its slope if asked; list(value, slope, inverse =
# Pi^-1, py = (P y)_F, square = S).
deleted_criterion <- function(own, phi, with_slope = FALSE) {
  e <- exp(phi) * own$lambda
  w <- 1 / (1 + e)
  pi <- own$outside + cpp_crossprod(own$rows * w, own$rows)
  root <- chol(pi)
  py <- own$rest + drop(crossprod(own$rows, w * own$y))
  inverse <- chol2inv(root)
  x <- drop(inverse %*% py)
  square <- own$rest2 + sum(w * own$y^2) - sum(py * x)
  out <- list(
    value = sum(log1p(e)) + 2 * sum(log(diag(root))) + own$df * log(square), inverse = inverse,
    py = py, square = square
  )
  if (!with_slope) return(out)
  dw <- -w * (1 - w)
  solved <- cpp_crossprod(t(own$rows), inverse)
  along <- drop(own$rows %*% x)
  d_square <- sum(dw * (own$y - along)^2)
  out$slope <- sum(1 - w) + sum(dw * rowSums(solved * own$rows)) + own$df * d_square / square
  out
}

# list(phi, at = the criterion there) of the maximum inside; NULL where it lies at a boundary, or
# where another mode comes so near that a search of its own has to tell.
deleted_maximum <- function(own, tol) {
  positive <- own$lambda[own$lambda > 0]
  phi <- seq(-9, 9) - log(mean(positive))
  value <- vapply(phi, function(x) deleted_criterion(own, x)$value, 0)
  best <- which.min(value)
  last <- length(phi)
  if (best == 1 || best == last) return(NULL)
  is_mode <- c(FALSE, diff(sign(diff(value))) > 0, FALSE)
  others <- c(value[setdiff(which(is_mode), best)], value[c(1, last)], deleted_at_zero(own))
  if (any(others < value[best] + 1)) return(NULL)
  root <- slope_root(own, phi[best + -1:1], value[best + -1:1], tol)
  if (!is.null(root)) list(phi = root, at = deleted_criterion(own, root))
}

deleted_at_zero <- function(own) deleted_criterion(own, -Inf)$value

# Where the slope is zero, by secants from the vertex of the parabola through three points.
slope_root <- function(own, phi, value, tol) {
  bend <- value[1] - 2 * value[2] + value[3]
  from <- phi[2] + (value[1] - value[3]) / (2 * bend)
  to <- from + 0.05
  slopes <- c(deleted_criterion(own, from, TRUE)$slope, deleted_criterion(own, to, TRUE)$slope)
  for (i in 1:12) {
    step <- -slopes[2] * (to - from) / (slopes[2] - slopes[1])
    if (!is.finite(step) || abs(to + step - phi[2]) > 1) return(NULL)
    from <- to
    to <- to + step
    if (abs(step) <= tol) return(to)
    slopes <- c(slopes[2], deleted_criterion(own, to, TRUE)$slope)
  }
  NULL
}
