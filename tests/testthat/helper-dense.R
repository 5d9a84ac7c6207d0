# Brute force, the referee of the package: the model y ~ N(Z omega, sigma_b^2 A S A' +
# sigma_e^2 W^-1) by dense matrices, with V written out and solve() applied to it. Nothing
# here comes from the package's own formulae: effects are b ~ N(0, sigma_b^2 S), y = Z
# omega + A b + e, so that designs (S = I), grouping factors (A = incidence) and kernels
# (S = K) are one case.
#
# A dense model is list(y [n], z [n x c], a [n x q], s [q x q], w [n], gram = A S A' [n x
# n]); variances are v = c(sigma_b^2, sigma_e^2) in the units of the data.

dense_model <- function(y, z, a, s = diag(ncol(a)), w = rep(1, length(y)),
                        gram = a %*% s %*% t(a)) {
  list(y = y, z = unname(z), a = unname(a), s = unname(s), w = w, gram = unname(gram))
}

# The model without some rows.
dense_without <- function(model, rows) {
  dense_model(
    model$y[-rows], model$z[-rows, , drop = FALSE], model$a[-rows, , drop = FALSE],
    model$s, model$w[-rows], model$gram[-rows, -rows, drop = FALSE]
  )
}

# kappa = tr(C K C) / (n - 1), C the centring matrix.
dense_kappa <- function(model) {
  n <- length(model$y)
  centring <- diag(n) - 1 / n
  sum(diag(centring %*% model$gram %*% centring)) / (n - 1)
}

log_det <- function(m) {
  if (nrow(m) == 0) 0 else as.numeric(determinant(m, logarithm = TRUE)$modulus)
}

# V, its inverse, P, and the generalised least squares fit.
dense_state <- function(model, v) {
  n <- length(model$y)
  noise <- diag(1 / model$w, n)
  covariance <- v[1] * model$gram + v[2] * noise
  inverse <- solve(covariance)
  z <- model$z
  information <- t(z) %*% inverse %*% z
  vcov <- if (ncol(z)) solve(information) else matrix(0, 0, 0)
  omega <- drop(vcov %*% (t(z) %*% inverse %*% model$y))
  list(
    v = covariance, inverse = inverse, vcov = vcov, omega = omega,
    p = inverse - inverse %*% z %*% vcov %*% t(z) %*% inverse,
    residual = drop(model$y - z %*% omega), information = information,
    derivatives = list(model$gram, noise)
  )
}

dense_loglik <- function(model, v, method) {
  n <- length(model$y)
  c <- ncol(model$z)
  state <- dense_state(model, v)
  quadratic <- sum(state$residual * (state$inverse %*% state$residual))
  if (method == "ML") return(-0.5 * (n * log(2 * pi) + log_det(state$v) + quadratic))
  determinants <- log_det(state$v) + log_det(state$information)
  -0.5 * ((n - c) * log(2 * pi) + determinants + quadratic)
}

# Log-likelihood with the total variance maximised out, at a proportion of variance
# explained.
dense_profile <- function(model, h, method, kappa = dense_kappa(model)) {
  n <- length(model$y)
  state <- dense_state(model, c(h / kappa, 1 - h))
  rss <- sum(state$residual * (state$inverse %*% state$residual))
  reml <- method == "REML"
  df <- n - if (reml) ncol(model$z) else 0
  determinants <- log_det(state$v) + if (reml) log_det(state$information) else 0
  -0.5 * (df * (log(2 * pi * rss / df) + 1) + determinants)
}

# Derivatives of the log-likelihood by (log sigma_b^2, log sigma_e^2).
dense_log_score <- function(model, v, method) {
  state <- dense_state(model, v)
  weight <- if (method == "REML") state$p else state$inverse
  py <- state$p %*% model$y
  v * vapply(state$derivatives, function(d) {
    0.5 * (sum(py * (d %*% py)) - sum(diag(weight %*% d)))
  }, 0)
}

# Expected information on (sigma_b^2, sigma_e^2): 1/2 tr(P V_k P V_l); V^-1 for P under
# ML.
dense_information <- function(model, v, method) {
  state <- dense_state(model, v)
  weight <- if (method == "REML") state$p else state$inverse
  products <- lapply(state$derivatives, function(d) weight %*% d)
  half_trace <- function(k, l) 0.5 * sum(diag(products[[k]] %*% products[[l]]))
  outer(1:2, 1:2, Vectorize(half_trace))
}

# Predicted effects and their prediction error covariance, omega integrated out.
dense_effects <- function(model, v) {
  state <- dense_state(model, v)
  cross <- v[1] * model$s %*% t(model$a)
  list(
    mean = drop(cross %*% state$inverse %*% state$residual),
    variance = diag(v[1] * model$s - cross %*% state$p %*% t(cross))
  )
}

