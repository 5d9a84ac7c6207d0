# The referee of fits with several random terms, by dense algebra in the units of the data:
# y ~ N(Z omega, sigma_e^2 V), V = W^-1 + sum_k A_k (I (x) S_k) A_k', with V written out and
# solve() applied to it, and the maximum by nlminb() over Cholesky factors from several starts.
# Nothing here comes from the package's own formulae.
#
# A model is list(y [n], z [n x c], a: list of A_k [n x J_k r_k], level by level, widths: r_k,
# w [n]). A kernel is A_k = a root of it.

terms_model <- function(y, z, a, widths = rep(1, length(a)), w = rep(1, length(y))) {
  a <- lapply(a, function(x) unname(as.matrix(x)))
  list(y = as.double(y), z = unname(z), a = a, widths = widths, w = w)
}

# A_k of (x | g): x [n x r] by the levels of g.
level_matrix <- function(g, x = matrix(1, length(g), 1)) {
  g <- factor(g)
  out <- matrix(0, length(g), nlevels(g) * ncol(x))
  for (column in seq_len(ncol(x))) {
    out[cbind(seq_along(g), (as.integer(g) - 1) * ncol(x) + column)] <- x[, column]
  }
  out
}

# I (x) S.
by_level <- function(s, a) kronecker(diag(ncol(a) / nrow(s)), s)

terms_covariance <- function(model, relative) {
  v <- diag(1 / model$w, length(model$y))
  for (k in seq_along(model$a)) {
    a <- model$a[[k]]
    v <- v + a %*% by_level(relative[[k]], a) %*% t(a)
  }
  v
}

# Everything at given relative covariances S_k; sigma2 = rss / N unless it is given.
terms_state <- function(model, relative, method = "REML", sigma2 = NULL) {
  v <- terms_covariance(model, relative)
  inverse <- solve(v)
  inverse <- (inverse + t(inverse)) / 2
  z <- model$z
  information <- t(z) %*% inverse %*% z
  covariance <- if (ncol(z)) solve(information) else matrix(0, 0, 0)
  omega <- drop(covariance %*% (t(z) %*% inverse %*% model$y))
  p <- inverse - inverse %*% z %*% covariance %*% t(z) %*% inverse
  py <- drop(p %*% model$y)
  rss <- sum(model$y * py)
  df <- length(model$y) - if (method == "REML") ncol(z) else 0
  if (is.null(sigma2)) sigma2 <- rss / df
  log_det <- c(determinant(v)$modulus)
  if (method == "REML" && ncol(z)) log_det <- log_det + c(determinant(information)$modulus)
  list(
    v = v, inverse = inverse, p = p, py = py, rss = rss, sigma2 = sigma2, omega = omega,
    covariance = covariance, log_det = log_det,
    loglik = -0.5 * (df * log(2 * pi * sigma2) + log_det + rss / sigma2),
    effects = Map(function(a, s) drop(by_level(s, a) %*% (t(a) %*% py)), model$a, relative)
  )
}

# S_k from the lower triangles of their Cholesky factors, one after the other.
relative_of <- function(theta, widths) {
  sizes <- widths * (widths + 1) / 2
  ends <- cumsum(sizes)
  Map(function(r, size, end) {
    l <- matrix(0, r, r)
    l[lower.tri(l, TRUE)] <- theta[seq_len(size) + end - size]
    tcrossprod(l)
  }, widths, sizes, ends)
}

# The best of several starts: list(relative, loglik).
terms_maximum <- function(model, method = "REML", scales = c(1, 0.1, 3)) {
  sizes <- model$widths * (model$widths + 1) / 2
  unit <- unlist(lapply(model$widths, function(r) diag(r)[lower.tri(diag(r), TRUE)]))
  objective <- function(theta) {
    value <- tryCatch(
      terms_state(model, relative_of(theta, model$widths), method)$loglik,
      error = function(e) -1e10
    )
    -value
  }
  runs <- lapply(scales, function(scale) {
    one <- stats::nlminb(
      scale * unit + 0.01 * scale, objective,
      control = list(rel.tol = 1e-14, x.tol = 1e-10, iter.max = 2000, eval.max = 5000)
    )
    # once more from there: the first run may end on a ridge
    stats::nlminb(one$par, objective, control = list(rel.tol = 1e-14, x.tol = 1e-10))
  })
  best <- runs[[which.min(vapply(runs, `[[`, 0, "objective"))]]
  list(relative = relative_of(best$par, model$widths), loglik = -best$objective)
}

# Directions E_ab of vech(S_k), k by k, and then NULL for sigma_e^2 itself.
terms_directions <- function(widths) {
  out <- list()
  for (k in seq_along(widths)) {
    at <- which(lower.tri(diag(widths[k]), TRUE), arr.ind = TRUE)
    for (i in seq_len(nrow(at))) {
      e <- matrix(0, widths[k], widths[k])
      e[at[i, 1], at[i, 2]] <- e[at[i, 2], at[i, 1]] <- 1
      out <- c(out, list(list(term = k, e = e)))
    }
  }
  c(out, list(NULL))
}

# dVar(y) / d parameter.
terms_derivatives <- function(model) {
  lapply(terms_directions(model$widths), function(d) {
    if (is.null(d)) return(diag(1 / model$w, length(model$y)))
    a <- model$a[[d$term]]
    a %*% by_level(d$e, a) %*% t(a)
  })
}
