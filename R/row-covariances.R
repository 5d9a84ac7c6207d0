# The covariance of the rows as a matrix, and its derivatives by all variances and covariances: what
# corrections for small samples are made of. O(n^2) numbers and O(n^3) work a parameter, which is
# for samples in which such a correction matters.

# list(labels, units): for every parameter but the residual variance the term that it is of and the
# matrix E [r x r] that it multiplies, Sigma = sum_i sigma_i E_i.
covariance_units <- function(fit) {
  parameters <- terms_parameters(fit$designs)
  parameters <- parameters[!is.na(parameters$term), ]
  units <- Map(function(term, i, j) {
    r <- coefficient_width(fit$designs[[term]])
    e <- matrix(0, r, r)
    e[i, j] <- e[j, i] <- 1
    e
  }, parameters$term, parameters$row, parameters$column)
  list(labels = names(fit$designs)[parameters$term], units = units)
}

# Derivatives by these parameters of Cov(rows of the core, x'beta at rows `at`) [n x length(at)] and
# of Var(x'beta) there, in the units of the core: list(covariance, prior) for each. used: labels
# of the terms that x'beta is of.
covariance_slopes <- function(fit, parameters, rows, at, used = names(fit$designs)) {
  Map(function(label, unit) {
    if (!label %in% used) {
      return(list(covariance = matrix(0, fit$dims$n, length(at)), prior = numeric(length(at))))
    }
    design <- fit$designs[[label]]
    term_points(design, term_rows(rows, design), at, unit, fit$internal)
  }, parameters$labels, parameters$units)
}

# list(parameters, sigma, slopes, p, weights, inner, w): the parameters with their estimates, those
# of the residual last; V_i = dV / dsigma_i [n x n] but that of the residual, which is I; P;
# G = V^-1 Q (Q'V^-1 Q)^-1, delta hat = G'y, and its covariance (Q'V^-1 Q)^-1; W, the inverse of the
# expected information tr(P V_i P V_j) / 2.
row_covariances <- function(fit) {
  n <- fit$dims$n
  parameters <- covariance_units(fit)
  count <- length(parameters$units)
  require_memory(8 * as.double(n)^2 * (2 * count + 3), paste("the covariance of", n, "rows"))
  root <- value_or(fit$internal$fixed$root, 1)
  rows <- fitted_points(fit)
  slopes <- lapply(seq_len(count), function(i) matrix(0, n, n))
  for (at in point_blocks(fit, n)) {
    cpp_poll()
    own <- covariance_slopes(fit, parameters, rows, at)
    for (i in seq_len(count)) slopes[[i]][, at] <- own[[i]]$covariance
  }
  slopes <- lapply(slopes, function(v) {
    v <- v * rep(root, each = n)
    (v + t(v)) / 2
  })
  sigma <- inside_parameters(fit)
  v <- diag(sigma[count + 1], n)
  for (i in seq_len(count)) v <- v + sigma[i] * slopes[[i]]
  c(
    list(parameters = parameters, sigma = sigma, slopes = slopes),
    projected_information(v, fit$internal$fixed$q, slopes)
  )
}

# All variances and covariances in the units of the core, the residual variance last.
inside_parameters <- function(fit) {
  units <- fit$internal$units
  own <- each_term(fit, function(design) {
    inside_block(units, design, covariance_of(fit, design$label))
  })
  c(half_vectors(own), inside_variance(units, fit$variances[["Residual"]], "Residual"))
}

# V may be singular in directions of Q, as where columns are centred and the residual variance is 0:
# V + a QQ' has the same P and G.
projected_information <- function(v, q, slopes) {
  a <- mean(diag(v))
  root <- tryCatch(chol(v + a * tcrossprod(q)), error = function(e) NULL)
  if (is.null(root)) {
    abort(
      "unsupported", "the covariance of the rows is singular, as the residual variance is 0: ",
      "there is no correction for small samples."
    )
  }
  inverse <- chol2inv(root)
  solved <- cpp_crossprod(inverse, q)
  inner <- if (ncol(q) > 0) solve(crossprod(q, solved)) else matrix(0, 0, 0)
  weights <- solved %*% inner
  p <- inverse - tcrossprod(weights, solved)
  inside <- c(lapply(slopes, function(slope) cpp_crossprod(p, slope)), list(p))
  information <- outer(seq_along(inside), seq_along(inside), Vectorize(function(i, j) {
    if (i < j) 0 else sum(inside[[i]] * t(inside[[j]])) / 2
  }))
  information <- information + t(information) - diag(diag(information), nrow(information))
  list(
    p = p, weights = weights, inner = inner - diag(a, ncol(q)), w = scaled_inverse(information)
  )
}

# Of a positive definite matrix whose rows have units of their own.
scaled_inverse <- function(m) {
  size <- sqrt(diagonal(m))
  solve(m / outer(size, size)) / outer(size, size)
}

# V_i b for every parameter, b [n x m].
slope_products <- function(covariances, b) {
  c(lapply(covariances$slopes, function(slope) cpp_crossprod(slope, b)), list(b))
}

# sum_ij W_ij A_i' P A_j for A_i [n x m]: [m x m], or its diagonal alone [m].
weighted_forms <- function(covariances, a, diagonal_only = FALSE) {
  half <- lapply(a, function(own) cpp_crossprod(covariances$p, own))
  out <- 0
  for (i in seq_along(a)) {
    right <- Reduce(`+`, Map(`*`, half, covariances$w[i, ]))
    out <- out + if (diagonal_only) colSums(a[[i]] * right) else crossprod(a[[i]], right)
  }
  out
}