# Mean and variance of z'omega + a'b at new rows z [m x c], a [m x q].
dense_prediction <- function(model, v, z, a) {
  state <- dense_state(model, v)
  f <- v[1] * model$a %*% model$s %*% t(a)
  rest <- t(z) - t(model$z) %*% state$inverse %*% f
  prior <- v[1] * diag(a %*% model$s %*% t(a))
  explained <- diag(t(f) %*% state$inverse %*% f)
  list(
    mean = drop(z %*% state$omega + t(f) %*% state$inverse %*% state$residual),
    variance = prior - explained + diag(t(rest) %*% state$vcov %*% rest)
  )
}

# Derivatives of the conditional fitted values by the response, from the two maps
# themselves.
dense_hat <- function(model, v) {
  state <- dense_state(model, v)
  to_omega <- state$vcov %*% t(model$z) %*% state$inverse
  to_effects <- v[1] * model$s %*% t(model$a) %*% state$p
  diag(model$z %*% to_omega + model$a %*% to_effects)
}

# Each row predicted from a refit without it, variances held.
dense_loo <- function(model, v) {
  rows <- lapply(seq_along(model$y), function(i) {
    out <- dense_prediction(
      dense_without(model, i), v, model$z[i, , drop = FALSE], model$a[i, , drop = FALSE]
    )
    c(out$mean, out$variance + v[2] / model$w[i])
  })
  rows <- do.call(rbind, rows)
  list(mean = rows[, 1], variance = rows[, 2])
}

# Observed information where the slopes are zero: y'P V_k P V_l P y less the expected one.
dense_observed <- function(model, v, method) {
  state <- dense_state(model, v)
  py <- state$p %*% model$y
  along <- lapply(state$derivatives, function(d) d %*% py)
  form <- function(k, l) sum(along[[k]] * (state$p %*% along[[l]]))
  outer(1:2, 1:2, Vectorize(form)) - dense_information(model, v, method)
}

# Satterthwaite: 2 C_jj^2 / g' I^-1 g, g the derivative of C_jj by fourth-order
# differences.
dense_satterthwaite <- function(model, v, method) {
  c_at <- function(v) diag(dense_state(model, v)$vcov)
  gradient <- vapply(1:2, function(k) {
    step <- 1e-3 * v[k] * (1:2 == k)
    (8 * (c_at(v + step) - c_at(v - step)) - (c_at(v + 2 * step) - c_at(v - 2 * step))) /
      (12e-3 * v[k])
  }, numeric(ncol(model$z)))
  gradient <- matrix(gradient, ncol(model$z), 2)
  inverse <- solve(dense_observed(model, v, method))
  2 * c_at(v)^2 / rowSums((gradient %*% inverse) * gradient)
}

# Random cases ---------------------------------------------------------------------------

# One data set with its dense twin and new rows. Arguments say what is in it; X has column
# means `shift`, and random = the kind of random term.
dense_case <- function(seed, n, p, n_fixed = 2, random = "dense", weights = FALSE,
                       offset = FALSE, center = FALSE, scale = FALSE, shift = 0,
                       pve = 0.5, m = 4) {
  set.seed(seed)
  at <- seq_len(n)
  slopes <- matrix(stats::rnorm((n + m) * max(0, n_fixed - 1)), n + m)
  z <- cbind(if (n_fixed > 0) rep(1, n + m), slopes)
  if (n_fixed == 0) z <- matrix(0, n + m, 0)
  w <- if (weights) stats::runif(n, 0.3, 3) else rep(1, n)
  o <- if (offset) stats::rnorm(n + m, sd = 3) else rep(0, n + m)
  term <- switch(random,
    dense = case_dense(n, m, p, shift, center, scale, "dense"),
    sparse = case_dense(n, m, p, shift, center, scale, "sparse"),
    group = case_group(n, m, p),
    kernel = case_kernel(n, m, p)
  )
  a <- term$a
  fitted <- list(z = z[at, , drop = FALSE], a = a[at, , drop = FALSE])
  kappa <- dense_kappa(dense_model(numeric(n), fitted$z, fitted$a, term$s))
  b <- drop(chol(term$s + 1e-8 * diag(nrow(term$s))) %*% stats::rnorm(nrow(term$s)))
  y <- drop(fitted$z %*% rep(1, ncol(z))) + o[at] +
    sqrt(pve / kappa) * drop(fitted$a %*% b) +
    sqrt((1 - pve) / w) * stats::rnorm(n)
  data <- c(list(y = y, zz = slopes[at, , drop = FALSE], w = w, o = o[at]), term$data)
  new <- c(list(zz = slopes[-at, , drop = FALSE], o = o[-at]), term$new)
  if (n_fixed < 2) data$zz <- new$zz <- NULL
  left <- c("0", "1", "zz")[min(n_fixed, 2) + 1]
  text <- paste("y ~", left, "+", term$text)
  formula <- stats::as.formula(text, env = list2env(term$env))
  list(
    formula = formula, data = data, new = new,
    arguments = c(
      if (weights) list(weights = quote(w)), if (offset) list(offset = quote(o))
    ),
    dense = dense_model(y - o[at], fitted$z, fitted$a, term$s, w),
    offset = o[at], new_z = z[-at, , drop = FALSE], new_a = a[-at, , drop = FALSE],
    new_offset = o[-at], effects = term$effects,
    label = paste0(
      "seed ", seed, ": n = ", n, ", p = ", p, ", c = ", n_fixed, ", ", random,
      if (weights) ", weights", if (offset) ", offset", if (center) ", center",
      if (scale) ", scale", if (shift != 0) paste0(", means ", shift)
    )
  )
}

