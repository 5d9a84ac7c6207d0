# REML without some rows F on the decomposition of all of them, for one random term of which
# eigenvectors on the space that the fixed effects leave are known: K = U diag(lambda) U' there.
# With t = sigma_b^2 / sigma_e^2 and w = 1 / (1 + t lambda), P sigma_e^2 = N + U diag(w) U', N the
# projection on what neither Z nor U spans. With Pi = P_FF sigma_e^2 and S = y'P y less
# (P y)_F'Pi^-1 (P y)_F,
#   -2 l_-(t) = sum log(1 + t lambda) + log|Pi| + (n - f - c) log S + const,
# which costs r f^2 an evaluation.

largest_deleted_share <- 0.12  # of the rows: beyond, a decomposition of the others is less work
# What must be left of a difference (a square, a variance or a direction without the deleted rows,
# or given the data), as a part of what it is taken from: less has lost more digits than a fit has.
least_left <- 1e-5

# list(vectors [n x r], lambda [r], is_whole, fixed, designs, diagonal and sums [n] of the rows of
# K, its kappa): of a problem with a kernel.
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
  found <- cpp_decompose(core, NULL, q, numeric(nrow(q)), NULL, NULL, "vectors", host)
  vectors <- found$vectors
  frame <- list(
    vectors = vectors, lambda = found$parts$d, is_whole = ncol(vectors) == nrow(q) - fixed$rank,
    fixed = fixed, designs = problem$designs, diagonal = diag(cells), sums = rowSums(cells)
  )
  frame$kappa <- kept_kappa(frame, integer())
  frame
}

product_of <- function(a, b) cpp_crossprod(t(a), b)

# response_data() with y [r x m] = U'y and rest [n x m] = y less U U'y.
along_frame <- function(frame, data) {
  data$y <- cpp_crossprod(frame$vectors, data$residual)
  data$rest <- if (frame$is_whole) 0 * data$residual else
    data$residual - product_of(frame$vectors, data$y)
  data
}