case_dense <- function(n, m, p, shift, center, scale, storage) {
  at <- seq_len(n)
  x <- if (storage == "sparse") {
    Matrix::rsparsematrix(n + m, p, density = 0.3)
  } else {
    matrix(stats::rnorm((n + m) * p), n + m) + rep(shift * seq_len(p) / p, each = n + m)
  }
  a <- as.matrix(x)
  seen <- a[at, , drop = FALSE]
  if (center) a <- a - rep(colMeans(seen), each = n + m)
  if (scale) a <- a / rep(apply(seen, 2, stats::sd), each = n + m)
  options <- paste0(if (center) ", center = TRUE", if (scale) ", scale = TRUE")
  list(
    a = unname(a), s = diag(p), text = paste0("re(X", options, ")"),
    env = list(X = x[at, , drop = FALSE]), data = list(),
    new = list(X = x[-at, , drop = FALSE]), effects = seq_len(p)
  )
}

# Levels 1..p are observed; the last of the new rows has a level that is not.
case_group <- function(n, m, p) {
  g <- c(seq_len(p), sample(p, n - p, replace = TRUE), sample(p, m - 1), p + 1)
  a <- diag(p + 1)[g, ]
  levels <- sprintf("g%02d", g)
  list(
    a = a, s = diag(p + 1), text = "(1 | g)", env = list(),
    data = list(g = factor(levels[seq_len(n)])), new = list(g = levels[-seq_len(n)]),
    effects = seq_len(p)
  )
}

# p individuals, the last three without observations.
case_kernel <- function(n, m, p) {
  root <- matrix(stats::rnorm(p * (p + 3)), p)
  kernel <- tcrossprod(root) / p
  dimnames(kernel) <- list(paste0("i", seq_len(p)), paste0("i", seq_len(p)))
  seen <- p - 3
  unit <- c(sample(seen, n, replace = n > seen), seen + seq_len(3), sample(seen, m - 3))
  id <- rownames(kernel)[unit]
  list(
    a = diag(p)[unit, ], s = kernel, text = "re(kernel = kernel, id = id)",
    env = list(kernel = kernel), data = list(id = id[seq_len(n)]),
    new = list(id = id[-seq_len(n)]), effects = seq_len(p)
  )
}

# Fit of a case; `...` are further arguments of lmm().
fit_case <- function(case, method, ...) {
  call <- as.call(c(
    list(quote(lmm), case$formula, data = quote(case$data), method = method),
    case$arguments, list(...)
  ))
  eval(call)
}

# Relative difference of two numbers or vectors, by the largest entry of the second; NA
# only equals NA.
relative_error <- function(x, y) {
  x <- unname(as.numeric(x))
  y <- unname(as.numeric(y))
  if (length(x) != length(y) || any(is.na(x) != is.na(y))) return(Inf)
  x <- x[!is.na(x)]
  y <- y[!is.na(y)]
  if (length(y) == 0) return(0)
  max(abs(x - y)) / max(abs(y), .Machine$double.xmin)
}

# Passes when every number in `error` is at most `bound`; names what is not.
expect_below <- function(error, bound, info = "") {
  is_bad <- is.na(error) | error > bound
  worst <- sprintf("%s = %.3g", names(error)[is_bad], error[is_bad])
  testthat::expect(
    !any(is_bad),
    paste0("above ", format(bound), ": ", paste(worst, collapse = ", "), " ", info)
  )
  invisible(error)
}