# kappa of the rows that are left.
kept_kappa <- function(frame, at) {
  design <- lone_design(frame)
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

# Whether too little is left without the rows F: of a direction of the fixed effects, or of K.
loses_digits <- function(frame, at) {
  loses_fixed(frame$fixed$q[at, , drop = FALSE]) ||
    kept_kappa(frame, at) < least_left * frame$kappa
}

# q: the rows that are deleted.
loses_fixed <- function(q) min(told_by_others(q, only.values = TRUE)$values, 1) < least_left

# (I - Q Q') k, transposed.
off_fixed <- function(k, q) t(k - q %*% crossprod(q, k))

# What of the frame concerns the rows F.
deletion_of <- function(frame, at) {
  rows <- t(frame$vectors[at, , drop = FALSE])
  q <- frame$fixed$q
  outside <- if (frame$is_whole) matrix(0, length(at), length(at)) else
    diag(length(at)) - tcrossprod(q[at, , drop = FALSE]) - crossprod(rows)
  list(
    at = at, rows = rows, outside = outside, df = nrow(q) - length(at) - frame$fixed$rank,
    lambda = frame$lambda, kappa = kept_kappa(frame, at)
  )
}

# With factors of Pi on a grid over phi = log t, and at t = 0, which all responses without these
# rows share.
with_nodes <- function(deletion) {
  positive <- deletion$lambda[deletion$lambda > 0]
  phi <- c(seq(-9, 9) - log(mean(positive)), -Inf)
  deletion$nodes <- lapply(phi, deletion_factor, own = deletion)
  deletion
}

# A response without these rows, of along_frame().
deleted_response <- function(deletion, along, k) {
  rest <- along$rest[, k]
  # keeps logarithms of sums of squares that are rounding alone finite
  least <- (64 * .Machine$double.eps * along$size[k])^2
  c(deletion, list(
    rest = rest[deletion$at], rest2 = sum(rest^2), y = along$y[, k], least_square = least
  ))
}

# list(phi, w [r], root = R of Pi = R'R, size = sum log(1 + t lambda) + log|Pi|).
deletion_factor <- function(own, phi) {
  e <- exp(phi) * own$lambda
  w <- 1 / (1 + e)
  pi <- own$outside + cpp_crossprod(own$rows * w, own$rows)
  root <- if (length(pi) > 0) chol(pi) else pi
  list(phi = phi, w = w, root = root, size = sum(log1p(e)) + 2 * sum(log(diag(root))))
}

# -2 l_- at a factor, up to a constant: list(phi, value, py = (P y)_F, solved = Pi^-1 (P y)_F,
# square = S).
deleted_criterion <- function(own, factor) {
  w <- factor$w
  py <- own$rest + drop(crossprod(own$rows, w * own$y))
  solved <- if (length(py) == 0) py else
    backsolve(factor$root, backsolve(factor$root, py, transpose = TRUE))
  whole <- own$rest2 + sum(w * own$y^2)
  square <- max(own$least_square, whole - sum(py * solved))
  list(
    phi = factor$phi, value = factor$size + own$df * log(square), py = py, solved = solved,
    square = square, left = square / whole
  )
}

# Its slope in phi.
deleted_slope <- function(own, phi) {
  factor <- deletion_factor(own, phi)
  at <- deleted_criterion(own, factor)
  w <- factor$w
  dw <- -w * (1 - w)
  inverse <- product_of(own$rows, inverse_of_factor(factor))
  d_square <- sum(dw * (own$y - drop(own$rows %*% at$solved))^2)
  sum(1 - w) + sum(dw * rowSums(inverse * own$rows)) + own$df * d_square / at$square
}

# list(phi, py, square, inverse = Pi^-1) of the maximum inside; NULL where it lies at a boundary,
# where another mode comes so near that a search of its own has to tell, or where the deleted rows
# outweigh the others so far that the difference has too few digits.
deleted_maximum <- function(own, tol) {
  phi <- vapply(own$nodes, `[[`, 0, "phi")
  value <- vapply(own$nodes, function(node) deleted_criterion(own, node)$value, 0)
  last <- length(phi) - 1  # at t = 0 comes after the grid
  best <- which.min(value[seq_len(last)])
  if (best == 1 || best == last) return(NULL)
  is_mode <- c(FALSE, diff(sign(diff(value[seq_len(last)]))) > 0, FALSE)
  others <- value[c(setdiff(which(is_mode), best), 1, last, last + 1)]
  if (any(others < value[best] + 1)) return(NULL)
  root <- slope_root(own, phi[best + -1:1], value[best + -1:1], tol)
  if (is.null(root)) return(NULL)
  at <- deleted_at(own, root)
  if (at$square > own$least_square && at$left >= least_left) at
}

inverse_of_factor <- function(factor) {
  if (length(factor$root) > 0) chol2inv(factor$root) else factor$root
}

# The same at a given phi.
deleted_at <- function(own, phi) {
  factor <- deletion_factor(own, phi)
  c(deleted_criterion(own, factor), list(inverse = inverse_of_factor(factor)))
}

# Where the slope is zero, by secants from the vertex of the parabola through three points.
slope_root <- function(own, phi, value, tol) {
  bend <- value[1] - 2 * value[2] + value[3]
  from <- phi[2] + (value[1] - value[3]) / (2 * bend)
  to <- from + 0.05
  slopes <- c(deleted_slope(own, from), deleted_slope(own, to))
  for (i in 1:12) {
    step <- -slopes[2] * (to - from) / (slopes[2] - slopes[1])
    if (!is.finite(step) || abs(to + step - phi[2]) > 1) return(NULL)
    from <- to
    to <- to + step
    if (abs(step) <= tol) return(to)
    slopes <- c(slopes[2], deleted_slope(own, to))
  }
  NULL
}
